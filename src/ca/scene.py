"""What a rollout is shown on: the digits of one stage, side by side or together."""

from dataclasses import dataclass

from torch import Tensor

from ca.engine import CellGraph


@dataclass(frozen=True)
class Scene:
    """The digits of a stage.

    Attributes:
        liveness: (batch, height, width) grey values in [0, 1]
        owner: (batch, height, width) int64, number of the digit that a pixel belongs to; -1 for none
        labels: (digits,) classes
    """

    liveness: Tensor
    owner: Tensor
    labels: Tensor

    def owners(self, graph: CellGraph) -> Tensor:
        """The digit that each alive row belongs to: (num_alive,)."""
        living = slice(graph.num_alive)
        return self.owner[graph.batch[living], graph.y[living], graph.x[living]]
