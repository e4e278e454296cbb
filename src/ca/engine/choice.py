"""Which engine computes an automaton: the fastest that agrees with its `tick`.

An automaton may be a subclass, or `ca.model` may have been edited. So before an engine is used, it is
compared with `tick`, in values and gradients, on a few random cells and weights. That takes milliseconds,
once for each automaton, and again after its `tick`, its activation, a number or a switch among its attributes
has changed.

The rule is compared in float64, so that a small difference is not taken for rounding. The kernel, which has
only float32, computes the rule of `torch_backend`: it is used if that agrees.
"""

import copy
import math
import weakref
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ca.cells import newborn
from ca.engine.generic_backend import (
    layers_observe,
    layers_rollout,
    tick_observe,
    tick_rollout,
)
from ca.engine.graph import CellGraph, Observation, RandomDraws
from ca.engine.native_backend import native_observe, native_rollout, serves
from ca.engine.torch_backend import torch_observe, torch_rollout
from ca.model import CellularAutomaton
from ca.system.seeds import seeded
from ca.system.terminal import print_line

Cells = Tensor  # (rows + 1, channels)
TICKS, SIZE = 2, (3, 7, 6)  # of the comparison: ticks, and digits, height, width
TRIALS = 3  # a gradient may jump where a ReLU's input is zero to rounding: one of them may differ
CPU = torch.device("cpu")
PLAIN = (bool, int, float, str)  # kinds of attributes that a rule may depend on


@dataclass(frozen=True)
class Engine:
    """A way to compute rollouts.

    Attributes:
        slowness: training time beside that of the compiled kernel, measured on two cores; None for engines of
            the standard rule, which need no message
    """

    name: str
    rollout: Callable[[CellularAutomaton, CellGraph, Cells, RandomDraws], Cells]
    observe: Callable[[CellularAutomaton, CellGraph, Cells, RandomDraws], tuple[Cells, Observation]]
    slowness: int | None = None


NATIVE = Engine("the compiled kernel", native_rollout, native_observe)
TORCH = Engine("PyTorch", torch_rollout, torch_observe)
LAYERS = Engine("PyTorch's autograd through the automaton's layers", layers_rollout, layers_observe, 3)
TICK = Engine("the automaton's tick on whole grids", tick_rollout, tick_observe, 25)

_chosen: weakref.WeakKeyDictionary[CellularAutomaton, tuple[Hashable, Engine]]
_chosen = weakref.WeakKeyDictionary()
_reported: set[tuple[type, str]] = set()


def engine_of(automaton: CellularAutomaton, cells: Cells) -> Engine:
    """The engine for these cells; one line on stderr if it is not one of the standard rule."""
    rule = getattr(automaton.tick, "__func__", automaton.tick)
    shapes = tuple(parameter.shape for parameter in automaton.parameters())
    activation = getattr(automaton, "activation", None)
    plain = tuple((name, value) for name, value in vars(automaton).items() if isinstance(value, PLAIN))
    key = (rule, activation, plain, shapes, cells.device.type, cells.dtype, cells.requires_grad)
    known, engine = _chosen.get(automaton, (None, TICK))
    if key != known:
        engine = _choose(automaton, cells)
        _chosen[automaton] = key, engine
        if engine.slowness and (type(automaton), engine.name) not in _reported:
            _reported.add((type(automaton), engine.name))
            print_line(
                f"ca: {type(automaton).__name__} has an update rule of its own: using {engine.name}, "
                f"which takes about {engine.slowness} times as long as the compiled kernel"
            )
    return engine


def _choose(automaton: CellularAutomaton, cells: Cells) -> Engine:
    if _agrees(TORCH, automaton, CPU, torch.float64):
        candidates = [NATIVE, TORCH] if serves(automaton, cells) else [TORCH]
    elif _agrees(LAYERS, automaton, CPU, torch.float64):
        candidates = [LAYERS]
    else:
        return TICK
    return next((each for each in candidates if _agrees(each, automaton, cells.device, cells.dtype)), TICK)


def _agrees(engine: Engine, automaton: CellularAutomaton, device: torch.device, dtype: torch.dtype) -> bool:
    """Whether an engine agrees with an automaton's `tick` in all values, and in gradients but for jumps."""
    tolerance = 1e-9 if dtype == torch.float64 else 3 * torch.finfo(dtype).eps ** 0.5
    values_agree, gradients_agree = [], []
    with torch.inference_mode(False), torch.enable_grad():
        for seed in range(TRIALS):
            try:
                twin, graph, cells, draws, cotangent = _trial(automaton, seed)
                expected = _values_and_gradients(TICK, twin, graph, cells, draws, cotangent)
                twin, graph, cells = twin.to(device, dtype), graph.to(device), cells.to(device, dtype)
                draws = RandomDraws(draws.fires.to(device), draws.noise.to(device, dtype), draws.counts)
                found = _values_and_gradients(engine, twin, graph, cells, draws, cotangent)
            except MemoryError:
                raise
            except Exception:  # other layers or shapes than this engine knows; or `tick` itself fails, as it
                return False  # will when it is used
            values_agree.append(_close(found[:1], expected[:1], tolerance))
            gradients_agree.append(_close(found[1:], expected[1:], tolerance))
    return all(values_agree) and sum(gradients_agree) > TRIALS // 2


def _trial(
    automaton: CellularAutomaton, seed: int
) -> tuple[CellularAutomaton, CellGraph, Cells, RandomDraws, Tensor]:
    """A copy in float64 with random weights, random cells and draws, and weights for their sum."""
    generator = seeded(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    twin = copy.deepcopy(automaton).to(device="cpu", dtype=torch.float64)
    for parameter in twin.parameters():
        parameter.data = normal(*parameter.shape) / math.prod(parameter.shape[1:]) ** 0.5
        parameter.grad = None
        parameter.requires_grad_()
    architecture = automaton.architecture
    empty = max(architecture.alive_threshold, 0.1)  # some pixels are empty, faint and alive at any threshold
    grey = torch.rand(SIZE, generator=generator, dtype=torch.float64) * (1 + empty) - empty
    liveness = grey.clamp(min=0)
    graph = CellGraph.of(liveness, architecture)
    cells = graph.gather(newborn(liveness, architecture))
    cells[: graph.num_alive, 1:] = 2 * normal(graph.num_alive, architecture.state_channels)
    fires = torch.rand(TICKS, graph.num_alive, generator=generator) < 0.5
    counts = fires.sum(1).tolist()
    draws = RandomDraws(fires, normal(sum(counts), architecture.state_channels), counts)
    return twin, graph, cells, draws, normal(graph.num_alive, architecture.state_channels)


def _values_and_gradients(
    engine: Engine,
    automaton: CellularAutomaton,
    graph: CellGraph,
    cells: Cells,
    draws: RandomDraws,
    cotangent: Tensor,
) -> list[Tensor]:
    """The alive cells' states after a rollout, and the gradients of a weighted sum of them, on the CPU."""
    states = engine.rollout(automaton, graph, cells, draws)[: graph.num_alive, 1:]
    total = (states * cotangent.to(states)).sum()
    parameters = list(automaton.parameters())
    gradients = torch.autograd.grad(total, parameters, allow_unused=True)
    filled = [
        torch.zeros_like(parameter) if gradient is None else gradient
        for parameter, gradient in zip(parameters, gradients, strict=True)
    ]
    return [tensor.detach().cpu().double() for tensor in (states, *filled)]


def _close(found: Sequence[Tensor], expected: Sequence[Tensor], tolerance: float) -> bool:
    return all(
        bool(((a - b).abs() <= tolerance * b.abs().max().clamp(min=1e-6)).all())
        for a, b in zip(found, expected, strict=True)
        if b.numel()
    )
