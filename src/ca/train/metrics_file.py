"""`metrics.jsonl`: what a training run measures, one JSON object a line."""

import json
from pathlib import Path
from typing import Any

from ca.system.publish import published


class MetricsFile:
    """A metrics file that grows; the first key of each row is "step"."""

    def __init__(self, path: Path, *, keep_to_step: int) -> None:
        """Go on with a file, after dropping the rows beyond a step (of a run that is resumed)."""
        self.path = path
        self.rows = [row for row in read_metrics(path) if row["step"] <= keep_to_step]
        self._rewrite()

    def append(self, row: dict[str, Any]) -> None:
        """Add a row; what could not be written before, or has been removed, is written too.

        Raises:
            OSError: it can't be written; the row is kept for the next time
        """
        self.rows.append(row)
        if not self._whole or not self.path.exists():
            self._rewrite()
            return
        self._whole = False
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_line(row))
        self._whole = True

    def _rewrite(self) -> None:
        self._whole = False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with published(self.path) as temporary:
            temporary.write_text("".join(map(_line, self.rows)), encoding="utf-8")
        self._whole = True


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row) + "\n"


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a metrics file; a line torn by a crash ends it, and an absent file has none."""
    rows = []
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
    return rows
