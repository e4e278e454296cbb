"""The test digits that come with the page."""

import functools

import numpy as np
import pytest
import torch
from playwright.sync_api import Page
from support.browser import cells_of, centre_of, ink_of, living_cells, next_frame, set_ink, wait_until
from support.sizes import ARTICLE

from ca.cells import alive, newborn
from ca.checkpoint.folder import load_checkpoint
from ca.data.load import load_digits
from ca.page.draws import page_draws

MNIST = load_digits("mnist", "test")


def test_samples_are_ten_test_digits_of_each_class(page: Page) -> None:
    samples = page.evaluate("ca.app.samples.samples.map(({ label, levels }) => [label, [...levels]])")
    assert [label for label, _ in samples] == [index for index in range(10) for _ in range(10)]
    for label in range(10):
        first = MNIST.images[MNIST.labels == label][:10].flatten(1).tolist()
        assert [levels for index, levels in samples if index == label] == first


@functools.cache
def majorities() -> list[int]:
    """Majority of PyTorch's cells on each class's first test digit, after 60 ticks with the page's draws."""
    automaton = load_checkpoint(None).automaton
    images = torch.stack([MNIST.images[MNIST.labels == label][0] for label in range(10)])
    grid = newborn(images.float() / 255, ARTICLE)
    middle = slice(14, 42)  # of the board; all around it is dead
    with torch.no_grad():
        for tick in range(60):
            fired, noise = page_draws(56, 19, seed=0, tick=tick, fire_rate=0.5, noise=0.02)
            grid = automaton.tick(grid, fired[:, middle, middle], noise[..., middle, middle])
    living = alive(grid[:, 0], ARTICLE)
    votes = [grid[number, 10:, living[number]].argmax(0).bincount(minlength=10) for number in range(10)]
    return [int(counts.argmax()) for counts in votes]


def test_trained_rule_classifies_the_samples(page: Page) -> None:
    """Each first sample from zero state for 60 ticks: nine of ten are right, and PyTorch agrees."""
    seen = page.evaluate(
        """() => Array.from({ length: 10 }, (_, label) => {
          ca.app.choose(ca.app.samples.sample(label), true);
          ca.app.session.step(60);
          return ca.app.session.consensus.readout().majority;
        })"""
    )
    assert sum(majority == label for label, majority in enumerate(seen)) >= 9
    assert seen == majorities()


def test_click_mutates_and_keeps_the_state_of_cells_alive_in_both(page: Page) -> None:
    page.click("[aria-label='Test digit 4']")
    page.evaluate("ca.app.session.step(60)")
    before, living = cells_of(page), living_cells(page)
    page.click("[aria-label='Test digit 9']")
    after, both = cells_of(page), living & living_cells(page)
    expected = MNIST.images[MNIST.labels == 9][0].numpy()
    assert (ink_of(page)[14:42, 14:42] == expected).all()
    assert ink_of(page).sum() == expected.sum(dtype=int)
    assert both.any()
    assert (after[1:, both] == before[1:, both]).all()
    assert (after[1:, ~both] == 0).all()
    page.evaluate("ca.app.session.step(200)")
    assert page.evaluate("ca.app.session.consensus.readout().majority") == 9
    page.evaluate("ca.app.session.undo()")
    assert (ink_of(page)[14:42, 14:42] != expected).any()


@pytest.mark.parametrize("how", ["shift", "long press", "box"])
def test_fresh_samples_start_from_zero(page: Page, how: str) -> None:
    page.evaluate("ca.app.session.step(20)")
    button = page.locator("[aria-label='Test digit 9']")
    if how == "shift":
        button.click(modifiers=["Shift"])
    elif how == "long press":
        button.hover()
        page.mouse.down()
        wait_until(page, "ca.app.session.history.before.length === 1")
        page.mouse.up()
        next_frame(page)
    else:
        page.check("#fresh")
        button.click()
    cells = cells_of(page)
    assert (ink_of(page)[14:42, 14:42] == MNIST.images[MNIST.labels == 9][0].numpy()).all()
    assert (cells[1:] == 0).all()
    assert page.evaluate("ca.app.session.history.before.length") == 1, "once, not twice"


def test_others_and_random(page: Page) -> None:
    page.click("#others")
    page.click("[aria-label='Test digit 6']")
    assert (ink_of(page)[14:42, 14:42] == MNIST.images[MNIST.labels == 6][1].numpy()).all()
    seen = set()
    for _ in range(12):
        page.click("#random")
        seen.add(page.evaluate("ca.app.session.label"))
    assert len(seen) > 3


def test_stamping_on_the_whiteboard(page: Page) -> None:
    page.select_option("#side", "140")
    set_ink(page, np.zeros((140, 140), dtype=np.uint8))
    page.click("[aria-label='Test digit 2']")
    assert page.get_attribute("[aria-label='Test digit 2']", "aria-pressed") == "true"
    page.mouse.click(*centre_of(page, 40, 100))
    expected = MNIST.images[MNIST.labels == 2][0].numpy()
    ink = ink_of(page)
    assert ink.sum(dtype=int) == expected.sum(dtype=int)
    y, x = np.argwhere(ink).mean(0)
    assert abs(y - 100) < 5
    assert abs(x - 40) < 5
    page.mouse.click(*centre_of(page, 1, 1))
    assert ink_of(page)[:14, :14].any(), "what lies beyond the rim is cut off"
    before = ink_of(page)
    page.click("#random")
    added = ink_of(page).astype(int) - before
    assert added.sum() > 0
    ys, xs = np.nonzero(added)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            near = before[(ys + dy).clip(0, 139), (xs + dx).clip(0, 139)]
            assert not near.any(), "there was room"


def test_whiteboard_starts_with_a_digit_of_each_class(page: Page) -> None:
    page.select_option("#side", "140")
    page.evaluate("ca.app.session.step(100)")
    verdicts = page.evaluate("ca.app.session.consensus.readout().blobs.map(({ majority }) => majority)")
    assert len(verdicts) == 10, "each hangs together, and apart from the others"
    assert len(set(verdicts)) >= 8
    assert page.evaluate("ca.app.session.history.before.length") == 0
