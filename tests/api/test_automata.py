"""Saving and loading automata."""

from pathlib import Path

import pytest
import torch
from support.helpers import NO_FOLDER, random_automaton

import ca
import ca.api
from ca.checkpoint.folder import WEIGHTS, load_checkpoint


def test_a_saved_automaton_is_loaded_again(tmp_path: Path) -> None:
    automaton = random_automaton(dtype=torch.float32, fire_rate=0.25, noise=0.5)
    path = ca.save_automaton(automaton, tmp_path / "folder", step=12, dataset="kmnist")
    assert path == tmp_path / "folder" / "model-steps-12"
    checkpoint = load_checkpoint(path)
    assert (checkpoint.step, checkpoint.dataset) == (12, "kmnist")
    for loaded in (
        ca.CellularAutomaton.from_pretrained(str(path)),
        ca.CellularAutomaton.from_pretrained(path / WEIGHTS),
    ):
        assert (loaded.fire_rate, loaded.noise) == (0.25, 0.5)
        for name, tensor in automaton.state_dict().items():
            assert torch.equal(loaded.state_dict()[name], tensor)
    with pytest.raises(ca.FailedError, match=r"^there is no checkpoint no-such-folder"):
        ca.CellularAutomaton.from_pretrained(NO_FOLDER)


def test_a_subclass_keeps_its_rule_and_gets_the_weights_of_a_checkpoint(tmp_path: Path) -> None:
    class Mine(ca.CellularAutomaton):
        activation = staticmethod(torch.tanh)

    automaton = random_automaton(dtype=torch.float32, fire_rate=0.25, noise=0.5)
    mine = Mine.from_pretrained(ca.save_automaton(automaton, tmp_path))
    assert type(mine) is Mine
    assert (mine.fire_rate, mine.noise) == (0.25, 0.5)
    grid = torch.rand(1, 20, 5, 5)
    everywhere = (torch.ones(1, 5, 5, dtype=torch.bool), torch.zeros(1, 19, 5, 5))
    before = automaton.tick(grid, *everywhere)
    automaton.activation = torch.tanh
    assert torch.equal(mine.tick(grid, *everywhere), automaton.tick(grid, *everywhere))
    assert not torch.equal(mine.tick(grid, *everywhere), before)


def test_a_subclass_is_not_saved_as_the_automaton_that_it_is_not(tmp_path: Path) -> None:
    class Mine(ca.CellularAutomaton):
        activation = staticmethod(torch.tanh)

    with pytest.raises(
        ValueError, match=r"^a checkpoint has no rule, so Mine would be loaded as .*torch\.save"
    ):
        ca.save_automaton(Mine(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_steps_and_data_sets_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    automaton = ca.CellularAutomaton()
    with pytest.raises(ValueError, match=r"^step must be at least 0, not -1$"):
        ca.save_automaton(automaton, tmp_path, step=-1)
    with pytest.raises(ValueError, match=r"^dataset is 'x': choose one of mnist, "):
        ca.save_automaton(automaton, tmp_path, dataset="x")  # ty: ignore[invalid-argument-type]
    assert list(tmp_path.iterdir()) == []
