"""Every call that reaches outside the process fails in turn: files, folders, child processes, pictures.

A first run of each command lists those calls; then the command is run once for each of them and each error.
It must end in a line and the right exit code, and what was there before must be as it was.
"""

import builtins
import io
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

import ca.cli
from ca.checkpoint.folder import bundled_checkpoint, checkpoints_in, load_checkpoint
from ca.cli import main
from ca.data.digits import Digits
from ca.system.publish import sweep

PACKAGE = str(Path(ca.cli.__file__).parent)
OUTSIDE: list[tuple[Any, str]] = [
    (builtins, "open"),
    (io, "open"),
    *((os, name) for name in ("open", "mkdir", "replace", "rename", "unlink", "fsync", "scandir", "listdir")),
    (subprocess, "Popen"),
    (FigureCanvasAgg, "print_png"),
]
ERRORS: list[BaseException] = [
    OSError(5, "Input/output error"),
    RuntimeError("no such thing\nand a second line"),
    ValueError("bad value"),
    MemoryError(),
    KeyboardInterrupt(),
]
EVERY_FAULT = os.environ.get("CA_FAULTS") == "all"  # takes a minute
TINY = ["--batch-size", "2", "--n-stages", "1", "--n-steps-per-stage", "2", "--zoom-scale", "2"]
PHOTOGRAPH = Path(__file__).parents[1] / "docs" / "photograph.jpg"
COMMANDS = {
    "evaluate": ["evaluate", *TINY, "--output-dir", "out"],
    "gif": ["evaluate", *TINY, "--format", "gif", "--output-dir", "out"],
    "classify": [
        "classify",
        "a.png",
        "--ticks",
        "2",
        "--video",
        "out/film.gif",
        "--picture",
        "out/p.png",
    ],
    "report": ["report", "--n-digits", "4", "--n-steps-per-stage", "2", "--output-dir", "out"],
    "export": ["export", str(bundled_checkpoint()), "out/page.html"],
    "train": ["train", "--resume", "out", "--output-dir", "out", "--steps", "4", "--device", "cpu"],
}
OWN = ("metrics.jsonl", "loss-history.png", ".lock", ".lock-holder")  # rewritten by a resumed run
FIRST_RUN = ["train", "--steps", "2", "--batch-size", "4", "--pool-size", "8", "--ticks", "2", "2"]
FIRST_RUN += ["--held-out", "4", "--checkpoint-every", "1", "--output-dir", "out", "--device", "cpu"]

Site = tuple[str, int, str]  # file and line of the package, and the function that is called


@dataclass
class Fault:
    """Records the calls that reach outside; raises an error in place of the first one at `site`."""

    site: Site | None = None
    error: BaseException | None = None
    seen: list[Site] = field(default_factory=list)

    def wrap(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            site = self._site(name)
            if site is not None:
                first = site not in self.seen
                self.seen.append(site)
                if site == self.site and first and self.error is not None:
                    raise self.error
            return original(*arguments, **options)

        return called

    def _site(self, name: str) -> Site | None:
        frame = sys._getframe(2)
        while frame is not None:
            code = frame.f_code
            if code.co_filename.startswith(PACKAGE):
                return code.co_filename.removeprefix(PACKAGE), frame.f_lineno, name
            if "importlib" in code.co_filename or "_pytest" in code.co_filename:
                return None  # modules that are imported late
            frame = frame.f_back
        return None


def run(arguments: list[str], fault: Fault) -> int:
    with pytest.MonkeyPatch.context() as patches:
        for owner, name in OUTSIDE:
            original = getattr(owner, name)
            wrapped = fault.wrap(name, original)
            patches.setattr(owner, name, _Class(original, wrapped) if name == "Popen" else wrapped)
        try:
            main(arguments)
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1
    return 0


class _Class:
    """A class whose calls are wrapped; everything else is the class's own."""

    def __init__(self, original: type, wrapped: Callable[..., Any]) -> None:
        self._original, self._wrapped = original, wrapped

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._wrapped(*arguments, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)

    def __class_getitem__(cls, item: Any) -> Any:
        return cls


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_digits: Digits) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ca.train.run.load_digits", lambda *_, **__: few_digits)
    monkeypatch.setattr("ca.page.build.page_content", lambda checkpoint, digits: {})  # slow
    monkeypatch.setattr(FigureCanvasAgg, "draw", FigureCanvasAgg.get_renderer)  # blank figures: slow too
    with Image.open(PHOTOGRAPH) as photograph:
        photograph.crop((0, 0, 140, 140)).save("a.png")
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_a_fault_at_any_call_is_one_line_and_loses_nothing(
    command: str, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, arguments = place / "out", COMMANDS[command]
    main(FIRST_RUN if command == "train" else arguments)
    shutil.copytree(out, place / "before")
    before, walk = contents(out), Fault()
    assert run(arguments, walk) == 0
    capfd.readouterr()
    sites = list(dict.fromkeys(walk.seen))
    assert len(sites) > 10, "nothing was walked"
    wrong = []
    every, some = itertools.product(sites, ERRORS), zip(sites, itertools.cycle(ERRORS), strict=False)
    for site, error in every if EVERY_FAULT else some:
        shutil.rmtree(out)
        shutil.copytree(place / "before", out)
        code = run(arguments, Fault(site, error))
        sweep(out)  # as the next run does
        found = faults_of(code, error, capfd.readouterr().err) + faults_of_files(before, out)
        wrong += [f"{site}, {error!r}: {fault}" for fault in found]
    assert not wrong, "\n".join(wrong)


def faults_of(code: int, error: BaseException, told: str) -> list[str]:
    """What is wrong with an exit code, and with what was printed to stderr."""
    codes = (130,) if isinstance(error, KeyboardInterrupt) else (0, 1)
    lines = [line for line in told.splitlines() if line.startswith("ca: ")]
    faults = [] if code in codes else [f"exit code {code}"]
    if "Traceback" in told or (code and not 1 <= len(lines) <= 3):
        faults.append(f"printed {told!r}")
    return faults


def faults_of_files(before: dict[str, bytes], out: Path) -> list[str]:
    """Files that are lost, changed or left behind, and checkpoints that are not whole."""
    after = contents(out)
    for checkpoint in checkpoints_in(out):
        load_checkpoint(checkpoint)
    changed = [
        name for name, content in before.items() if after.get(name) != content and Path(name).name not in OWN
    ]
    left = [name for name in after if ".ca-" in name]
    return [f"changed {name}" for name in changed] + [f"left {name}" for name in left]
