"""Generated photographs: the digits of each kind are found, whatever paper, pen, light and camera."""

import numpy as np
import pytest
from PIL import Image
from support.photographs import KINDS, Kind, photograph

from ca.api import CellularAutomaton, classify
from ca.data.digits import Digits
from ca.data.load import load_digits
from ca.photo.ink import find_ink, is_bright_on_dark
from ca.photo.page import read_page
from ca.photo.ruling import without_ruling
from ca.system.errors import FailedError


@pytest.fixture(scope="module")
def digits() -> Digits:
    return load_digits("mnist", "test")


def grey(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L")).astype(np.float32) / 255


def test_the_digits_of_every_kind_of_photograph_are_found_and_read(digits: Digits) -> None:
    images, labels = [], []
    for seed, (name, kind) in enumerate(KINDS.items()):
        image, written = photograph(kind, digits, np.random.default_rng(seed), height=48)
        images.append(read_page(image.convert("RGB")).images)
        labels += written
        assert len(images[-1]) == len(written), name
    found = classify(CellularAutomaton.from_pretrained(), np.concatenate(images), ticks=60)
    assert len(KINDS) == 19
    assert (found.classes == labels).mean() > 0.9


@pytest.mark.parametrize("kind", ["scan", "pencil", "paper on a desk", "blackboard", "squared"])
def test_the_brighter_of_ink_and_paper_is_told(kind: str, digits: Digits) -> None:
    image, _ = photograph(KINDS[kind], digits, np.random.default_rng(5), height=40)
    assert is_bright_on_dark(grey(image)) == (kind == "blackboard")
    assert is_bright_on_dark(1 - grey(image)) != (kind == "blackboard")


def test_shadows_are_no_ink(digits: Digits) -> None:
    """The paper is dark in the shadow, and no darker than ink in the light."""
    shaded, lit = (
        grey(photograph(kind, digits, np.random.default_rng(2), height=60)[0])
        for kind in (Kind(shadow=0.8, noise=0.0, tilt=0), Kind(noise=0.0, tilt=0))
    )
    paper = lit > 0.9
    assert np.quantile(shaded[paper], 0.9) > 2 * np.quantile(shaded[paper], 0.1)
    assert (find_ink(shaded)[paper] > 0.2).mean() < 0.01


@pytest.mark.parametrize("lines", ["ruled", "squared"])
def test_ruling_is_taken_away_and_what_crosses_it_stays(lines: str, digits: Digits) -> None:
    ruled = Kind(lines=lines, rows=(3,), tilt=2, perspective=0.03)
    image, _ = photograph(ruled, digits, np.random.default_rng(4), height=80)
    plain, _ = photograph(
        Kind(rows=(3,), tilt=2, perspective=0.03), digits, np.random.default_rng(4), height=80
    )
    ink, wanted = find_ink(grey(image)), find_ink(grey(plain)) > 0.5
    cleaned = without_ruling(ink, 0.1)
    middle = (slice(15, -15), slice(15, -15))  # the paper ends at the edges
    assert ((ink > 0.15) & ~wanted)[middle].mean() > 0.02
    assert ((cleaned > 0.15) & ~wanted)[middle].mean() < 0.01
    assert (cleaned[wanted] > 0.4).mean() > 0.95


def test_three_ones_are_no_ruling() -> None:
    page = np.ones((100, 120), dtype=np.float32)
    for left in (30, 60, 90):
        page[15:85, left : left + 3] = 0
    assert len(read_page(Image.fromarray((page * 255).astype(np.uint8)).convert("RGB")).found) == 3


@pytest.mark.parametrize("noise", [0, 3, 20])
def test_blank_paper_is_one_line(noise: int) -> None:
    values = np.random.default_rng(0).normal(200, noise, (150, 200)).clip(0, 255)
    blank = Image.fromarray(values.astype(np.uint8)).convert("RGB")
    with pytest.raises(FailedError, match="no digits found"):
        read_page(blank)


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 1)])
def test_images_of_few_pixels_are_one_line(size: tuple[int, int]) -> None:
    for shade in ("white", "black"):
        with pytest.raises(FailedError, match="no digits found"):
            read_page(Image.new("RGB", size, shade))
