"""What a tracker is: a program that shows training runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Sent:
    """What a tracker has got from a run so far.

    Attributes:
        run: name of the run, unique among all runs
        step: the last step whose row of metrics it has; 0 for none
    """

    run: str
    step: int


class Tracker(Protocol):
    """A tracker that runs. Its methods may raise any exception.

    Attributes:
        place: where the run can be seen
        step: rows of metrics up to this step are there, and must not be sent again
    """

    place: str
    step: int

    def log(self, step: int, numbers: Mapping[str, float], pictures: Mapping[str, Path]) -> None:
        """Send what belongs to a step.

        Args:
            step: higher than those of earlier calls
            pictures: PNG or GIF files by name
        """
        ...

    def flush(self) -> None:
        """Return when everything sent is kept also if this process is killed."""
        ...

    def close(self) -> None:
        """End the tracking of this process; a resumed run may go on with it."""
        ...
