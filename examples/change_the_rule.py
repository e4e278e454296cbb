"""Change the update rule: another activation, or another tick; train and measure it beside the article's.

uv run python examples/change_the_rule.py --rules relu gelu  # two minutes on two quiet cores
"""

import argparse

import torch
import torch.nn.functional as F
from torch import Tensor

import ca


class GeluAutomaton(ca.CellularAutomaton):
    """GELU in place of ReLU."""

    activation = staticmethod(F.gelu)


class BoundedAutomaton(ca.CellularAutomaton):
    """States are kept between -2 and 2. A new `tick` runs on whole grids, much slower."""

    def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        """One application of the rule; shapes as in `ca.CellularAutomaton.tick`."""
        after = super().tick(grid, fired, noise)
        return torch.cat([after[:, :1], after[:, 1:].clamp(-2, 2)], dim=1)


RULES = {"relu": ca.CellularAutomaton, "gelu": GeluAutomaton, "bounded": BoundedAutomaton}

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--rules", nargs="+", choices=RULES, default=["relu", "gelu"])
parser.add_argument("--steps", type=int, default=400)
parser.add_argument("--digits", type=int, default=200, help="test digits to measure")
options = parser.parse_args()

for name in options.rules:
    torch.manual_seed(0)  # the same first weights
    automaton = ca.train_automaton(RULES[name](), steps=options.steps)
    curves = ca.measure_automaton(automaton, ca.load_digits()[: options.digits], ticks=50).curves()
    print(f"{name}: cell accuracy {curves['cell_accuracy'][-1]:.1%} at tick 50")
