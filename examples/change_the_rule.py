"""Change the update rule: GELU in place of ReLU, trained and measured beside the article's rule.

uv run python examples/change_the_rule.py
"""

import argparse

import torch
import torch.nn.functional as F
from torch import Tensor

import ca
from ca.cells import alive


class GeluAutomaton(ca.CellularAutomaton):
    """The article's automaton with another activation."""

    def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        """One application of the rule; shapes as in `ca.CellularAutomaton.tick`."""
        liveness, state = grid[:, :1], grid[:, 1:]
        perception = F.gelu(F.conv2d(grid, self.perception_kernel(), self.perception.bias, padding=1))
        hidden = F.gelu(F.conv2d(perception, self.hidden.weight[..., None, None], self.hidden.bias))
        residual = F.conv2d(hidden, self.residual.weight[..., None, None], self.residual.bias)
        updates = alive(liveness) & fired.unsqueeze(1)
        return torch.cat([liveness, state + (residual + noise) * updates], dim=1)


parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--steps", type=int, default=300)
parser.add_argument("--digits", type=int, default=200, help="test digits to measure")
options = parser.parse_args()

for kind in (ca.CellularAutomaton, GeluAutomaton):
    torch.manual_seed(0)  # the same first weights
    automaton = ca.train_automaton(kind(), steps=options.steps)
    curves = ca.measure_automaton(automaton, ca.load_digits()[: options.digits], ticks=50).curves()
    print(f"{kind.__name__}: cell accuracy {curves['cell_accuracy'][-1]:.3%} at tick 50")
