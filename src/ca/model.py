"""The cellular automaton: its layers and its update rule.

`tick` computes the rule for every cell of the grid. It is the definition. Training and evaluation use
`ca.engine`, which computes the same values and gradients only for the cells that are alive and fire.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ca.architecture import TAPS, Architecture
from ca.cells import alive

ARTICLE = Architecture()


class CellularAutomaton(nn.Module):
    """Self-classifying automaton (Randazzo et al., Distill 2020, doi:10.23915/distill.00027.002).

    Weights are matrices with a row for each output. The columns of `perception` are the nine taps of the 3x3
    neighbourhood, row by row, with all channels each. A subclass may replace `activation` or `tick`.

    Args:
        architecture: channels, layers and numbers of the rule; by default the article's

    Attributes:
        fire_rate: probability in [0, 1] that an alive cell takes part in a tick
        noise: standard deviation of the noise on the residual

    Example:
        >>> import ca
        >>> automaton = ca.CellularAutomaton.from_pretrained()
        >>> sum(parameter.numel() for parameter in automaton.parameters())
        22499
    """

    activation: Callable[[Tensor], Tensor] = staticmethod(torch.relu)

    perception: nn.Linear
    hidden: nn.Linear  # and `hidden_2`, `hidden_3`; none of them with one hidden width
    residual: nn.Linear

    def __init__(self, architecture: Architecture = ARTICLE) -> None:
        super().__init__()
        self._architecture = architecture
        self.fire_rate = architecture.fire_rate
        self.noise = architecture.noise
        for name, (inputs, outputs) in architecture.layers.items():
            self.add_module(name, nn.Linear(inputs, outputs))
        self.reset_parameters()

    @property
    def architecture(self) -> Architecture:
        """The architecture that it was made with, and the fire rate and noise that it has now."""
        return replace(self._architecture, fire_rate=self.fire_rate, noise=self.noise)

    @property
    def layers(self) -> list[nn.Linear]:
        """The layers in the order of the rule: `perception`, the hidden ones, `residual`."""
        return [getattr(self, name) for name in self._architecture.layers]

    @classmethod
    def from_pretrained(cls, path: Path | str | None = None) -> Self:
        """Load the automaton of a checkpoint.

        A subclass gets the checkpoint's weights and architecture, and keeps its own rule.

        Args:
            path: a folder `model-steps-N`, written by `ca train` or `save_automaton`; None: the automaton
                that comes with the package

        Raises:
            FailedError: there is no checkpoint, or it is damaged
        """
        from ca.checkpoint.folder import load_checkpoint  # which makes automata of this class

        loaded = load_checkpoint(None if path is None else Path(path).expanduser()).automaton
        automaton = cls(loaded.architecture)
        automaton.load_state_dict(loaded.state_dict())
        return automaton

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw new weights as the article's notebook does (Keras defaults): Glorot, last layer zero."""
        perception, *hidden, residual = self.layers
        kernel = self.perception_kernel()
        bound = (6 / (TAPS * sum(kernel.shape[:2]))) ** 0.5
        perception.weight.uniform_(-bound, bound, generator=generator)
        for layer in hidden:
            nn.init.xavier_uniform_(layer.weight, generator=generator)
        residual.weight.zero_()
        for layer in self.layers:
            layer.bias.zero_()

    def weights(self) -> tuple[Tensor, ...]:
        """Weights and biases of the layers, in the order of the rule."""
        return tuple(tensor for layer in self.layers for tensor in (layer.weight, layer.bias))

    def perception_kernel(self) -> Tensor:
        """The perception weights as a convolution kernel (outputs, channels, 3, 3)."""
        return self.perception.weight.view(-1, 3, 3, self._architecture.channels).permute(0, 3, 1, 2)

    def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        """One application of the update rule to all cells: the definition of the automaton.

        Args:
            grid: (batch, channels, height, width), liveness then state
            fired: (batch, height, width) bool, cells that take part if they are alive
            noise: (batch, state channels, height, width), added to the residual

        Returns:
            (batch, channels, height, width)
        """
        liveness, state = grid[:, :1], grid[:, 1:]
        perception, *hidden, residual = self.layers
        values = self.activation(F.conv2d(grid, self.perception_kernel(), perception.bias, padding=1))
        for layer in hidden:
            values = self.activation(F.conv2d(values, layer.weight[..., None, None], layer.bias))
        residual = F.conv2d(values, residual.weight[..., None, None], residual.bias)
        updates = alive(liveness, self._architecture) & fired.unsqueeze(1)
        state = state + (residual + noise) * updates
        return torch.cat([liveness, state], dim=1)

    def forward(self, grid: Tensor, generator: torch.Generator) -> Tensor:
        """One tick with fire mask and noise drawn for every cell of the grid."""
        liveness, state = grid[:, 0], grid[:, 1:]
        fired = torch.empty_like(liveness).uniform_(generator=generator) < self.fire_rate
        noise = torch.empty_like(state).normal_(generator=generator) * self.noise
        return self.tick(grid, fired, noise)
