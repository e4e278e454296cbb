"""Run every command in environments that users have and developers don't.

    uv run python tools/hostile.py
    uv run python tools/hostile.py latin1 narrow

Each environment changes one thing: the locale, the home, the terminal, a stream, a variable. In each, the
commands must succeed, or fail in one line where the environment leaves no choice; a traceback, a hang or a
wrong exit code is a failure. Prints a table; the exit code is 1 if anything failed. Takes about 25 minutes.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 180  # that a command may take on a busy machine
SMALL = "--batch-size 4 --n-stages 1 --n-steps-per-stage 4 --zoom-scale 2"
COMMANDS = {
    "help": "--help",
    "train": "train --recipe article --steps 40 --held-out 59900 --checkpoint-every 20",
    "evaluate": f"evaluate {SMALL}",
    "report": "report --n-digits 10 --n-steps-per-stage 4",
    "export": "export {checkpoint} page.html",
    "benchmark": "benchmark --repeats 1 --batch-size 4 --ticks 2 --no-processes",
}


@dataclass(frozen=True)
class Environment:
    """What is changed for the commands.

    Attributes:
        variables: environment variables; None removes one
        prepare: called with the working folder before each command; may return further variables
        redirect: shell redirection that is put behind the command
        may_fail: commands that may end with exit code 1 or 2 and one line here
    """

    variables: dict[str, str | None] = field(default_factory=dict)
    prepare: Callable[[Path], dict[str, str]] = lambda folder: {}
    redirect: str = ""
    may_fail: tuple[str, ...] = ()


def usetex(folder: Path) -> dict[str, str]:
    """Matplotlib settings that need LaTeX."""
    (folder / "matplotlibrc").write_text("text.usetex: True\nfigure.dpi: 7\nfont.family: NoSuchFont\n")
    return {}


def read_only_home(folder: Path) -> dict[str, str]:
    """A home folder below a file: nothing can be written there, not even by root."""
    (folder / "file").write_text("")
    return {"HOME": str(folder / "file" / "home"), "XDG_CACHE_HOME": ""}


def open_cache(folder: Path) -> dict[str, str]:
    """A cache folder that everybody can write to."""
    cache = folder / "cache"
    (cache / "ca").mkdir(parents=True)
    for path in (cache, cache / "ca"):
        path.chmod(0o777)
    return {"XDG_CACHE_HOME": str(cache)}


def compiler(script: str) -> Callable[[Path], dict[str, str]]:
    """A C++ compiler that is this shell script, and an empty cache."""

    def prepare(folder: Path) -> dict[str, str]:
        path = folder / "cxx"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return {"CXX": str(path), "XDG_CACHE_HOME": str(folder / "cache")}

    return prepare


ENVIRONMENTS = {
    "plain": Environment(),
    "usetex": Environment(prepare=usetex),
    "ascii": Environment({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "latin1": Environment({"LC_ALL": "en_US.ISO-8859-1", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}),
    "narrow": Environment({"COLUMNS": "1"}),
    "wide": Environment({"COLUMNS": "100000"}),
    "odd columns": Environment({"COLUMNS": "wide", "LINES": "-1", "TERM": "nonsense"}),
    "no home": Environment({"HOME": None, "XDG_CACHE_HOME": None, "USER": None, "LOGNAME": None}),
    "read-only home": Environment(prepare=read_only_home),
    "closed stdout": Environment(redirect=">&-"),
    "closed streams": Environment(redirect="<&- >&- 2>&-"),
    "full stdout": Environment(redirect=">/dev/full", may_fail=tuple(COMMANDS)),
    "full stderr": Environment(redirect="2>/dev/full"),
    "empty launcher": Environment({"WORLD_SIZE": "", "RANK": "", "LOCAL_RANK": "", "LOCAL_WORLD_SIZE": ""}),
    "launcher's words": Environment({"WORLD_SIZE": "two"}, may_fail=("train",)),
    "compiler with flags": Environment({"CXX": "c++ -m64"}),
    "empty compiler": Environment({"CXX": ""}),
    "latin-1 compiler": Environment(prepare=compiler("printf 'fehlt: \\351\\n' >&2; exit 1")),
    "broken compiler": Environment(prepare=compiler("kill -SEGV $$")),
    "open cache": Environment(prepare=open_cache),
    "odd backend": Environment({"MPLBACKEND": "nonsense", "DISPLAY": ":99"}),
    "no threads": Environment({"OMP_NUM_THREADS": "0", "MKL_NUM_THREADS": "x"}),
    "warnings": Environment({"PYTHONWARNINGS": "error::ResourceWarning", "PYTHONDEVMODE": "1"}),
    "no ffmpeg": Environment({"IMAGEIO_FFMPEG_EXE": "/no/such"}, may_fail=("evaluate",)),
}


def main() -> None:
    """Run the chosen environments, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="ENVIRONMENT", help=", ".join(ENVIRONMENTS))
    names = parser.parse_args().names or list(ENVIRONMENTS)
    checkpoint = Path(__file__).resolve().parents[1] / "checkpoints" / "model-steps-100000"
    faults = 0
    for name in names:
        for command, line in COMMANDS.items():
            fault = fault_of(ENVIRONMENTS[name], command, line.format(checkpoint=checkpoint))
            faults += bool(fault)
            print(f"{name:20}{command:12}{fault or 'ok'}", flush=True)
    print(f"{len(names) * len(COMMANDS) - faults} passed, {faults} failed")
    raise SystemExit(faults > 0)


def fault_of(environment: Environment, command: str, line: str) -> str:
    """What went wrong, in a line; empty if nothing did."""
    with scratch_folder() as folder:
        changed = {"PYTHONUNBUFFERED": None} | environment.variables | environment.prepare(folder)
        variables = {name: value for name, value in (os.environ | changed).items() if value is not None}
        shell = f"exec {sys.executable} -m ca {line} {environment.redirect}"
        try:
            done = subprocess.run(
                ["bash", "-c", shell],
                cwd=folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"still running after {SECONDS} s"
    printed = (done.stdout + done.stderr).decode(errors="replace")
    last = (printed.strip().splitlines() or [""])[-1]
    if "Traceback" in printed or "Warning" in printed:
        return last
    if done.returncode and not (done.returncode in (1, 2) and command in environment.may_fail):
        return f"exit code {done.returncode}: {last}"
    return ""


@contextlib.contextmanager
def scratch_folder() -> Generator[Path]:
    """An empty working folder."""
    folder = Path(tempfile.mkdtemp(prefix="ca-hostile-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
