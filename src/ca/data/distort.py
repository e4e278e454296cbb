"""Distorted digits: other sizes, slants, pens and papers than those of the data set."""

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from ca.architecture import Architecture
from ca.data.ink import Amounts, Images, add_speck, blur, change_contrast, change_stroke, cut
from ca.data.warp import CONTROLS, affine, displacement, warp
from ca.settings.distortions import LIMITS, UNCHANGED, Distortions

PADDING = 2  # pixels around an image: room for wider strokes
BLUR_MARGIN = 2.5  # standard deviations of a blur beyond which no cell is alive
LEAST_LEFT = 0.25  # of the alive cells that an image of this size should have
LOGARITHMIC = ("scale", "aspect")


def distort(images: Tensor, side: int, generator: Generator, ranges: Distortions) -> Tensor:
    """Distort images, each by its own random amounts, and put each whole onto a board.

    An image larger than the board is made smaller. An image that would lose most of its alive cells, by
    narrower strokes for instance, is left as it was.

    Args:
        images: (images, height, width) uint8
        side: cells along a board
        generator: of NumPy
        ranges: of the amounts

    Returns:
        (images, side, side) uint8, on the device of the images
    """
    given = images.cpu().numpy()
    amounts = _draw_amounts(len(given), generator, ranges)
    distorted, shrunk = _reshaped(given, side, generator, amounts)
    distorted = change_contrast(blur(distorted, amounts["blur"]), amounts["contrast"])
    expected = _alive_cells(given) * np.square(shrunk * amounts["scale"])
    lost = _alive_cells(distorted) < LEAST_LEFT * expected
    if lost.any():
        distorted[lost], _ = _reshaped(
            given[lost], side, generator, _draw_amounts(lost.sum(), generator, UNCHANGED)
        )
    for name, change in (("cuts", cut), ("specks", add_speck)):
        numbers = np.floor(amounts[name] + generator.random(len(given)))
        for number in np.flatnonzero(numbers):
            for _ in range(int(numbers[number])):
                change(distorted[number], generator)
    return torch.from_numpy(np.rint(distorted).astype(np.uint8)).to(images.device)


def _draw_amounts(number: int, generator: Generator, ranges: Distortions) -> dict[str, Amounts]:
    """The amount of each distortion for each image, by name."""
    amounts = {}
    distorted = generator.random(number) < ranges.share
    for name in LIMITS:
        bounds = np.array([getattr(ranges, name), getattr(UNCHANGED, name)], dtype=np.float64)
        if name in LOGARITHMIC:
            bounds = np.log(bounds)
        (least, most), (neutral, _) = bounds
        drawn = least + (most - least) * generator.random(number)
        chosen = np.where(distorted & (generator.random(number) < ranges.chance), drawn, neutral)
        amounts[name] = (np.exp(chosen) if name in LOGARITHMIC else chosen).astype(np.float32)
    return amounts


def _reshaped(
    images: NDArray[np.uint8], side: int, generator: Generator, amounts: dict[str, Amounts]
) -> tuple[Images, Amounts]:
    """Images with other strokes and shapes on boards, and the factors by which they were shrunk to fit."""
    scale = amounts["scale"]
    controls = generator.standard_normal((len(images), 2, CONTROLS, CONTROLS), dtype=np.float32)
    displaced = displacement(controls * amounts["elastic"][:, None, None, None], scale, side)
    matrices = affine(amounts["rotation"], scale, amounts["shear"], amounts["aspect"])
    inked = np.pad(images, ((0, 0), (PADDING,) * 2, (PADDING,) * 2)).astype(np.float32)
    inked = change_stroke(inked, amounts["stroke"])
    # Resampling to half the size takes every second pixel: what is between is blurred into them.
    inked = blur(inked, np.sqrt(np.minimum(scale, 1) ** -2 - 1) / 2)
    return warp(inked, matrices, displaced, BLUR_MARGIN * amounts["blur"])


def _alive_cells(images: NDArray[np.uint8] | Images) -> NDArray[np.int64]:
    """Number of alive cells of each image (images, height, width) of grey values from 0 to 255."""
    return (images > Architecture.alive_threshold * 255).sum((1, 2))
