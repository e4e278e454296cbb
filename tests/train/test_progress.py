"""What a training run shows while it goes: a bar in a terminal, plain lines elsewhere."""

import io
import sys

import pytest

from ca.system.terminal import print_line
from ca.train.progress import TrainingProgress


class Clock:
    """Stands in for `time.monotonic`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("ca.train.progress.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_without_a_terminal_there_is_a_plain_line_now_and_then(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = TrainingProgress(1_000, 5_000)
    for step in range(1_010, 2_010, 10):  # ten steps a second, 100 seconds
        clock.now += 1
        progress.show(step, 12.345)
    progress.close()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[0] == "step 1310/5000, loss 12.3, 600 steps/min, 6 min left"
    assert lines[2] == "step 1930/5000, loss 12.3, 600 steps/min, 5 min left"


def test_speed_is_that_of_the_last_seconds(clock: Clock) -> None:
    progress = TrainingProgress(0, 1_000)
    for number in range(1, 41):
        clock.now += 1 if number <= 20 else 0.5
        progress.show(10 * number, 1.0)
        if number == 20:
            assert progress.steps_per_minute == pytest.approx(600)
    assert progress.steps_per_minute == pytest.approx(1_200, rel=0.05)
    progress.close()


def test_time_that_a_checkpoint_takes_is_not_counted(clock: Clock) -> None:
    progress = TrainingProgress(0, 1_000)
    for number in range(1, 21):
        clock.now += 1
        progress.show(10 * number, 1.0)
        if number == 10:
            clock.now += 60
            progress.restart_window()
        assert progress.steps_per_minute == pytest.approx(600)
    progress.close()


def use_terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Replace stderr by a terminal."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


def test_in_a_terminal_there_is_a_bar_with_loss_speed_and_time_left(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = use_terminal(monkeypatch)
    progress = TrainingProgress(500, 1_000)
    clock.now += 60
    progress.show(750, 3.25)
    print_line("a line of its own")
    progress.close()
    shown = terminal.getvalue()
    assert "75%" in shown
    assert "750/1000 steps" in shown
    assert "left, loss 3.25, 250 steps/min" in shown
    assert "a line of its own\n" in shown


def test_the_bar_shows_how_many_digits_are_scored(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch)
    progress = TrainingProgress(0, 1_000)
    clock.now += 60
    progress.show(10, 3.25)
    with progress.scoring(1_000) as advance:
        for _ in range(4):
            advance(250)
    progress.close()
    shown = terminal.getvalue()
    places = [shown.index(f"scoring {done} of 1,000 digits") for done in ("0", "250", "500", "750", "1,000")]
    assert places == sorted(places)
    assert "loss 3.25" in shown[places[-1] :], "it shows the loss again afterwards"
