"""`metrics.jsonl`: the metrics of a training run, one JSON object a line."""

import json
import math
from pathlib import Path
from typing import Any

from ca.system.publish import published
from ca.system.reading import check_regular, read_regular
from ca.system.terminal import print_line

MAX_BYTES = 2 * 10**9
MAX_LINE_BYTES = 10_000  # a row has about 250


class MetricsFile:
    """A metrics file to which rows are appended; the first key of a row is "step".

    Lines that are not rows of a run, for example those of another program, stay in the file as they are. Only
    the last row may be incomplete, after a crash: it is removed.
    """

    def __init__(self, path: Path, *, keep_to_step: int) -> None:
        """Open a file, and drop its rows after a step: a resumed run writes them again.

        Raises:
            OSError: it cannot be read or written, or is not a regular file
        """
        self.path = path
        parsed = [(line, _row(line)) for line in _lines(path)]
        parsed = [(line, row) for line, row in parsed if row is None or row["step"] <= keep_to_step]
        self.rows = [row for _, row in parsed if row is not None]
        self._lines = [line for line, _ in parsed]
        others = [number for number, (_, row) in enumerate(parsed, 1) if row is None]
        if others:
            print_line(
                f"ca: lines of {path} that are no metrics of a run: {len(others)}, the first is line "
                f"{others[0]}; they stay in the file, and are left out of the figures"
            )
        self._rewrite()

    def append(self, row: dict[str, Any]) -> None:
        """Append a row. Rows that could not be written before, or were deleted, are written again.

        Raises:
            OSError: it cannot be written; the row is kept for the next call
        """
        line = (json.dumps(row) + "\n").encode()
        self.rows.append(row)
        self._lines.append(line)
        if not self._complete or not self.path.exists():
            self._rewrite()
            return
        check_regular(self.path.stat())  # opening a pipe would wait for a reader
        self._complete = False
        with self.path.open("ab") as file:
            file.write(line)
        self._complete = True

    def _rewrite(self) -> None:
        self._complete = False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with published(self.path) as temporary:
            temporary.write_bytes(b"".join(self._lines))
        self._complete = True


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a metrics file, without lines that are not rows; none if there is no file.

    Raises:
        OSError: it cannot be read, or is not a regular file
    """
    return [row for row in map(_row, _lines(path)) if row is not None]


def _lines(path: Path) -> list[bytes]:
    """The lines of a file, each with its end, without an incomplete last one."""
    if not path.exists():
        return []
    lines = read_regular(path, at_most=MAX_BYTES).splitlines(keepends=True)
    if lines and _is_torn(lines[-1], after_row=len(lines) == 1 or _row(lines[-2]) is not None):
        lines.pop()
    if lines and not lines[-1].endswith(b"\n"):
        lines[-1] += b"\n"
    return lines


def _is_torn(line: bytes, *, after_row: bool) -> bool:
    """Whether a last line is what a crash left of a row: its beginning, or zeros that stand for it."""
    if line.endswith(b"\n") or _row(line) is not None:
        return False
    return line.startswith(b"{") or (after_row and not line.strip(b"\0"))


def _row(line: bytes) -> dict[str, Any] | None:
    """The row of a line, or None if it is not one."""
    if len(line) > MAX_LINE_BYTES:  # deep nesting would exhaust the stack
        return None
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or type(row.get("step")) is not int or row["step"] < 0:
        return None
    return row if all(_is_number(row.get(name)) for name in ("loss", "rate")) else None


def _is_number(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that is larger than every float
        return False
