"""The public functions, beside the command line: `import ca` offers them, `docs/api.md` describes them."""

from ca.api.automata import save_automaton
from ca.api.rollouts import Classification, classify, draw_cells, roll_out
from ca.api.training import measure_automaton, train_automaton
from ca.architecture import Architecture
from ca.data.arrays import make_digits
from ca.data.digits import Digits
from ca.data.load import load_digits
from ca.model import CellularAutomaton
from ca.protocol import Measurements
from ca.system.errors import FailedError

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
