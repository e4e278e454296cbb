"""Neural cellular automata that classify handwritten digits, cell by cell.

The public names are listed below and described in `docs/api.md`. They are imported when first used, so that
`import ca` and `ca --help` do not wait for PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ca.api import (
        Architecture,
        CellularAutomaton,
        Classification,
        Digits,
        FailedError,
        Measurements,
        classify,
        draw_cells,
        load_digits,
        make_digits,
        measure_automaton,
        roll_out,
        save_automaton,
        train_automaton,
    )

__all__ = [
    "Architecture",
    "CellularAutomaton",
    "Classification",
    "Digits",
    "FailedError",
    "Measurements",
    "classify",
    "draw_cells",
    "load_digits",
    "make_digits",
    "measure_automaton",
    "roll_out",
    "save_automaton",
    "train_automaton",
]

if TYPE_CHECKING:
    __version__: str
else:  # a type checker would take any name as given

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            return import_module("importlib.metadata").version("ca")
        if name not in __all__:
            raise AttributeError(f"module 'ca' has no attribute '{name}'")
        return getattr(import_module("ca.api"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
