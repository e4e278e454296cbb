"""What is shown while long work goes on."""

import re

import pytest

from ca.system import progress
from ca.system.progress import Progress


def test_plain_lines_outside_of_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with Progress(200, "digit") as work:
        work.label("name")
        for _ in range(10):
            now += 8
            work.advance(20)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "name: 40%, 80/200 digits, 00:48 left",
        "name: 80%, 160/200 digits, 00:16 left",
    ]


def test_bar_with_the_time_left_in_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(progress, "PLAIN_LINE_EVERY", -1.0)
    with Progress(3.5) as work:
        work.label("speed")
        work.advance(1.75)
        work.advance(1.75)
    shown = capsys.readouterr().err.split("\r")
    assert re.fullmatch(r"speed: 100%.* 00:00 left\s*", shown[-1])
    assert not any("digit" in part for part in shown)
