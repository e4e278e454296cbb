"""`ca export`."""

import json
import os
import re
import threading
from pathlib import Path

import pytest
import torch
from support.helpers import random_automaton, reseal, saved_automaton

from ca.checkpoint.folder import BUNDLED_DRAWN, Checkpoint
from ca.cli import main
from ca.data.digits import Digits
from ca.page import demo as demo_module
from ca.page import export as export_module
from ca.system.errors import FailedError


def test_export_writes_what_demo_serves(
    html: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new folder" / "page.html"
    bundled = Path(__file__).parents[2] / "checkpoints" / "model-steps-100000"
    main(["export", str(bundled), str(path)])
    assert capsys.readouterr().out == f"{path}\n"
    assert path.read_text(encoding="utf-8") == html
    assert [child.name for child in path.parent.iterdir()] == ["page.html"]


@pytest.mark.parametrize("command", ["demo", "export"])
def test_the_automaton_for_drawings_is_the_default(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []

    def build_page(checkpoint: Checkpoint, digits: Digits) -> str:
        built.append(checkpoint.path.name)
        raise FailedError("stop here")

    for module in (demo_module, export_module):
        monkeypatch.setattr(module, "build_page", build_page)
    path = tmp_path / "page.html"
    with pytest.raises(SystemExit):
        main(["demo", "--no-browser", "--port", "0"] if command == "demo" else ["export", str(path)])
    assert built == [BUNDLED_DRAWN]


@pytest.mark.parametrize("target", ["folder", "below a file"])
def test_export_that_fails_prints_one_line(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("kept")
    path = {"folder": tmp_path, "below a file": tmp_path / "file" / "page.html"}[target]
    with pytest.raises(SystemExit) as caught:
        main(
            ["export", str(saved_automaton(tmp_path / "c", random_automaton(dtype=torch.float32))), str(path)]
        )
    assert caught.value.code == 1
    assert re.fullmatch(rf"ca: can't write {re.escape(str(path))}: .+\n", capsys.readouterr().err)
    assert (tmp_path / "file").read_text() == "kept"


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(export_module, "build_page", lambda checkpoint, digits: "<p>page</p>" * 9)
    return str(saved_automaton(tmp_path / "c", random_automaton(dtype=torch.float32)))


@pytest.mark.parametrize("existing", [True, False])
def test_a_link_stays_and_its_target_is_replaced(checkpoint: str, tmp_path: Path, existing: bool) -> None:
    target, link = tmp_path / "target.html", tmp_path / "link.html"
    if existing:
        target.write_text("old")
    link.symlink_to(target.name)
    main(["export", checkpoint, str(link)])
    assert link.is_symlink()
    assert target.read_text().startswith("<p>page")


def test_a_pipe_is_written_into(checkpoint: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    main(["export", checkpoint, str(pipe)])
    reader.join(10)
    assert read == ["<p>page</p>" * 9]
    assert pipe.is_fifo()


def test_a_pipe_that_nobody_reads_is_one_line(
    checkpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr(export_module, "PIPE_LIMIT", 0.1)
    with pytest.raises(SystemExit, match="1"):
        main(["export", checkpoint, str(pipe)])
    assert re.fullmatch(rf"ca: can't write {pipe}: .+\n", capsys.readouterr().err)


def test_a_device_stays_what_it_is(checkpoint: str, tmp_path: Path) -> None:
    link = tmp_path / "null"
    link.symlink_to(os.devnull)
    for path in (os.devnull, str(link)):
        main(["export", checkpoint, path])
    assert Path(os.devnull).is_char_device()
    assert link.is_symlink()


def test_a_pipe_whose_reader_stops_is_one_line(
    checkpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr(export_module, "STALL_LIMIT", 0.1)
    monkeypatch.setattr(export_module, "build_page", lambda checkpoint, digits: "x" * 1_000_000)
    descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(SystemExit, match="1"):
        main(["export", checkpoint, str(pipe)])
    os.close(descriptor)
    assert capsys.readouterr().err == f"ca: can't write {pipe}: nobody read on for 0.1 seconds\n"


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="a Unix system")
@pytest.mark.parametrize("page", ["/dev/stdout", "/dev/fd/1", "link"])
def test_what_stdout_leads_to_is_appended_to(checkpoint: str, tmp_path: Path, page: str) -> None:
    link, file = tmp_path / "link", tmp_path / "file"
    link.symlink_to("/dev/stdout")
    file.write_text("kept")
    with file.open("a") as stdout:
        kept = os.dup(1)
        os.dup2(stdout.fileno(), 1)
        try:
            main(["export", checkpoint, str(link) if page == "link" else page])
        finally:
            os.dup2(kept, 1)
            os.close(kept)
    assert file.read_text() == "kept" + "<p>page</p>" * 9


@pytest.mark.parametrize("folder", ["/dev/shm", "."])
def test_a_regular_file_is_replaced_wherever_it_is(checkpoint: str, folder: str, tmp_path: Path) -> None:
    if not os.access(folder, os.W_OK):
        pytest.skip(f"no {folder} on this system")
    path = Path(folder) / f"{tmp_path.name}.html"
    path.write_text("x" * 1_000)
    try:
        main(["export", checkpoint, str(path)])
        assert path.read_text() == "<p>page</p>" * 9
    finally:
        path.unlink()


@pytest.mark.parametrize("page", [".", "/", "..", "n" * 300])
def test_folders_and_names_that_are_too_long_are_one_line(
    checkpoint: str, page: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match="1"):
        main(["export", checkpoint, page])
    assert re.fullmatch(rf"ca: can't write {re.escape(page)}: .+\n", capsys.readouterr().err)


@pytest.mark.parametrize("value", ['"0.9"', '"words"', "null", "[1]", "1" + 400 * "0", "{}", "true"])
def test_metrics_that_are_no_numbers_are_one_line(
    checkpoint: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = {"held_out_agreement": json.loads(value)}
    reseal(Path(checkpoint), lambda config: config.update(metrics=metrics))
    with pytest.raises(SystemExit, match="1"):
        main(["export", checkpoint, str(tmp_path / "page.html")])
    assert re.fullmatch(r"ca: .+\n", capsys.readouterr().err)
    assert not (tmp_path / "page.html").exists()
