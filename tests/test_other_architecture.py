"""Every command works with an automaton of another architecture than the article's."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from support.helpers import error_line

from ca.architecture import Architecture
from ca.checkpoint.config import CONFIG
from ca.checkpoint.folder import load_checkpoint
from ca.cli import main
from ca.engine.choice import NATIVE, engine_of
from ca.engine.native_backend import available

SMALL = ["--batch-size", "4", "--pool-size", "8", "--ticks", "2", "3", "--held-out", "8", "--seed", "3"]
SMALL += ["--device", "cpu"]
OTHER = ["--hidden", "12", "7", "--communication-channels", "3", "--alive-threshold", "0.3"]
ARCHITECTURE = Architecture(communication_channels=3, hidden=(12, 7), alive_threshold=0.3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps, with a checkpoint after two."""
    folder = tmp_path_factory.mktemp("run")
    flags = [*SMALL, *OTHER, "--steps", "4", "--checkpoint-every", "2", "--output-dir", str(folder)]
    main(["train", *flags])
    return folder


def test_a_checkpoint_has_the_architecture_that_was_asked_for(run: Path) -> None:
    automaton = load_checkpoint(run / "model-steps-4").automaton
    assert automaton.architecture == ARCHITECTURE
    assert sum(parameter.numel() for parameter in automaton.parameters()) == ARCHITECTURE.parameters
    saved = json.loads((run / "model-steps-4" / CONFIG).read_text())
    assert saved["architecture"]["parameters"] == ARCHITECTURE.parameters
    if available(ARCHITECTURE):
        assert engine_of(automaton, torch.zeros(1, ARCHITECTURE.channels)) is NATIVE


def test_a_resumed_run_is_the_same_bit_for_bit(run: Path, tmp_path: Path) -> None:
    main(["train", "--resume", str(run / "model-steps-2"), "--output-dir", str(tmp_path), "--device", "cpu"])
    one, other = (load_checkpoint(folder / "model-steps-4") for folder in (run, tmp_path))
    assert one.weights_sha256 == other.weights_sha256


def test_a_run_cannot_be_resumed_with_another_architecture(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "--resume", str(run / "model-steps-2"), "--hidden", "12"]
    line = error_line(arguments, 2, capsys)
    assert line.endswith("with --hidden 12: it has --hidden 12 7")


def test_a_run_that_starts_from_a_checkpoint_has_its_architecture(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ["train", *SMALL, "--start-from", str(run / "model-steps-2"), "--output-dir", str(tmp_path)]
    main([*start, "--steps", "1"])
    assert load_checkpoint(tmp_path / "model-steps-1").automaton.architecture == ARCHITECTURE
    capsys.readouterr()
    line = error_line([*start[:-1], str(tmp_path / "other"), "--hidden", "12", "--steps", "1"], 2, capsys)
    assert line == (
        f"can't start from {run / 'model-steps-2'} with --communication-channels 3 --hidden 12 "
        "--alive-threshold 0.3 and 10 classes: it has --communication-channels 3 --hidden 12 7 "
        "--alive-threshold 0.3 and 10 classes"
    )


@pytest.mark.parametrize(
    "command",
    [
        "evaluate CHECKPOINT --format gif --batch-size 4 --n-steps-per-stage 3 --annotations --device cpu",
        "evaluate CHECKPOINT --format gif --view channels --batch-size 2 --n-steps-per-stage 2 --device cpu",
        "report CHECKPOINT --n-digits 30 --n-steps-per-stage 3 --device cpu",
        "export CHECKPOINT FOLDER/page.html",
        "export CHECKPOINT FOLDER/model.onnx",
    ],
)
def test_every_command_reads_it(
    command: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = command.replace("CHECKPOINT", str(run / "model-steps-4")).replace("FOLDER", str(tmp_path))
    main(words.split())
    assert [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_onnx_model_has_its_sizes(run: Path, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    main(["export", str(run / "model-steps-4"), str(tmp_path / "model.onnx")])
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    assert session.get_modelmeta().custom_metadata_map["alive_threshold"] == "0.3"
    random = np.random.default_rng(0)
    grid = random.uniform(0, 1, (2, 14, 5, 7)).astype(np.float32)
    noise = random.normal(0, 0.1, (2, 13, 5, 7)).astype(np.float32)
    fired = random.uniform(0, 1, (2, 5, 7)) < 0.7
    (found,) = session.run(None, {"grid": grid, "fired": fired, "noise": noise})
    with torch.no_grad():
        tick = load_checkpoint(run / "model-steps-4").automaton.tick
        expected = tick(*(torch.from_numpy(array) for array in (grid, fired, noise)))
    assert np.abs(found - expected.numpy()).max() < 1e-5
    unchanged = (grid[:, 0] <= 0.3) | ~fired
    assert np.array_equal(
        found[:, 1:][np.broadcast_to(unchanged[:, None], noise.shape)],
        grid[:, 1:][np.broadcast_to(unchanged[:, None], noise.shape)],
    )
