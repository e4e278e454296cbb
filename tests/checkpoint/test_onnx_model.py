"""`ca export CHECKPOINT model.onnx`: ONNX Runtime computes what `tick` computes."""

import json
import sys
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
from support.helpers import error_line, random_automaton, saved_automaton, seeded
from support.sizes import ARTICLE
from torch import Tensor

from ca.cells import newborn
from ca.checkpoint.folder import bundled_checkpoint, load_checkpoint
from ca.checkpoint.onnx_model import onnx_model
from ca.cli import main
from ca.data.digits import Digits
from ca.model import CellularAutomaton
from ca.sizes import DIGIT_NAMES
from ca.system.errors import FailedError


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "model.onnx"
    main(["export", str(bundled_checkpoint()), str(path)])
    return path


@torch.no_grad()
def largest_difference(automaton: CellularAutomaton, model: bytes, liveness: Tensor) -> float:
    """Roll out digits (batch, height, width) for 50 ticks by ONNX Runtime and by `tick`; compare each tick.

    Relative to the largest channel: rounding errors of float32 grow from tick to tick.
    """
    generator = seeded(3)
    session = onnxruntime.InferenceSession(model)
    grid = expected = newborn(liveness, ARTICLE)
    found, worst = grid.numpy(), 0.0
    for _ in range(50):
        fired = torch.rand(liveness.shape, generator=generator) < automaton.fire_rate
        noise = torch.randn(grid[:, 1:].shape, generator=generator) * automaton.noise
        expected = automaton.tick(expected, fired, noise)
        (found,) = session.run(None, {"grid": found, "fired": fired.numpy(), "noise": noise.numpy()})
        difference = (torch.from_numpy(found) - expected).abs().max() / expected.abs().max()
        worst = max(worst, difference.item())
    assert not torch.allclose(grid, expected, atol=0.1)
    return worst


@pytest.mark.parametrize("joined", [False, True])
def test_fifty_ticks_are_those_of_the_dense_rule(exported: Path, joined: bool, few_digits: Digits) -> None:
    """Of three digits of 28x28 cells, and of three on one board of 28x84."""
    liveness = few_digits[:3].liveness
    if joined:
        liveness = liveness.transpose(0, 1).reshape(1, 28, 84)
    assert largest_difference(load_checkpoint(None).automaton, exported.read_bytes(), liveness) < 1e-5


def test_every_weight_is_in_the_model() -> None:
    """Other than in a new automaton, none is zero."""
    automaton = random_automaton(dtype=torch.float32)
    with torch.no_grad():
        automaton.residual.weight *= 0.1  # states that do not grow without bounds
    assert (
        largest_difference(
            automaton, onnx_model(automaton, DIGIT_NAMES), torch.rand(2, 9, 8, generator=seeded(1))
        )
        < 1e-5
    )


def test_the_model_describes_itself(exported: Path) -> None:
    session = onnxruntime.InferenceSession(exported)
    sizes = {
        value.name: (value.type, value.shape) for value in (*session.get_inputs(), *session.get_outputs())
    }
    assert sizes == {
        "grid": ("tensor(float)", ["batch", 20, "height", "width"]),
        "fired": ("tensor(bool)", ["batch", "height", "width"]),
        "noise": ("tensor(float)", ["batch", 19, "height", "width"]),
        "grid_after": ("tensor(float)", ["batch", 20, "height", "width"]),
    }
    about = session.get_modelmeta()
    described = about.custom_metadata_map
    assert (about.producer_name, about.graph_name) == ("ca", "tick")
    assert json.loads(described.pop("classes")) == [str(index) for index in range(10)]
    assert described == {"fire_rate": "0.5", "noise_level": "0.02", "alive_threshold": "0.1"}
    onnx.checker.check_model(str(exported), full_check=True)


def test_the_numbers_are_those_of_the_automaton(tmp_path: Path) -> None:
    path = saved_automaton(tmp_path, random_automaton(fire_rate=0.25, noise=0.5, dtype=torch.float32))
    main(["export", str(path), str(tmp_path / "model.onnx")])
    model = onnx.load(tmp_path / "model.onnx")
    described = {each.key: each.value for each in model.metadata_props}
    assert (described["fire_rate"], described["noise_level"]) == ("0.25", "0.5")
    assert str(tmp_path).encode() not in model.SerializeToString()


def test_another_rule_is_refused() -> None:
    class Mine(CellularAutomaton):
        activation = staticmethod(torch.tanh)

    automaton = Mine()
    automaton.load_state_dict(random_automaton().state_dict())
    with pytest.raises(
        FailedError, match=r"^can't write this Mine as ONNX: its tick differs by 0\.\d+ from "
    ):
        onnx_model(automaton, DIGIT_NAMES)


def test_without_onnx_the_command_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "onnx")
    path = tmp_path / "model.onnx"
    told = error_line(["export", str(bundled_checkpoint()), str(path)], 2, capsys)
    assert told == f"{path} needs the package onnx: pip install onnx"
    assert not path.exists()
