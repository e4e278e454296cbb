"""The compiled kernel refuses arguments that do not fit it, reports what goes wrong, and frees its memory."""

import ctypes
import gc
import platform
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from support.helpers import exit_code, in_child, random_automaton, seeded
from support.kernel import gradients, grid_of, needs_compiler
from support.sizes import ARTICLE
from torch import Tensor, nn

from ca.engine.graph import CellGraph, RandomDraws
from ca.engine.kernel.build import kernel
from ca.engine.kernel.interface import ForwardArguments, TensorArgument
from ca.engine.kernel.threads import num_threads, take_over_threads
from ca.engine.native_backend import SPARE_TAPES, _Tape, native_draws, native_observe, native_rollout
from ca.model import CellularAutomaton

pytestmark = needs_compiler
FLOAT32, FLOAT64, INT64, BOOL = range(4)
INPUTS = {  # types and dimensions
    "cells": (FLOAT32, 2),
    "batch": (INT64, 1),
    "y": (INT64, 1),
    "x": (INT64, 1),
    "fires": (BOOL, 2),
    "noise": (FLOAT32, 2),
    "after": (FLOAT32, 2),
    "votes": (INT64, 3),
    "sums": (FLOAT64, 3),
}
PARAMETER_DIMENSIONS = (2, 1, 2, 1, 2, 1)
Change = Callable[[TensorArgument], object]
Rollout = tuple[CellularAutomaton, CellGraph, Tensor, RandomDraws]


def small_rollout(ticks: int = 3) -> Rollout:
    automaton = random_automaton(dtype=torch.float32)
    grid = grid_of(["mixed", "all alive"], (5, 4), 1)
    graph = CellGraph.of(grid[:, 0], ARTICLE)
    assert 0 < graph.num_alive < len(graph.batch), "there are alive cells and faint ones"
    return automaton, graph, graph.gather(grid), native_draws(ARTICLE, ticks, graph.num_alive, 0.5, seeded(1))


class ChangedKernel:
    """The kernel, called with arguments that a test has changed."""

    def __init__(self, change: Callable[[Any], object]) -> None:
        self._change = change

    def change_by(self, change: Callable[[Any], object]) -> None:
        self._change = change

    def __getattr__(self, name: str) -> Any:
        return getattr(kernel(ARTICLE), name)

    def ca_forward(self, tape: int, arguments: Any) -> None:
        self._change(arguments)
        kernel(ARTICLE).ca_forward(tape, arguments)

    def ca_backward(self, tape: int, arguments: Any) -> None:
        self._change(arguments)
        kernel(ARTICLE).ca_backward(tape, arguments)


@pytest.fixture
def change_arguments(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Any], object]], None]:
    changed = ChangedKernel(lambda arguments: None)
    monkeypatch.setattr("ca.engine.native_backend.kernel", lambda _: changed)
    return changed.change_by


def wrong_descriptions(code: int, dimensions: int) -> list[Change]:
    """Changes that make a tensor's description wrong: its shape, number of dimensions, type or address."""

    def resize(dimension: int, step: int) -> Change:
        def change(tensor: TensorArgument) -> None:
            tensor.shape[dimension] += step

        return change

    def set_field(name: str, value: int | None) -> Change:
        return lambda tensor: setattr(tensor, name, value)

    return [
        *(resize(dimension, step) for dimension in range(dimensions) for step in (-1, 1, -1000, 2**62)),
        *(set_field("dimensions", other) for other in (-1, 0, dimensions - 1, dimensions + 1, 2**40)),
        *(set_field("type", other) for other in range(-1, 5) if other != code),
        set_field("data", None),
    ]


@pytest.mark.parametrize("name", INPUTS)
def test_a_forward_pass_refuses_every_tensor_that_does_not_fit(
    name: str, change_arguments: Callable[[Callable[[Any], object]], None]
) -> None:
    rollout = small_rollout()
    for change in wrong_descriptions(*INPUTS[name]):
        change_arguments(lambda arguments, change=change: change(getattr(arguments, name)))
        with pytest.raises(ValueError, match=r"expects|must be|has no|cells fire"):
            native_observe(*rollout)


@pytest.mark.parametrize("number", range(6))
def test_both_passes_refuse_every_parameter_that_does_not_fit(
    number: int, change_arguments: Callable[[Callable[[Any], object]], None]
) -> None:
    rollout = small_rollout()
    automaton = rollout[0]
    name = [name for name, _ in automaton.named_parameters()][number]
    for change in wrong_descriptions(FLOAT32, PARAMETER_DIMENSIONS[number]):
        change_arguments(lambda arguments, change=change: change(arguments.parameters.tensors[number]))
        with pytest.raises(ValueError, match=f"^{name}"):
            native_rollout(*rollout)
        change_arguments(lambda arguments: None)
        end = native_rollout(*rollout)
        change_arguments(lambda arguments, change=change: change(arguments.gradients.tensors[number]))
        with pytest.raises(ValueError, match=f"^the gradient of {name}"):
            end.sum().backward()


def test_a_backward_pass_refuses_a_gradient_that_does_not_fit(
    change_arguments: Callable[[Callable[[Any], object]], None],
) -> None:
    for change in wrong_descriptions(FLOAT32, 2):
        change_arguments(lambda arguments: None)
        end = native_rollout(*small_rollout())
        change_arguments(lambda arguments, change=change: change(arguments.grad_after))
        with pytest.raises(ValueError, match=r"^grad_after"):
            end.sum().backward()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", 8),
        ("threads", 0),
        ("num_alive", -1),
        ("num_alive", 2**40),
        ("num_digits", -1),
        ("num_digits", 1),
        ("num_digits", 2**40),
        ("height", 4),
        ("height", 2**62),
        ("width", 3),
        ("width", -1),
    ],
)
def test_a_forward_pass_refuses_numbers_that_do_not_fit(
    name: str, value: int, change_arguments: Callable[[Callable[[Any], object]], None]
) -> None:
    rollout = small_rollout()
    change_arguments(lambda arguments: setattr(arguments, name, value))
    with pytest.raises(ValueError, match=r"fit|must be|expects"):
        native_rollout(*rollout)


def first_alive_is(graph: CellGraph, name: str, value: int) -> CellGraph:
    changed = getattr(graph, name).clone()
    changed[0] = value
    return replace(graph, **{name: changed})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda graph: first_alive_is(graph, "batch", -1), r"batch\[0\] is -1, but must be from 0 to 1"),
        (lambda graph: first_alive_is(graph, "batch", 2), r"batch\[0\] is 2, but must be from 0 to 1"),
        (lambda graph: first_alive_is(graph, "batch", 1), r"batch\[1\] is smaller than the one before"),
        (lambda graph: first_alive_is(graph, "y", 5), r"y\[0\] is 5, but must be from 0 to 4"),
        (lambda graph: first_alive_is(graph, "x", -1), r"x\[0\] is -1, but must be from 0 to 3"),
        (lambda graph: replace(graph, y=graph.y.int()), r"no tensors of torch.int32"),
        (lambda graph: replace(graph, num_digits=1), r"batch\[\d+\] is 1, but must be from 0 to 0"),
        (lambda graph: replace(graph, x=graph.x.to("meta")), r"contiguous tensors on the CPU"),
    ],
)
def test_a_graph_that_is_not_consistent_is_refused(
    change: Callable[[CellGraph], CellGraph], message: str
) -> None:
    automaton, graph, cells, draws = small_rollout()
    for compute in (native_rollout, native_observe):
        with pytest.raises(ValueError, match=message):
            compute(automaton, change(graph), cells, draws)


def test_draws_of_other_cells_are_refused() -> None:
    automaton, graph, cells, draws = small_rollout()
    shorter, other = replace(draws, noise=draws.noise[1:]), replace(draws, fires=draws.fires[:, 1:])
    with pytest.raises(ValueError, match=r"noise has \d+ rows, but \d+ cells fire"):
        native_rollout(automaton, graph, cells, shorter)
    with pytest.raises(ValueError, match=r"fires has shape \(3, \d+\), but the compiled kernel expects"):
        native_rollout(automaton, graph, cells, other)
    with pytest.raises(ValueError, match=r"fires must be bool"):
        native_rollout(automaton, graph, cells, replace(draws, fires=draws.fires.long()))


def test_a_byte_other_than_0_and_1_in_a_mask_counts_as_true() -> None:
    automaton, graph, cells, draws = small_rollout()
    strange = (draws.fires.to(torch.uint8) * 255).view(torch.bool)
    expected = native_rollout(automaton, graph, cells, draws)
    assert torch.equal(native_rollout(automaton, graph, cells, replace(draws, fires=strange)), expected)


def test_another_neighbourhood_or_layer_width_is_refused() -> None:
    rollout = small_rollout()
    automaton = rollout[0]
    automaton.perception = nn.Linear(25 * 20, 80)
    with pytest.raises(
        ValueError,
        match=r"perception.weight has shape \(80, 500\), but the compiled kernel expects \(80, 180\)",
    ):
        native_rollout(*rollout)
    automaton.perception, automaton.hidden = nn.Linear(180, 64), nn.Linear(64, 80)
    with pytest.raises(ValueError, match=r"perception.weight has shape \(64, 180\)"):
        native_rollout(*rollout)


def test_multiply_adds_are_counted() -> None:
    """Two operations for each number of each vector, in all threads."""
    counted = []
    for threads, times in ((1, 100), (1, 200), (3, 100)):
        operations = ctypes.c_int64()
        kernel(ARTICLE).ca_multiply_add(threads, times, 0, operations)
        counted.append(operations.value)
    assert counted == [counted[0], 2 * counted[0], 3 * counted[0]]
    assert counted[0] in {2 * 100 * lanes * sums for lanes in (4, 8, 16) for sums in (12, 24)}
    with pytest.raises(ValueError, match="nothing can be multiplied"):
        kernel(ARTICLE).ca_multiply_add(0, 1, 0, ctypes.c_int64())


def test_a_tape_without_a_kept_rollout_is_refused(
    change_arguments: Callable[[Callable[[Any], object]], None],
) -> None:
    rollout = small_rollout()

    def forget(arguments: Any) -> None:
        if hasattr(arguments, "keep"):
            arguments.keep = False

    change_arguments(forget)
    with pytest.raises(ValueError, match="holds no rollout that was kept"):
        native_rollout(*rollout).sum().backward()
    with pytest.raises(ValueError, match="there is no tape"):
        kernel(ARTICLE).ca_forward(None, ForwardArguments())
    tape = kernel(ARTICLE).ca_new_tape()
    for arguments in (None, ForwardArguments()):
        with pytest.raises(ValueError, match="arguments of the compiled kernel do not fit it"):
            kernel(ARTICLE).ca_forward(tape, arguments)
    kernel(ARTICLE).ca_free_tape(tape)


def test_a_refused_rollout_leaves_the_kernel_as_it_was() -> None:
    automaton, graph, cells, draws = small_rollout()
    expected = gradients(automaton, native_rollout(automaton, graph, cells, draws).square().sum())
    for _ in range(2 * SPARE_TAPES):
        with pytest.raises(ValueError, match="cells fire"):
            native_rollout(automaton, graph, cells, replace(draws, noise=draws.noise[1:]))
    found = gradients(automaton, native_rollout(automaton, graph, cells, draws).square().sum())
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def rollout_that_needs_too_much_memory(digits: int) -> Rollout:
    """No cell fires, but the states of all faint cells in all ticks exceed the address space."""
    liveness = torch.full((digits, 550, 550), 0.05)
    liveness[:, 0, 0] = 1
    graph, ticks = CellGraph.of(liveness, ARTICLE), 7_000_000
    fires, noise = torch.zeros(ticks, digits, dtype=torch.bool), torch.zeros(0, 19)
    cells = torch.zeros(len(graph.batch) + 1, 20)
    return random_automaton(dtype=torch.float32), graph, cells, RandomDraws(fires, noise, [])


@pytest.mark.parametrize("threads", [1, 2])
def test_too_little_memory_raises_a_memory_error(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ca.engine.native_backend.num_threads", lambda: threads)
    with pytest.raises(MemoryError, match="not enough memory for the compiled kernel"):
        native_rollout(*rollout_that_needs_too_much_memory(threads))
    assert native_rollout(*small_rollout()).isfinite().all()


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="sets the default stack size by a call of glibc"
)
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # of fork
def test_where_no_thread_can_be_started_the_caller_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ca.engine.native_backend.num_threads", lambda: 3)
    rollout = small_rollout()
    automaton = rollout[0]
    expected = gradients(automaton, native_rollout(*rollout).square().sum())

    def work() -> None:
        libc, attributes = ctypes.CDLL(None), ctypes.create_string_buffer(256)
        assert libc.pthread_attr_init(attributes) == 0
        assert libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(2**47)) == 0
        assert libc.pthread_setattr_default_np(attributes) == 0
        found = gradients(automaton, native_rollout(*rollout).square().sum())
        assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))

    assert exit_code(in_child(work)) == 0


def test_only_a_few_tapes_are_kept_for_later_rollouts(monkeypatch: pytest.MonkeyPatch) -> None:
    freed: list[int] = []
    made: list[int] = []

    class CountingKernel(ChangedKernel):
        def ca_new_tape(self) -> int:
            made.append(kernel(ARTICLE).ca_new_tape())
            return made[-1]

        def ca_free_tape(self, address: int) -> None:
            freed.append(address)
            kernel(ARTICLE).ca_free_tape(address)

    counting = CountingKernel(lambda arguments: None)
    monkeypatch.setattr("ca.engine.native_backend.kernel", lambda _: counting)
    rollout = small_rollout()
    gc.collect()
    for _ in range(3):
        pending = [native_rollout(*rollout) for _ in range(SPARE_TAPES + 6)]
        assert len(made) - len(freed) <= SPARE_TAPES + 6
        del pending
        gc.collect()
        assert len(freed) % 6 == 0
        assert freed, "tapes beyond the spare ones are freed"
    assert len(made) <= SPARE_TAPES + 3 * 6
    assert all(native_rollout(*rollout).isfinite().all() for _ in range(5))
    assert len(made) <= SPARE_TAPES + 3 * 6, "spare tapes are used again"


def test_the_kernel_takes_over_the_threads_of_pytorch_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ca.engine.kernel.threads._taken", None)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert num_threads() == 3
        torch.set_num_threads(5)
        assert num_threads() == 5, "read when called"
        for _ in range(2):
            take_over_threads()
            assert torch.get_num_threads() == 1
            assert num_threads() == 5
        torch.set_num_threads(2)
        take_over_threads()
        assert torch.get_num_threads() == 1
        assert num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_a_tape_that_could_not_be_allocated_is_not_used_later() -> None:
    class Memory:
        """A kernel that can make no tape at first."""

        addresses: list[int | None] = [None, 1]  # noqa: RUF012

        def ca_new_tape(self) -> int | None:
            return self.addresses.pop(0)

    memory = Memory()
    with pytest.raises(MemoryError):
        _Tape(cast(ctypes.CDLL, memory))
    gc.collect()
    assert _Tape(cast(ctypes.CDLL, memory)).address == 1
