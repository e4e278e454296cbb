"""`metrics.jsonl`: the metrics of a training run, one JSON object a line."""

import json
from pathlib import Path
from typing import Any

from ca.system.publish import published


class MetricsFile:
    """A metrics file to which rows are appended; the first key of a row is "step"."""

    def __init__(self, path: Path, *, keep_to_step: int) -> None:
        """Open a file, and drop its rows after a step: a resumed run writes them again."""
        self.path = path
        self.rows = [row for row in read_metrics(path) if row["step"] <= keep_to_step]
        self._rewrite()

    def append(self, row: dict[str, Any]) -> None:
        """Append a row. Rows that could not be written before, or were deleted, are written again.

        Raises:
            OSError: it cannot be written; the row is kept for the next call
        """
        self.rows.append(row)
        if not self._complete or not self.path.exists():
            self._rewrite()
            return
        self._complete = False
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_line(row))
        self._complete = True

    def _rewrite(self) -> None:
        self._complete = False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with published(self.path) as temporary:
            temporary.write_text("".join(map(_line, self.rows)), encoding="utf-8")
        self._complete = True


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row) + "\n"


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a metrics file, up to the first incomplete line; none if there is no file."""
    rows = []
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
    return rows
