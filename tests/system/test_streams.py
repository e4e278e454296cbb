"""Streams that are closed, full, or of an encoding without the letters that are printed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

PRINT = "import os, ca.cli; ca.cli.run = lambda settings: print(os.fsdecode(b'caf\\xe9 \\xc3\\xa9.mp4'))"
# As users have it; where it is set, streams are written at once, and nothing is left to fail at the end.
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
START = f"{PRINT}; from ca.__main__ import main; main()"


def run(
    redirection: str, command: str = "export a b", **variables: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", f'"$0" -c "$1" {command} {redirection}', sys.executable, START],
        capture_output=True,
        timeout=60,
        check=False,
        env=BUFFERED | variables,
    )


@pytest.mark.parametrize(
    ("redirection", "code", "line"),
    [
        (">&-", 0, b""),
        ("<&- >&- 2>&-", 0, b""),
        ("2>&-", 0, b""),
        (">/dev/full", 1, b"ca: No space left on device\n"),
        (">/dev/full 2>/dev/full", 1, b""),
    ],
)
def test_streams_that_are_closed_or_full(redirection: str, code: int, line: bytes) -> None:
    result = run(redirection)
    assert (result.returncode, result.stderr) == (code, line)


@pytest.mark.parametrize("command", ["--help", "train --help", "--version"])
def test_help_for_a_full_disk_is_one_line(command: str) -> None:
    result = run(">/dev/full", command)
    assert (result.returncode, result.stderr) == (1, b"ca: No space left on device\n")


def test_a_full_stderr_changes_nothing() -> None:
    """Of a command that succeeds, and that has printed messages."""
    code = """
import ca.cli
from ca.system.terminal import print_line
ca.cli.run = lambda settings: print_line("a message")
from ca.__main__ import main
main()
"""
    command = ["bash", "-c", '"$0" -c "$1" export a b 2>/dev/full', sys.executable, code]
    assert subprocess.run(command, timeout=60, check=False, env=BUFFERED).returncode == 0


def test_what_was_printed_before_an_error_is_not_lost() -> None:
    """As the table of a report of which a figure could not be drawn; a pipe is buffered."""
    code = """
import ca.cli
from ca.system.errors import FailedError
def run(settings):
    print("table")
    raise FailedError("no figure")
ca.cli.run = run
from ca.__main__ import main
main()
"""
    command = [sys.executable, "-c", code, "export", "a", "b"]
    result = subprocess.run(command, capture_output=True, timeout=60, check=False, env=BUFFERED)
    assert (result.returncode, result.stdout, result.stderr) == (1, b"table\n", b"ca: no figure\n")


def test_an_error_is_an_error_also_where_it_can_not_be_printed() -> None:
    for redirection in ("2>&-", "2>/dev/full", ">&- 2>&-"):
        assert run(redirection, "export --nonsense").returncode == 2


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_file_is_not_opened_in_place_of_a_closed_stream(number: int, tmp_path: Path) -> None:
    """Whatever is printed would go into it."""
    code = """
import sys
from ca.system.streams import open_missing_streams
open_missing_streams()
assert open(sys.argv[1], "w").fileno() > 2
"""
    command = f'exec "$0" -c "$1" "$2" {number}>&-'
    done = subprocess.run(["bash", "-c", command, sys.executable, code, str(tmp_path / "file")], check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [
        ("utf-8", b"caf\xe9 \xc3\xa9.mp4\n"),
        ("latin-1", b"caf\\udce9 \xe9.mp4\n"),
        ("ascii", b"caf\\udce9 \\xe9.mp4\n"),
    ],
)
def test_names_of_any_bytes_are_printed(encoding: str, printed: bytes) -> None:
    result = run("", PYTHONIOENCODING=encoding)
    assert (result.returncode, result.stdout, result.stderr) == (0, printed, b"")


@pytest.mark.parametrize("columns", ["1", "5", "6", "20", "100000", "wide", "-3"])
def test_help_ends_in_a_terminal_of_any_width(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from ca.cli import main

    monkeypatch.setenv("COLUMNS", columns)
    start = time.monotonic()
    for arguments in (["--help"], ["train", "--help"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
    assert "checkpoint" in capsys.readouterr().out
    assert time.monotonic() - start < 30


def test_names_with_line_breaks_or_control_characters_are_one_plain_line() -> None:
    result = run("", command="$'a\\nb\\e[31mred'")
    assert result.returncode == 2
    assert result.stderr.count(b"\n") == 1
    assert b"a\\nb\\x1b[31mred" in result.stderr
    assert b"\x1b" not in result.stderr


def test_settings_of_progress_bars_end_no_command() -> None:
    code = f"{PRINT}; from ca.system.terminal import progress_bar; progress_bar(total=1)"
    start = code.replace("; from ca.system", "; from ca.__main__ import main; main(); from ca.system", 1)
    command = [sys.executable, "-c", start, "export", "a", "b"]
    result = subprocess.run(
        command, capture_output=True, timeout=60, check=False, env=BUFFERED | {"TQDM_NCOLS": "x"}
    )
    assert (result.returncode, result.stderr) == (0, b"")
