"""`ca export`."""

import re
from pathlib import Path

import pytest
import torch
from support.helpers import random_automaton, saved_automaton

from ca.cli import main


def test_export_writes_what_demo_serves(
    html: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new folder" / "page.html"
    bundled = Path(__file__).parents[2] / "checkpoints" / "model-steps-100000"
    main(["export", str(bundled), str(path)])
    assert capsys.readouterr().out == f"{path}\n"
    assert path.read_text(encoding="utf-8") == html
    assert [child.name for child in path.parent.iterdir()] == ["page.html"]


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
