"""Automata to checkpoints."""

from pathlib import Path

import msgspec

from ca.api.device import device_of
from ca.checkpoint.config import Machine
from ca.checkpoint.folder import save_checkpoint
from ca.engine.device import machine
from ca.model import CellularAutomaton
from ca.settings.choices import Dataset
from ca.settings.training import RunSettings, settings_of
from ca.system.arguments import check_at_least, check_choice


def save_automaton(
    automaton: CellularAutomaton, folder: Path | str, *, step: int = 0, dataset: Dataset = "mnist"
) -> Path:
    """Write a checkpoint, which `CellularAutomaton.from_pretrained` and the commands read.

    Args:
        folder: the checkpoint is its subfolder `model-steps-N`, which is replaced if it exists
        step: N, the training steps done
        dataset: the data set that the commands use with this checkpoint

    Returns:
        path of the checkpoint; a run can't be resumed from it, as it has no training state

    Raises:
        ValueError: the automaton is of a subclass, whose rule a checkpoint can't hold; `step` is negative; or
            there is no such data set
        FailedError: the folder can't be written, or a weight is not finite

    Example:
        >>> import ca
        >>> path = ca.save_automaton(ca.CellularAutomaton(), "outputs_example", step=0)
        >>> path.as_posix()
        'outputs_example/model-steps-0'
    """
    if type(automaton) is not CellularAutomaton:
        raise ValueError(
            f"a checkpoint has no rule, so {type(automaton).__name__} would be loaded as CellularAutomaton: "
            "save its weights with torch.save(automaton.state_dict(), path)"
        )
    check_choice("dataset", dataset, Dataset)
    check_at_least(0, "step", step)
    return save_checkpoint(
        Path(folder).expanduser(),
        automaton,
        step=step,
        training=RunSettings(dataset=dataset, **settings_of(automaton.architecture)),
        machine=msgspec.convert(machine(device_of(automaton), automaton.architecture, processes=1), Machine),
        metrics={},
        training_state={},
    )
