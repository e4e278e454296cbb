"""The cellular automaton: its 22,499 parameters and its update rule.

`tick` computes the rule for every cell of the grid. It is the definition. Training and evaluation use
`ca.engine`, which computes the same values and gradients only for the cells that are alive and fire.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ca.cells import alive
from ca.sizes import CHANNELS, HIDDEN, STATE_CHANNELS, TAPS

FIRE_RATE = 0.5
NOISE = 0.02


class CellularAutomaton(nn.Module):
    """Self-classifying automaton (Randazzo et al., Distill 2020, doi:10.23915/distill.00027.002).

    Weights are matrices with a row for each output. The columns of `perception` are the nine taps of the 3x3
    neighbourhood, row by row, with 20 channels each. A subclass may replace `activation` or `tick`.

    Args:
        fire_rate: probability in [0, 1] that an alive cell takes part in a tick
        noise: standard deviation of the noise on the residual

    Example:
        >>> import ca
        >>> automaton = ca.CellularAutomaton.from_pretrained()
        >>> sum(parameter.numel() for parameter in automaton.parameters())
        22499
    """

    activation: Callable[[Tensor], Tensor] = staticmethod(torch.relu)

    def __init__(self, fire_rate: float = FIRE_RATE, noise: float = NOISE) -> None:
        super().__init__()
        self.fire_rate = fire_rate
        self.noise = noise
        self.perception = nn.Linear(TAPS * CHANNELS, HIDDEN)
        self.hidden = nn.Linear(HIDDEN, HIDDEN)
        self.residual = nn.Linear(HIDDEN, STATE_CHANNELS)
        self.reset_parameters()

    @classmethod
    def from_pretrained(cls, path: Path | str | None = None) -> Self:
        """Load the automaton of a checkpoint.

        A subclass gets the checkpoint's weights, fire rate and noise, and keeps its own rule.

        Args:
            path: a folder `model-steps-N`, written by `ca train` or `save_automaton`; None: the automaton
                that comes with the package

        Raises:
            FailedError: there is no checkpoint, or it is damaged
        """
        from ca.checkpoint.folder import load_checkpoint  # which makes automata of this class

        loaded = load_checkpoint(None if path is None else Path(path).expanduser()).automaton
        automaton = cls(loaded.fire_rate, loaded.noise)
        automaton.load_state_dict(loaded.state_dict())
        return automaton

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw new weights as the article's notebook does (Keras defaults): Glorot, last layer zero."""
        for layer in (self.perception, self.hidden, self.residual):
            layer.bias.zero_()
        kernel = self.perception_kernel()
        bound = (6 / (TAPS * sum(kernel.shape[:2]))) ** 0.5
        self.perception.weight.uniform_(-bound, bound, generator=generator)
        nn.init.xavier_uniform_(self.hidden.weight, generator=generator)
        self.residual.weight.zero_()

    def weights(self) -> tuple[Tensor, ...]:
        """Weights and biases of the three layers, in the order of the parameters."""
        return tuple(
            tensor
            for layer in (self.perception, self.hidden, self.residual)
            for tensor in (layer.weight, layer.bias)
        )

    def perception_kernel(self) -> Tensor:
        """The perception weights as a convolution kernel (80, 20, 3, 3)."""
        return self.perception.weight.view(-1, 3, 3, CHANNELS).permute(0, 3, 1, 2)

    def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        """One application of the update rule to all cells: the definition of the automaton.

        Args:
            grid: (batch, 20, height, width), liveness then state
            fired: (batch, height, width) bool, cells that take part if they are alive
            noise: (batch, 19, height, width), added to the residual

        Returns:
            (batch, 20, height, width)
        """
        liveness, state = grid[:, :1], grid[:, 1:]
        kernel = self.perception_kernel()
        perception = self.activation(F.conv2d(grid, kernel, self.perception.bias, padding=1))
        hidden = self.activation(F.conv2d(perception, self.hidden.weight[..., None, None], self.hidden.bias))
        residual = F.conv2d(hidden, self.residual.weight[..., None, None], self.residual.bias)
        updates = alive(liveness) & fired.unsqueeze(1)
        state = state + (residual + noise) * updates
        return torch.cat([liveness, state], dim=1)

    def forward(self, grid: Tensor, generator: torch.Generator) -> Tensor:
        """One tick with fire mask and noise drawn for every cell of the grid."""
        liveness, state = grid[:, 0], grid[:, 1:]
        fired = torch.empty_like(liveness).uniform_(generator=generator) < self.fire_rate
        noise = torch.empty_like(state).normal_(generator=generator) * self.noise
        return self.tick(grid, fired, noise)
