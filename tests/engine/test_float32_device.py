"""Measuring and training on a device that has no float64, and that it is chosen."""

import pytest
import torch
from support.float32_device import Float32Device
from support.helpers import random_automaton, seeded
from torch import Tensor

from ca.data.digits import Digits
from ca.engine import choice
from ca.engine.choice import LAYERS, TICK, TORCH, Engine, engine_of
from ca.engine.device import resolve_device
from ca.engine.graph import RandomDraws
from ca.protocol import measure
from ca.settings.choices import LossName, RecipeName
from ca.settings.training import TrainSettings
from ca.system.errors import UsageError
from ca.train.ranks import local_device, process_group
from ca.train.resume import training_state
from ca.train.run import TrainingRun
from ca.train.step import training_step

CPU = torch.device("cpu")


def test_the_device_refuses_float64() -> None:
    with Float32Device():
        numbers = torch.ones(3, device=CPU)
        with pytest.raises(TypeError, match="float64"):
            numbers.double()
        with pytest.raises(TypeError, match="float64"):
            numbers.to(torch.float64)
        assert numbers.cpu().double().dtype == torch.float64
        assert torch.zeros(3, dtype=torch.float64).dtype == torch.float64


def test_measuring_needs_no_float64_on_the_device(
    few_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the engine in PyTorch, as on every device but the CPU."""
    monkeypatch.setattr("ca.engine.rollout.available", lambda _: False)
    monkeypatch.setattr("ca.engine.choice.serves", lambda *_: False)
    automaton, digits = random_automaton(dtype=torch.float32), few_digits[:3]
    expected = measure(automaton, digits, stages=2, ticks=3, generator=seeded(0))
    with Float32Device():
        measured = measure(automaton, digits, stages=2, ticks=3, generator=seeded(0))
        curves = measured.curves()
    assert curves == expected.curves()


@pytest.fixture
def in_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine in PyTorch, as on every device but the CPU."""
    monkeypatch.setattr("ca.engine.rollout.available", lambda _: False)
    monkeypatch.setattr("ca.engine.choice.serves", lambda *_: False)


@pytest.mark.usefixtures("in_pytorch")
@pytest.mark.parametrize(("recipe", "loss"), [("best", "l2"), ("article", "cross-entropy")])
def test_training_needs_no_float64_on_the_device(
    recipe: RecipeName, loss: LossName, few_digits: Digits
) -> None:
    """Pool, random draws, rollout, loss, norms of gradients, optimisers, and the state that is saved."""
    settings = TrainSettings(recipe=recipe, loss=loss, batch_size=4, pool_size=8, ticks=(2, 4), held_out=8)
    runs = [TrainingRun.start(settings, CPU, digits=few_digits) for _ in range(2)]
    for run in runs:
        training_step(run)  # an engine is chosen, and the optimisers make their state
    expected = [training_step(runs[0]).item() for _ in range(4)]
    with Float32Device():
        found = [training_step(runs[1]).item() for _ in range(4)]
        state = training_state(runs[1])
    assert found == expected
    assert not any(tensor.dtype == torch.float64 for tensor in state.values())


@pytest.mark.usefixtures("in_pytorch")
@pytest.mark.parametrize("engine", [TORCH, LAYERS, TICK], ids=lambda engine: engine.name)
def test_comparing_engines_needs_no_float64_on_the_device(engine: Engine) -> None:
    """Float64 is used on the CPU only; an error on the device would choose the slowest engine in silence."""
    twin, graph, cells, draws, cotangent = choice._trial(random_automaton(), 0)
    expected = choice._values_and_gradients(TICK, twin, graph, cells, draws, cotangent)
    twin, cells = twin.float(), cells.float()
    draws = RandomDraws(draws.fires, draws.noise.float(), draws.counts)
    cotangent = cotangent.float()
    with Float32Device():
        found = choice._values_and_gradients(engine, twin, graph, cells, draws, cotangent)
    assert choice._close(found, expected, 1e-2)


@pytest.mark.usefixtures("in_pytorch")
def test_the_rule_is_compared_in_float64_on_the_cpu_and_in_the_cells_type_on_their_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[tuple[str, torch.device, torch.dtype]] = []
    device = torch.device("meta")

    def agrees(engine: Engine, automaton: object, where: torch.device, dtype: torch.dtype) -> bool:
        compared.append((engine.name, where, dtype))
        return True

    monkeypatch.setattr(choice, "_agrees", agrees)
    assert engine_of(random_automaton(dtype=torch.float32), torch.zeros(3, 20, device=device)) is TORCH
    assert compared == [(TORCH.name, CPU, torch.float64), (TORCH.name, device, torch.float32)]


def machine_with(monkeypatch: pytest.MonkeyPatch, *kinds: str) -> None:
    """A machine that has the given kinds of GPUs."""
    original = torch.zeros

    def zeros(*size: int, device: torch.device | None = None) -> Tensor:
        assert device is None or device.type in (*kinds, "cpu")
        return original(*size)

    monkeypatch.setattr(torch, "zeros", zeros)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in kinds)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in kinds)


@pytest.mark.parametrize(
    ("kinds", "chosen"), [((), "cpu"), (("mps",), "mps"), (("cuda",), "cuda"), (("cuda", "mps"), "cuda")]
)
def test_auto_chooses_a_gpu(kinds: tuple[str, ...], chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    machine_with(monkeypatch, *kinds)
    assert resolve_device("auto") == torch.device(chosen)
    assert resolve_device("cpu") == CPU


def test_several_processes_share_no_mps(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's messages between processes are of tensors of the CPU or of CUDA."""
    machine_with(monkeypatch, "mps")
    assert local_device("auto") == "auto"
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_WORLD_SIZE": "2", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert local_device("auto") == "cpu"
    with pytest.raises(UsageError, match=r"^2 processes can't train on --device mps: use --device cpu$"):
        process_group(torch.device("mps")).__enter__()
    machine_with(monkeypatch, "cuda", "mps")
    assert local_device("auto") == local_device("cuda") == "cuda:1"
