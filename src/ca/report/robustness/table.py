"""The table of a robustness report, in Markdown."""

from collections.abc import Mapping, Sequence

from ca.report.robustness.conditions import Condition
from ca.report.robustness.trial import Score


def robustness_table(conditions: Sequence[Condition], scores: Mapping[str, Sequence[Score]]) -> str:
    """Digit accuracy, cell accuracy and agreement in percent: a line for unchanged digits and each condition.

    Args:
        scores: of each checkpoint, by its name, one for each condition
    """
    lines = [
        f"| digits right / cells right / agreement, in % | {' | '.join(scores)} |",
        "|---|" + "--:|" * len(scores),
    ]
    plain = [number for number, condition in enumerate(conditions) if condition.is_plain]
    changed = [number for number, condition in enumerate(conditions) if not condition.is_plain]
    for number in [*plain[:1], *changed]:
        condition = conditions[number]
        name = "unchanged" if condition.is_plain else f"{condition.kind}: {condition.strength}"
        cells = (_cell(of_one[number]) for of_one in scores.values())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(score: Score) -> str:
    return " / ".join(
        f"{100 * share:.1f}" for share in (score.digit_accuracy, score.cell_accuracy, score.agreement)
    )
