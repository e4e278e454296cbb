"""The architecture of an automaton: its channels and layers, and the numbers that its update rule depends on.

There are no imports of PyTorch, so that `ca --help` and the limits on memory do not load it. The model, the
engines, the page and the estimates of memory and work all compute their sizes from an `Architecture`.
"""

from dataclasses import dataclass
from itertools import pairwise

TAPS = 9  # cells that a cell perceives: itself and its eight neighbours, row by row
MAX_COMMUNICATION, MAX_CLASSES = 64, 64
MAX_LAYERS, MAX_WIDTH = 4, 512


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The sizes of an automaton, and the numbers of its update rule. The defaults are the article's.

    Args:
        communication_channels: state channels whose meaning the cells learn, 0 to 64
        classes: output channels, one for each class, 2 to 64
        hidden: widths of the layers before the residual, one to four of 1 to 512; the first perceives
        alive_threshold: a cell is alive if its grey value, in [0, 1], is above it
        fire_rate: probability in [0, 1] that an alive cell takes part in a tick
        noise: standard deviation of the noise on the residual

    Raises:
        ValueError: a number is out of its range

    Example:
        >>> import ca
        >>> architecture = ca.Architecture(communication_channels=6, hidden=(32,))
        >>> architecture.channels, architecture.parameters
        (17, 5456)
    """

    communication_channels: int = 9
    classes: int = 10
    hidden: tuple[int, ...] = (80, 80)
    alive_threshold: float = 0.1
    fire_rate: float = 0.5
    noise: float = 0.02

    def __post_init__(self) -> None:
        _check("communication_channels", self.communication_channels, 0, MAX_COMMUNICATION)
        _check("classes", self.classes, 2, MAX_CLASSES)
        if not 1 <= len(self.hidden) <= MAX_LAYERS or not all(1 <= w <= MAX_WIDTH for w in self.hidden):
            given = " ".join(map(str, self.hidden)) or "none"
            raise ValueError(f"hidden must be one to {MAX_LAYERS} widths from 1 to {MAX_WIDTH}, not {given}")
        if not 0 <= self.alive_threshold < 1:
            raise ValueError(f"alive_threshold must be from 0 to below 1, not {self.alive_threshold}")
        _check("fire_rate", self.fire_rate, 0, 1)
        if not 0 <= self.noise < float("inf"):
            raise ValueError(f"noise must be at least 0, not {self.noise}")

    @property
    def state_channels(self) -> int:
        """Channels of a cell's state: those to communicate, then the outputs."""
        return self.communication_channels + self.classes

    @property
    def channels(self) -> int:
        """Channels of a cell: its liveness, then its state."""
        return 1 + self.state_channels

    @property
    def layers(self) -> dict[str, tuple[int, int]]:
        """(inputs, outputs) of each layer by its name in a checkpoint, from the first to the last."""
        widths = (TAPS * self.channels, *self.hidden, self.state_channels)
        between = ["hidden", *(f"hidden_{number}" for number in range(2, MAX_LAYERS))]
        names = ["perception", *between[: len(self.hidden) - 1], "residual"]
        return dict(zip(names, pairwise(widths), strict=True))

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return sum((inputs + 1) * outputs for inputs, outputs in self.layers.values())

    @property
    def multiplications(self) -> int:
        """Multiplications of a tick for each cell that fires.

        Liveness never changes, so its share of the first layer is computed once a rollout.
        """
        weights = sum(inputs * outputs for inputs, outputs in self.layers.values())
        return weights - TAPS * self.hidden[0]


def _check(name: str, value: float, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} must be from {least} to {most}, not {value}")
