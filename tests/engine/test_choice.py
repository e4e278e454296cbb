"""Which engine computes an automaton, and that a changed rule is computed as changed."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from support.helpers import dense_draws, random_automaton, random_liveness, seeded, with_random_state
from support.sizes import ARTICLE, CHANNELS, STATE_CHANNELS, TAPS
from torch import Tensor, nn

from ca.architecture import Architecture
from ca.cells import outputs
from ca.engine import choice
from ca.engine.choice import LAYERS, NATIVE, TICK, TORCH, Engine, engine_of
from ca.engine.graph import CellGraph
from ca.engine.kernel.build import library
from ca.engine.rollout import observe, random_draws, rollout
from ca.metrics import count_votes
from ca.model import CellularAutomaton

needs_compiler = pytest.mark.skipif(library(ARTICLE) is None, reason="no C++ compiler on this machine")


class Clamped(CellularAutomaton):
    """The state stays within bounds."""

    def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        liveness, state = super().tick(grid, fired, noise).split([1, STATE_CHANNELS], dim=1)
        return torch.cat([liveness, state.clamp(-3, 3)], dim=1)


class Leaky(CellularAutomaton):
    """Another activation, which differs from ReLU by little."""

    activation = staticmethod(lambda x: F.leaky_relu(x, 0.01))


class Gelu(CellularAutomaton):
    activation = staticmethod(F.gelu)


class EditedTick(CellularAutomaton):
    """Both ReLUs of `tick` replaced in its text, as one would edit `ca.model`."""

    def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        liveness, state = grid[:, :1], grid[:, 1:]
        perception = F.gelu(F.conv2d(grid, self.perception_kernel(), self.perception.bias, padding=1))
        hidden = F.gelu(F.conv2d(perception, self.hidden.weight[..., None, None], self.hidden.bias))
        residual = F.conv2d(hidden, self.residual.weight[..., None, None], self.residual.bias)
        updates = (liveness > 0.1) & fired.unsqueeze(1)
        return torch.cat([liveness, state + (residual + noise) * updates], dim=1)


class Noiseless(CellularAutomaton):
    """The noise is not used."""

    def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        return super().tick(grid, fired, torch.zeros_like(noise))


class Wider(CellularAutomaton):
    """A wider hidden layer."""

    def __init__(self, architecture: Architecture = ARTICLE) -> None:
        super().__init__(architecture)
        self.hidden = nn.Linear(80, 128)
        self.residual = nn.Linear(128, STATE_CHANNELS)


class Scaled(CellularAutomaton):
    """A seventh parameter, of no dimension."""

    def __init__(self, architecture: Architecture = ARTICLE) -> None:
        super().__init__(architecture)
        self.scale = nn.Parameter(torch.tensor(1.0))

    def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        return grid + self.scale * (super().tick(grid, fired, noise) - grid)


class FiveByFive(CellularAutomaton):
    """A larger neighbourhood."""

    def __init__(self, architecture: Architecture = ARTICLE) -> None:
        super().__init__(architecture)
        self.perception = nn.Linear(25 * CHANNELS, 80)

    def perception_kernel(self) -> Tensor:
        return self.perception.weight[:, : TAPS * CHANNELS].view(-1, 3, 3, CHANNELS).permute(0, 3, 1, 2)

    def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        kernel = self.perception.weight.view(80, 5, 5, CHANNELS).permute(0, 3, 1, 2)
        perception = F.conv2d(grid, kernel, self.perception.bias, padding=2).relu()
        hidden = F.conv2d(perception, self.hidden.weight[..., None, None], self.hidden.bias).relu()
        residual = F.conv2d(hidden, self.residual.weight[..., None, None], self.residual.bias)
        return torch.cat([grid[:, :1], grid[:, 1:] + (residual + noise) * fired.unsqueeze(1)], dim=1)


class OneConvolution(nn.Module):
    """No layer that the fast engines know."""

    fire_rate, noise, architecture = 0.5, 0.02, ARTICLE

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(CHANNELS, STATE_CHANNELS, 3, padding=1)

    def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        added = (self.convolution(grid).tanh() + noise) * fired.unsqueeze(1)
        return torch.cat([grid[:, :1], grid[:, 1:] + added], dim=1)


CHANGED: dict[Any, Engine] = {
    Gelu: LAYERS,
    Leaky: LAYERS,
    EditedTick: TICK,
    Clamped: TICK,
    Noiseless: TICK,
    Scaled: TICK,
    FiveByFive: TICK,
    OneConvolution: TICK,
}


def randomised(kind: Callable[[], nn.Module], dtype: torch.dtype) -> CellularAutomaton:
    automaton = kind().to(dtype)
    with torch.no_grad():
        for parameter in automaton.parameters():
            parameter.normal_(0, 0.2, generator=seeded(3))
    return automaton  # ty: ignore[invalid-explicit-return]


def some_grid(dtype: torch.dtype) -> tuple[Tensor, CellGraph]:
    digits = torch.stack([random_liveness("mixed", 8, 7, seeded(seed)) for seed in range(3)])
    grid = with_random_state(digits, seeded(1)).to(dtype)
    return grid, CellGraph.of(grid[:, 0], ARTICLE)


@pytest.mark.parametrize("kind", CHANGED, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_changed_rule_is_computed_as_changed(kind: type[CellularAutomaton], dtype: torch.dtype) -> None:
    """Values, gradients and votes are those of the automaton's own tick on the dense grid."""
    automaton = randomised(kind, dtype)
    grid, graph = some_grid(dtype)
    cells = graph.gather(grid)
    assert engine_of(automaton, cells) is CHANGED[kind]
    draws = random_draws(graph, automaton, 3, seeded(2))
    after = rollout(automaton, graph, cells, draws)
    expected, votes = grid, []
    alive = grid[:, 0] > 0.1
    for fired, noise in dense_draws(graph, draws, grid[:, 0]):
        ticked = automaton.tick(expected, fired, torch.where(fired.unsqueeze(1), noise, 0))
        expected = torch.where(alive.unsqueeze(1), ticked, grid)
        living = graph.gather(expected)[: graph.num_alive]
        votes.append(count_votes(outputs(living, ARTICLE), graph.batch[: graph.num_alive], 3))
    tolerance = 1e-4 if dtype == torch.float32 else 1e-10
    torch.testing.assert_close(graph.scatter(after, grid), expected, rtol=tolerance, atol=tolerance)
    parameters = list(automaton.parameters())
    found = torch.autograd.grad(after.square().sum(), parameters, allow_unused=True)
    wanted = torch.autograd.grad(graph.gather(expected).square().sum(), parameters, allow_unused=True)
    for one, other in zip(found, wanted, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert (one - other).abs().max() <= 10 * tolerance * other.abs().max()
    seen_after, seen = observe(automaton, graph, cells, draws)
    torch.testing.assert_close(seen_after, after.detach(), rtol=tolerance, atol=tolerance)
    assert torch.equal(seen.votes, torch.stack(votes))


@needs_compiler
def test_the_standard_rule_has_the_compiled_kernel() -> None:
    automaton = CellularAutomaton()
    cells = torch.zeros(1, CHANNELS)
    assert engine_of(automaton, cells) is NATIVE
    assert engine_of(automaton.double(), cells.double()) is TORCH
    assert engine_of(automaton.float(), cells.clone().requires_grad_()) is TORCH


def test_other_sizes_of_the_standard_rule_have_the_hand_written_engine() -> None:
    automaton = randomised(Wider, torch.float32)
    assert engine_of(automaton, torch.zeros(1, CHANNELS)) is TORCH


def test_without_the_kernel_pytorch_computes_the_standard_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ca.engine.choice.serves", lambda *_: False)
    assert engine_of(random_automaton(), torch.zeros(1, CHANNELS)) is TORCH


@needs_compiler
def test_a_rule_that_changes_later_is_noticed() -> None:
    automaton = CellularAutomaton()
    cells = torch.zeros(1, CHANNELS)
    assert engine_of(automaton, cells) is NATIVE
    automaton.activation = F.silu
    assert engine_of(automaton, cells) is LAYERS
    automaton.activation = torch.relu
    assert engine_of(automaton, cells) is NATIVE


def test_an_edit_of_the_model_itself_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CellularAutomaton, "activation", staticmethod(F.gelu))
    assert engine_of(CellularAutomaton(), torch.zeros(1, CHANNELS)) is LAYERS
    monkeypatch.undo()
    monkeypatch.setattr(CellularAutomaton, "tick", EditedTick.tick)
    assert engine_of(CellularAutomaton(), torch.zeros(1, CHANNELS)) is TICK


def test_a_tick_that_raises_is_not_replaced_by_another_rule() -> None:
    class Broken(CellularAutomaton):
        def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
            raise ZeroDivisionError("in tick")

    automaton = Broken()
    grid, graph = some_grid(torch.float32)
    draws = random_draws(graph, automaton, 2, seeded(0))
    for act in (rollout, observe):
        with pytest.raises(ZeroDivisionError, match="in tick"):
            act(automaton, graph, graph.gather(grid), draws)


def test_the_slower_engine_is_reported_once_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "_reported", set())
    cells = torch.zeros(1, CHANNELS)
    engine_of(CellularAutomaton(), cells)
    assert capsys.readouterr().err == ""
    for _ in range(2):
        engine_of(Gelu(), cells)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "Gelu" in told
    assert f"about {LAYERS.slowness} times as long" in told


def test_the_comparison_leaves_no_trace() -> None:
    """Neither in the automaton nor in PyTorch's random numbers: a run with and without it is the same."""
    automaton = random_automaton(dtype=torch.float32)
    before = {name: tensor.clone() for name, tensor in automaton.state_dict().items()}
    state = torch.get_rng_state()
    with torch.no_grad():
        engine_of(automaton, torch.zeros(1, CHANNELS))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], tensor) for name, tensor in automaton.state_dict().items())
    assert all(parameter.grad is None for parameter in automaton.parameters())


@pytest.mark.parametrize("factor", [0.9995, 0.999995])
def test_a_small_difference_is_not_taken_for_rounding(factor: float) -> None:
    class Decaying(CellularAutomaton):
        def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
            after = super().tick(grid, fired, noise)
            return torch.cat([after[:, :1], factor * after[:, 1:]], dim=1)

    assert engine_of(Decaying(), torch.zeros(1, CHANNELS)) is TICK


class Switched(CellularAutomaton):
    """A rule that depends on an attribute and on the mode."""

    decay = 1.0

    def tick(self, grid: Tensor, fired: Tensor, noise: Tensor) -> Tensor:
        after = super().tick(grid, fired, noise)
        factor = self.decay if self.training else 0.5
        return torch.cat([after[:, :1], factor * after[:, 1:]], dim=1)


@needs_compiler
def test_an_attribute_or_a_mode_that_changes_later_is_noticed() -> None:
    automaton, cells = Switched(), torch.zeros(1, CHANNELS)
    assert engine_of(automaton, cells) is NATIVE
    assert engine_of(automaton.eval(), cells) is TICK
    assert engine_of(automaton.train(), cells) is NATIVE
    automaton.decay = 0.9
    assert engine_of(automaton, cells) is TICK


@needs_compiler
def test_an_unused_scalar_parameter_leaves_the_compiled_kernel() -> None:
    automaton = CellularAutomaton()
    automaton.temperature = nn.Parameter(torch.tensor(1.0))
    assert engine_of(automaton, torch.zeros(1, CHANNELS)) is NATIVE
