"""Training and measuring automata."""

import re
from collections.abc import Callable

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ca.api.device import device_of, engine_threads
from ca.architecture import Architecture
from ca.data.digits import Digits, some_of
from ca.model import CellularAutomaton
from ca.protocol import Measurements, measure
from ca.settings.choices import LossName, RecipeName, Regime
from ca.settings.recipes import RECIPES
from ca.settings.training import TrainSettings, settings_of
from ca.system.arguments import check_at_least, check_choice
from ca.system.errors import UsageError
from ca.system.seeds import seeded
from ca.train.loop import RECORD_EVERY, train_until
from ca.train.run import TrainingRun


def train_automaton(
    automaton: CellularAutomaton | None = None,
    *,
    steps: int,
    digits: Digits | None = None,
    recipe: RecipeName = "quick",
    batch_size: int = TrainSettings.batch_size,
    pool_size: int = TrainSettings.pool_size,
    ticks: tuple[int, ...] | None = None,
    regime: Regime = TrainSettings.regime,
    loss: LossName = TrainSettings.loss,
    rate: float | None = None,
    seed: int = 0,
    callback: Callable[[int, float, CellularAutomaton], object] | None = None,
    progress: bool = True,
) -> CellularAutomaton:
    """Train an automaton, as `ca train` does but without writing any file.

    Args:
        automaton: trained in place, from the weights that it has; its class may be a subclass of
            `CellularAutomaton` with another rule. None: a new one, with random weights
        steps: training steps, over which the learning rate falls: two runs of 500 are not one of 1,000
        digits: to train on; None: the training digits of MNIST
        recipe: optimiser and learning rate. "quick": SOAP for some thousand steps; "best": SOAP for 100,000;
            "article": Adam as in the article; "drawn": "best" on distorted and written digits
        batch_size: digits in a step, a multiple of 4
        pool_size: samples that persist between steps
        ticks: least and most ticks in a step, or four numbers: these at the start and at the end; None: the
            recipe's
        regime: "naive", "persistent" or "mutating" (article, "Experiment 1")
        loss: "l2" or "cross-entropy" (article, "Experiment 2")
        rate: highest learning rate; None: the recipe's
        seed: of new weights and all random draws; the same seed repeats a run on the same machine
        callback: called after each step with the number of steps done, the step's loss and the automaton
        progress: show a progress bar

    Returns:
        the trained automaton

    Raises:
        ValueError: an argument is out of its range
        FailedError: the loss or a gradient is no longer finite

    Example:
        >>> import ca
        >>> losses = []
        >>> automaton = ca.train_automaton(
        ...     steps=5,
        ...     ticks=(5, 10),
        ...     recipe="article",
        ...     progress=False,
        ...     callback=lambda step, loss, automaton: losses.append(loss),
        ... )
        >>> len(losses)
        5
    """
    for name, value, choices in (
        ("recipe", recipe, RecipeName),
        ("regime", regime, Regime),
        ("loss", loss, LossName),
    ):
        check_choice(name, value, choices)
    architecture = Architecture() if automaton is None else automaton.architecture
    try:
        settings = TrainSettings(
            recipe=recipe,
            steps=steps,
            batch_size=batch_size,
            pool_size=pool_size,
            ticks=RECIPES[recipe].ticks if ticks is None else tuple(ticks),
            regime=regime,
            loss=loss,
            rate=RECIPES[recipe].rate if rate is None else rate,
            seed=seed,
            held_out=0,
            **settings_of(architecture),
        )
    except UsageError as error:  # names flags of the command line
        raise ValueError(re.sub(r"--([a-z-]+)", lambda flag: flag[1].replace("-", "_"), str(error))) from None
    if digits is not None:
        check_at_least(1, "the number of digits", len(digits))
        if automaton is not None:
            _check_classes(automaton, digits)
    device = torch.device("cpu") if automaton is None else device_of(automaton)
    run = TrainingRun.start(settings, device, automaton=automaton, digits=digits)
    with engine_threads(run.automaton), tqdm(total=steps, unit="step", disable=not progress) as bar:

        def on_step(run: TrainingRun, step_loss: Tensor) -> None:
            if progress and run.step % RECORD_EVERY == 0:  # reading the loss makes a GPU's host wait
                bar.set_postfix(loss=f"{step_loss:.3g}", refresh=False)
            bar.update()
            if callback is not None:
                callback(run.step, step_loss.item(), run.automaton)

        train_until(run, steps, on_step)
    return run.automaton


def _check_classes(automaton: CellularAutomaton, digits: Digits) -> None:
    """Raise ValueError if an automaton has not as many outputs as the digits have classes."""
    classes = automaton.architecture.classes
    if classes != len(digits.names):
        raise ValueError(
            f"the automaton has {classes} classes, and the digits have {len(digits.names)}: "
            f"{some_of(digits.names)}"
        )


def measure_automaton(
    automaton: CellularAutomaton,
    digits: Digits,
    *,
    ticks: int = 200,
    stages: int = 1,
    seed: int = 0,
    progress: bool = True,
) -> Measurements:
    """Roll out digits from zero state and measure after every tick.

    Args:
        digits: of `load_digits` or `make_digits`
        ticks: ticks of a stage
        stages: before each stage after the first, every digit mutates to another one of the set; `ca report`
            has two stages
        seed: of the random draws
        progress: show a progress bar

    Raises:
        ValueError: there are fewer digits than needed, or a number is too small

    Example:
        >>> import ca
        >>> automaton, digits = ca.CellularAutomaton.from_pretrained(), ca.load_digits()[:20]
        >>> measured = ca.measure_automaton(automaton, digits, ticks=50, progress=False)
        >>> curves = measured.curves()  # a number for each tick
        >>> len(curves["agreement"]), curves["digit_accuracy"][-1] > 0.9
        (50, True)
    """
    check_at_least(1, "ticks", ticks)
    check_at_least(1, "stages", stages)
    check_at_least(1 if stages == 1 else 2, "the number of digits", len(digits))
    _check_classes(automaton, digits)
    device = device_of(automaton)
    with engine_threads(automaton), tqdm(total=len(digits), unit="digit", disable=not progress) as bar:
        return measure(
            automaton,
            digits.to(device),
            stages=stages,
            ticks=ticks,
            generator=seeded(seed, device),
            advance=bar.update,
        )
