"""Distortions: each does what its amount says, none loses a digit or pushes it off the board."""

from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from ca.data.digits import Digits
from ca.data.distort import distort
from ca.data.warp import CONTROLS, SPACING, displacement
from ca.settings.distortions import AUGMENTATION, UNCHANGED, Distortions
from ca.sizes import BOARD_SIDE


def by(images: Tensor, side: int = BOARD_SIDE, seed: int = 0, **amounts: float) -> Tensor:
    """Distort all images by the same amounts."""
    ranges: dict[str, Any] = {name: (amount, amount) for name, amount in amounts.items()}
    return distort(images, side, np.random.default_rng(seed), Distortions(**ranges))


def bar(width: int = 4, height: int = 16) -> Tensor:
    """An upright bar in the middle of one image."""
    image = torch.zeros(1, 28, 28, dtype=torch.uint8)
    top, left = 14 - height // 2, 14 - width // 2
    image[:, top : top + height, left : left + width] = 255
    return image


def moments(image: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean place of the ink, (x, y), and its covariance."""
    weights = image.double().numpy()
    y, x = np.indices(weights.shape)
    places = np.stack([x.ravel(), y.ravel()])
    return places @ weights.ravel() / weights.sum(), np.cov(places, aweights=weights.ravel(), ddof=0)


def extent(image: Tensor) -> tuple[int, int]:
    """Width and height of the alive cells."""
    y, x = (image > 25).nonzero().T
    return int(x.max() - x.min()) + 1, int(y.max() - y.min()) + 1


@settings(max_examples=50, deadline=None)
@given(
    size=st.tuples(st.integers(1, 3), st.integers(1, 28), st.integers(1, 28)),
    room=st.integers(0, 36),
    seed=st.integers(0, 2**32),
)
def test_without_distortion_every_image_is_on_the_board_unchanged(
    size: tuple[int, int, int], room: int, seed: int
) -> None:
    images = torch.from_numpy(np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8))
    side = max(size[1:]) + room
    top, left = (side - size[1]) // 2, (side - size[2]) // 2
    expected = torch.zeros(size[0], side, side, dtype=torch.uint8)
    expected[:, top : top + size[1], left : left + size[2]] = images
    assert torch.equal(distort(images, side, np.random.default_rng(1), UNCHANGED), expected)


@pytest.mark.parametrize(
    ("share", "expected"), [(1, [0.49, 0.21, 0.21, 0.09]), (0.4, [0.796, 0.084, 0.084, 0.036])]
)
def test_each_distortion_is_applied_with_its_chance_to_a_share_of_the_digits(
    few_digits: Digits, share: float, expected: list[float]
) -> None:
    images = few_digits.images[:1].repeat(400, 1, 1)
    ranges = Distortions(scale=(2, 2), contrast=(0.5, 0.5), share=share, chance=0.3)
    plain = by(images[:1])[0]
    distorted = distort(images, BOARD_SIDE, np.random.default_rng(0), ranges)
    same_peak = distorted.amax((1, 2)) > 0.9 * plain.max()
    same_size = distorted.any(2).sum(1) < 1.5 * plain.any(1).sum()
    shares = [
        ((same_size == size) & (same_peak == peak)).float().mean() for size in (1, 0) for peak in (1, 0)
    ]
    assert shares == pytest.approx(expected, abs=0.07)
    assert torch.equal(distorted[same_size & same_peak][0], plain)


def test_a_quarter_turn_is_that_of_numpy(few_digits: Digits) -> None:
    images = few_digits.images[:4, 4:24, 4:24].clone()
    images[:, 0, 0] = images[:, -1, -1] = 255  # the ink's centre is the image's
    turned = by(images, side=20, rotation=90).int()
    expected = torch.from_numpy(np.rot90(images.numpy(), axes=(1, 2)).astype(np.int32))
    assert (turned - expected).abs().max() <= 1


@pytest.mark.parametrize("angle", [-30, 10, 25, 60])
def test_rotation_turns_the_main_axis_anticlockwise_by_its_angle(angle: int) -> None:
    (x, y), covariance = moments(by(bar(4, 20), rotation=angle)[0])
    along = np.linalg.eigh(covariance).eigenvectors[:, 1]
    leaning = np.degrees(np.arctan(-along[0] / -along[1]))  # to the left of upright, with y downwards
    assert leaning == pytest.approx(angle, abs=0.5)
    assert (x, y) == pytest.approx((31.5, 31.5), abs=0.05)


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.3, 2.2])
def test_scale_multiplies_width_and_height(scale: float, few_digits: Digits) -> None:
    """Bilinear resampling adds at most a third of a pixel's square to the variances."""
    for image in few_digits.images[:20]:
        before, after = (np.diag(moments(each)[1]) for each in (image, by(image[None], scale=scale)[0]))
        added = after - scale**2 * before
        assert (added > -0.1 - 0.02 * after).all()
        assert (added < 0.1 + 0.02 * after + (1 + scale**2) / 6).all()


def test_shear_moves_the_top_to_the_right() -> None:
    leaning = by(bar(4, 20), shear=0.25)[0]
    rows = leaning.any(1).nonzero().flatten()
    top, bottom = (moments(leaning[row : row + 1])[0][0] for row in (rows[1], rows[-2]))
    assert top - bottom == pytest.approx(0.25 * float(rows[-2] - rows[1]), abs=0.1)


def test_aspect_is_the_ratio_of_width_to_height_at_the_same_area() -> None:
    _, before = moments(bar(12, 12)[0])
    _, after = moments(by(bar(12, 12), aspect=2)[0])
    np.testing.assert_allclose(np.diag(after) / np.diag(before), [2, 0.5], rtol=0.06)


@pytest.mark.parametrize("added", [-2, -1, -0.5, 0.5, 1, 1.5, 2])
def test_strokes_become_wider_by_so_many_pixels(added: float) -> None:
    ink = by(bar(5), stroke=added)[0].double() / 255
    assert ink[32].sum() == pytest.approx(5 + added, abs=0.02)
    assert ink[:, 32].sum() == pytest.approx(16 + added, abs=0.02)


@pytest.mark.parametrize("deviation", [0.5, 1.0, 2.0])
def test_blur_adds_its_variance(deviation: float) -> None:
    before, after = bar()[0], by(bar(), blur=deviation)[0]
    assert after.sum() == pytest.approx(int(before.sum()), rel=0.02)
    growth = np.diag(moments(after)[1] - moments(before)[1])
    assert growth == pytest.approx([deviation**2] * 2, abs=0.15 + 0.05 * deviation**2)


def test_contrast_multiplies_grey_values_but_leaves_a_quarter_of_full_ink() -> None:
    full, faint = bar(), bar() // 3  # 255 and 85
    assert by(full, contrast=0.5).max() == pytest.approx(127.5, abs=0.6)
    assert by(faint, contrast=0.9).max() == pytest.approx(76.5, abs=0.6)
    assert by(full, contrast=0.1).max() == by(faint, contrast=0.1).max() == 64
    assert by(faint // 4, contrast=0.1).max() == faint.max() // 4, "darker ink stays as it is"


def test_elastic_displaces_smoothly_by_its_root_mean_square() -> None:
    """The correlation is that of noise under a Gaussian of 4 pixels: exp(-(distance / 8) ** 2)."""
    generator = np.random.default_rng(0)
    controls = generator.standard_normal((2_000, 2, CONTROLS, CONTROLS), dtype=np.float32)
    field = displacement(controls, np.full(2_000, 2.0, dtype=np.float32), 21)  # two cells a pixel
    assert SPACING == 7
    assert field.std() == pytest.approx(1, abs=0.02)
    for cells in (4, 8, 16):
        correlation = np.corrcoef(field[:, :, :, 2].ravel(), field[:, :, :, 2 + cells].ravel())[0, 1]
        assert correlation == pytest.approx(np.exp(-((cells / 2 / 8) ** 2)), abs=0.07)


def test_elastic_bends_what_was_straight() -> None:
    bent = by(bar(1, 24).repeat(50, 1, 1), elastic=1.5)
    middles = np.array([[moments(row[None])[0][0] for row in image[27:37]] for image in bent])
    wandering = middles - middles.mean(1, keepdims=True)
    assert 0.5 < np.sqrt(np.mean(wandering**2)) < 1.5


def test_a_cut_erases_a_line_and_nothing_else() -> None:
    whole = by(bar(20, 20).repeat(30, 1, 1))
    change = whole.int() - by(bar(20, 20).repeat(30, 1, 1), cuts=1).int()
    assert (change >= 0).all()
    lost = change.sum((1, 2)) / 255
    assert (lost > 0.9).all()
    assert lost.max() < 2 * 20 * 2**0.5, "at most a diagonal, with the half of the cells beside it"
    widths = [np.linalg.eigvalsh(moments(each)[1])[0] for each in change]
    assert np.median(widths) < 0.4, "a line is thin"


def test_specks_are_single_cells() -> None:
    added = by(bar().repeat(200, 1, 1), specks=2).int() - by(bar().repeat(200, 1, 1)).int()
    assert (added >= 0).all()
    counts = (added > 0).sum((1, 2))
    assert counts.max() == 2
    assert counts.float().mean() > 1.9, "few fall on ink"
    assert 76 <= added[added > 0].min() < added.max() <= 255


def test_a_fraction_is_the_chance_of_one_more() -> None:
    added = by(bar().repeat(400, 1, 1), specks=0.25).int() - by(bar().repeat(400, 1, 1)).int()
    assert (added > 0).sum() == pytest.approx(100, abs=30)


def test_ink_never_leaves_the_board(few_digits: Digits) -> None:
    """On a board twice as large there is no more ink, unless the digit was made smaller."""
    ranges = Distortions(
        rotation=(-30, 30),
        scale=(0.5, 1.5),
        shear=(-0.3, 0.3),
        elastic=(0, 1.5),
        stroke=(-1, 1.5),
        blur=(0, 1),
    )
    for side in (64, 70):
        small, large = (
            distort(few_digits.images, each, np.random.default_rng(3), ranges).double().sum((1, 2))
            for each in (side, 2 * side)
        )
        np.testing.assert_allclose(small, large, rtol=0.01)


def test_what_is_too_large_is_made_smaller(few_digits: Digits) -> None:
    large = by(few_digits.images, scale=10)
    assert all(58 <= max(extent(image)) <= 64 for image in large)
    shrunk = by(torch.full((1, 200, 100), 255, dtype=torch.uint8))[0]
    assert extent(shrunk) == pytest.approx((32, 64), abs=1.1)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_distorted_digit_keeps_alive_cells(seed: int, few_digits: Digits) -> None:
    distorted = distort(few_digits.images, BOARD_SIDE, np.random.default_rng(seed), AUGMENTATION)
    assert distorted.shape == (len(few_digits), BOARD_SIDE, BOARD_SIDE)
    assert distorted.dtype == torch.uint8
    assert ((distorted > 25).sum((1, 2)) >= 5).all()


def test_an_image_that_would_lose_its_cells_stays() -> None:
    hair = bar(1)
    assert torch.equal(by(hair, stroke=-2), by(hair))
    assert not torch.equal(by(bar(5), stroke=-2), by(bar(5)))


def test_the_same_seed_repeats_the_distortions(few_digits: Digits) -> None:
    first, again, other = (
        distort(few_digits.images, BOARD_SIDE, np.random.default_rng(seed), AUGMENTATION)
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("scale", (0, 1)),
        ("rotation", (5, -5)),
        ("stroke", (0, 3)),
        ("blur", (float("nan"), 1)),
        ("cuts", (-1, 1)),
    ],
)
def test_ranges_that_are_none_are_refused_by_name(name: str, wrong: tuple[float, float]) -> None:
    with pytest.raises(
        ValueError, match=f"^{name} must be two numbers from .*, not {wrong[0]} and {wrong[1]}$"
    ):
        Distortions(**cast(Any, {name: wrong}))


@pytest.mark.parametrize("name", ["share", "chance"])
def test_a_chance_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"^{name} must be from 0 to 1, not 1\.5$"):
        Distortions(**cast(Any, {name: 1.5}))
