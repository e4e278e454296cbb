"""`metrics.jsonl`: what a training run measures, one JSON object a line."""

import json
from pathlib import Path
from typing import IO, Any


class MetricsFile:
    """A metrics file that grows; the first key of each row is "step"."""

    def __init__(self, path: Path, *, keep_to_step: int) -> None:
        """Open for appending, after dropping the rows beyond a step (of a run that is resumed)."""
        self.path = path
        self.rows = [row for row in read_metrics(path) if row["step"] <= keep_to_step]
        rewritten = path.with_suffix(".tmp")
        rewritten.write_text("".join(json.dumps(row) + "\n" for row in self.rows))
        rewritten.replace(path)
        self._file: IO[str] = path.open("a", buffering=1)

    def append(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        self._file.write(json.dumps(row) + "\n")

    def close(self) -> None:
        self._file.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a metrics file; a line torn by a crash ends it, and an absent file has none."""
    rows = []
    if path.exists():
        for line in path.read_text(errors="replace").splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
    return rows
