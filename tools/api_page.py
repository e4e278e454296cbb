"""Write `docs/api.md` from the docstrings of the public names.

    uv run python tools/api_page.py

`tests/test_api.py` fails when the page is not what this writes.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import ca

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
TOPICS = {
    "Load and save": ("CellularAutomaton", "Architecture", "save_automaton", "load_digits", "make_digits"),
    "Classify and roll out": ("classify", "Classification", "roll_out", "draw_cells"),
    "Train and measure": ("train_automaton", "measure_automaton", "Measurements"),
    "Data and errors": ("Digits", "FailedError"),
}
INTRODUCTION = """\
# Python API

All public names are in `ca`: `import ca`, then `ca.classify(...)`. The scripts in `examples/` use them.

A grid is a tensor (batch, channels, height, width): the liveness, the communication channels and the output
channels of each cell; by default 1 + 9 + 10. `Images` and `Labels` are NumPy arrays or PyTorch
tensors. Everything is computed on the automaton's device: `automaton.to("cuda")` moves it to a GPU.
"""
SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises", "Example")
WIDTH = 100


def api_page() -> str:
    """Return the text of the page."""
    missing = set(ca.__all__).symmetric_difference(name for names in TOPICS.values() for name in names)
    if missing:
        raise ValueError(f"in only one of TOPICS and ca.__all__: {', '.join(sorted(missing))}")
    parts = [INTRODUCTION]
    for topic, names in TOPICS.items():
        parts.append(f"## {topic}\n")
        for name in names:
            parts += _entries(name, getattr(ca, name))
    return "\n".join(parts)


def _entries(name: str, found: Any) -> Iterator[str]:
    """Describe a function, or a class and its public methods."""
    yield f"### `{name}`\n"
    if not inspect.isclass(found):
        yield _signature(name, found)
        yield _description(found)
        return
    if "__init__" in vars(found) and not is_dataclass(found):
        yield _signature(name, found.__init__)
    yield _description(found)
    for member, value in vars(found).items():
        computed = isinstance(value, property | cached_property)
        function = (
            value.fget
            if isinstance(value, property)
            else getattr(value, "func", getattr(value, "__func__", value))
        )
        if member.startswith("_") or not inspect.isfunction(function) or not function.__doc__:
            continue
        yield f"#### `{name}.{member}`\n"
        if not computed:
            yield _signature(member, function)
        yield _description(function)


def _signature(name: str, function: Callable[..., object]) -> str:
    """Write a signature with annotations as in the source and defaults as values."""
    node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(node, ast.FunctionDef)
    arguments = [*node.args.args, *node.args.kwonlyargs]
    annotations = {each.arg: ast.unparse(each.annotation) for each in arguments if each.annotation}
    words = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        words.append(f"{parameter.name}: {annotations[parameter.name]}{default}")
    returns = (
        ""
        if node.name == "__init__" or node.returns is None
        else " -> " + ast.unparse(node.returns).strip("'")
    )
    line = f"{name}({', '.join(words)}){returns}"
    if len(line) > WIDTH:
        line = f"{name}(\n" + "".join(f"    {word},\n" for word in words) + f"){returns}"
    return f"```py\n{line}\n```\n"


def _description(found: Any) -> str:
    """Turn a docstring into Markdown: paragraphs, then its sections as lists."""
    text = inspect.cleandoc(found.__doc__ or "")
    first, *rest = re.split(rf"^({'|'.join(SECTIONS)}):\n", text, flags=re.MULTILINE)
    parts = [first.strip() + "\n"]
    for title, body in zip(rest[::2], rest[1::2], strict=True):
        body = textwrap.dedent(body).strip()
        if title == "Example":
            parts.append(f"```pycon\n{body}\n```\n")
        elif title in ("Returns", "Yields"):
            parts.append(f"**{title}** {' '.join(body.split())}\n")
        else:
            items = [" ".join(item.split()) for item in re.split(r"\n(?=\S)", body)]
            parts.append(
                f"**{'Arguments' if title == 'Args' else title}**\n\n"
                + "".join(f"- `{item.replace(':', '`:', 1)}\n" for item in items)
            )
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(api_page(), encoding="utf-8")
