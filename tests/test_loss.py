"""The losses, against their formulas written out in NumPy."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.helpers import INKS, random_liveness, seeded, with_random_state
from support.sizes import ARTICLE
from torch import Tensor

from ca.cells import outputs
from ca.loss import LOSSES, cross_entropy, l2

BOTH = [l2, cross_entropy]


def mean(loss: tuple[Tensor, int]) -> Tensor:
    """Divide a loss's sum by its count, as a training step does."""
    total, count = loss
    return total / max(1, count)


@given(seed=st.integers(0, 2**32), cells=st.integers(0, 12), num_digits=st.integers(1, 5))
def test_l2_is_half_the_squared_distance_to_one_hot_a_digit(seed: int, cells: int, num_digits: int) -> None:
    values = torch.randn(cells, 10, dtype=torch.float64, generator=seeded(seed))
    labels = torch.randint(10, (cells,), generator=seeded(seed))
    total = 0.0
    for cell, label in zip(values.tolist(), labels.tolist(), strict=True):
        for index, value in enumerate(cell):
            total += ((1.0 if index == label else 0.0) - value) ** 2
    assert mean(l2(values, labels, num_digits)).item() == pytest.approx(total / 2 / num_digits, rel=1e-12)


@given(seed=st.integers(0, 2**32), cells=st.integers(1, 12), num_digits=st.integers(1, 5))
def test_cross_entropy_is_the_mean_surprise_of_a_cell(seed: int, cells: int, num_digits: int) -> None:
    values = 3 * torch.randn(cells, 10, dtype=torch.float64, generator=seeded(seed))
    labels = torch.randint(10, (cells,), generator=seeded(seed))
    powers = np.exp(values.numpy())
    chosen = powers[np.arange(cells), labels.numpy()] / powers.sum(1)
    expected = -np.log(chosen).sum() / cells
    assert mean(cross_entropy(values, labels, num_digits)).item() == pytest.approx(expected, rel=1e-12)


@given(seed=st.integers(0, 2**32), inks=st.lists(st.sampled_from(INKS), min_size=1, max_size=4))
def test_l2_over_alive_cells_is_the_article_s_sum_over_all_cells(seed: int, inks: list[str]) -> None:
    """The article: mean over the batch of half the sum over all cells; dead cells have target zero."""
    generator = seeded(seed)
    liveness = torch.stack([random_liveness(ink, 4, 3, generator) for ink in inks])
    grid = with_random_state(liveness, generator)
    classes = torch.randint(10, (len(inks),), generator=generator)
    targets = np.zeros((len(inks), 10, 4, 3))
    for digit, label in enumerate(classes.tolist()):
        targets[digit, label] = liveness[digit].numpy() > 0.1
    dense = (((targets - grid[:, 10:].numpy()) ** 2).sum(axis=(1, 2, 3)) / 2).mean()

    digit, y, x = (liveness > 0.1).nonzero().unbind(1)
    rows = outputs(grid, ARTICLE)[digit, :, y, x]
    assert mean(l2(rows, classes[digit], len(inks))).item() == pytest.approx(dense, rel=1e-12)


def test_the_gradient_of_l2_is_the_distance_and_zero_at_the_target() -> None:
    labels = torch.tensor([3, 0, 9])
    targets = torch.nn.functional.one_hot(labels, 10).double()
    at_target = targets.clone().requires_grad_()
    mean(l2(at_target, labels, 2)).backward()
    assert at_target.grad is not None
    assert not at_target.grad.any()
    elsewhere = (targets + 0.5).requires_grad_()
    mean(l2(elsewhere, labels, 2)).backward()
    assert elsewhere.grad is not None
    assert torch.equal(elsewhere.grad, torch.full_like(targets, 0.25))


@pytest.mark.parametrize("loss", BOTH)
def test_without_alive_cells_the_loss_is_zero_and_so_is_its_gradient(loss) -> None:
    values = torch.zeros(0, 10, requires_grad=True)
    result = mean(loss(values, torch.zeros(0, dtype=torch.int64), 4))
    assert result.item() == 0
    result.backward()
    assert values.grad is not None
    assert values.grad.shape == (0, 10)


def test_cross_entropy_stays_finite_for_large_outputs() -> None:
    values = torch.tensor([[1e4, *[0.0] * 9], [0.0, 1e4, *[0.0] * 8]])
    assert mean(cross_entropy(values, torch.tensor([0, 0]), 1)).item() == pytest.approx(5_000)


@pytest.mark.parametrize("loss", BOTH)
def test_the_gradients_agree_with_finite_differences(loss) -> None:
    values = torch.randn(4, 10, dtype=torch.float64, generator=seeded(1)).requires_grad_()
    labels = torch.tensor([1, 0, 9, 1])
    assert torch.autograd.gradcheck(lambda values: mean(loss(values, labels, 3)), (values,))


def test_the_count_is_that_of_digits_or_cells() -> None:
    values, labels = torch.zeros(4, 10), torch.zeros(4, dtype=torch.int64)
    assert [loss(values, labels, 3)[1] for loss in BOTH] == [3, 4]


def test_the_names_of_the_settings_stand_for_these_losses() -> None:
    assert {"l2": l2, "cross-entropy": cross_entropy} == LOSSES
