"""Distortions of the shape of images: rotation, scale, shear, aspect and elastic, in one resampling."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ca.data.ink import Amounts, Images

# A displacement is a uniform cubic B-spline. Controls that are 7 pixels apart make it as smooth as noise that
# is blurred by a Gaussian of 4 pixels.
SPACING = 7  # pixels
CONTROLS = 9  # along a side
DEVIATION = np.float32(151 / 315)  # of a displacement whose controls have 1: the spline's square, summed up
LEAST_INK = 0.5  # grey values below it are rounded to 0

Floats = NDArray[np.float32]


def affine(rotation: Amounts, scale: Amounts, shear: Amounts, aspect: Amounts) -> Floats:
    """Matrices (images, 2, 2) from an image's x and y to those of a board. Arguments as in `Distortions`."""
    angle = np.deg2rad(rotation)
    sin, cos = np.sin(angle), np.cos(angle)
    across, down = scale * np.sqrt(aspect), scale / np.sqrt(aspect)
    matrices = [[cos * across, (sin - cos * shear) * down], [-sin * across, (cos + sin * shear) * down]]
    return np.moveaxis(np.array(matrices, dtype=np.float32), 2, 0)


def displacement(controls: Floats, scale: Amounts, side: int) -> Floats:
    """Smooth displacements on boards, whose deviation is that of the controls.

    Args:
        controls: (images, 2, `CONTROLS`, `CONTROLS`)
        scale: cells a pixel

    Returns:
        (images, 2, side, side), in x and in y
    """
    cells = np.arange(side, dtype=np.float32) - np.float32((side - 1) / 2)
    place = cells / (SPACING * scale[:, None])  # (images, side), in controls
    control = np.arange(CONTROLS, dtype=np.float32) - CONTROLS // 2
    distance = np.abs(place[:, :, None] - control)
    outer, inner = np.maximum(2 - distance, 0), np.maximum(1 - distance, 0)
    basis = (outer * outer * outer - 4 * inner * inner * inner) / 6
    basis = basis[:, None]  # (images, 1, side, controls)
    return basis @ (controls / DEVIATION) @ basis.swapaxes(2, 3)


def warp(images: Images, matrices: Floats, displaced: Floats, margin: Amounts) -> tuple[Images, Amounts]:
    """Transform images, each around the centre of its ink, onto boards where all of the ink has room.

    The centre stays where it is while the image lies in the middle of the board. Ink that would leave the
    board is moved onto it, and made smaller if it is larger than the board.

    Args:
        matrices: (images, 2, 2) of `affine`
        displaced: (images, 2, side, side) of `displacement`, in pixels
        margin: cells that stay free at the border

    Returns:
        (images, side, side), and the factors by which images were made smaller to fit
    """
    side = displaced.shape[3]
    size = np.array(images.shape[:0:-1], dtype=np.float32)
    centre, half = _extent(images)
    half += np.maximum(displaced.max((2, 3)), -displaced.min((2, 3)))
    reach = (np.abs(matrices) @ half[:, :, None])[:, :, 0]
    room = (side + 1) / 2 - margin[:, None]  # ink may end at the centres of the cells beyond the border
    shrunk = np.minimum((room / reach).min(1), 1)
    slack = room - reach * shrunk[:, None]
    moved = (side - size) // 2 + centre - side / 2
    middle = side / 2 + np.clip(moved, -slack, slack)

    # The image is from -1 to 1 for `grid_sample`.
    inverse = np.linalg.inv(matrices) / shrunk[:, None, None] * (2 / size)[:, None]
    cells = np.arange(side, dtype=np.float32) + np.float32(0.5) - middle[:, :, None]  # (images, 2, side)
    down = inverse[:, :, 1, None] * cells[:, None, 1] + (2 * centre / size - 1)[:, :, None]
    source = displaced * (2 / size)[:, None, None]
    source += (inverse[:, :, 0, None] * cells[:, None, 0])[:, :, None, :]
    source += down[:, :, :, None]
    grid = torch.from_numpy(source.astype(np.float32, copy=False)).permute(0, 2, 3, 1)
    warped = F.grid_sample(torch.from_numpy(images).unsqueeze(1), grid, align_corners=False)
    return warped.squeeze(1).numpy(), shrunk


def _extent(images: Images) -> tuple[Floats, Floats]:
    """Centre and half size of the ink, (images, 2) in x and y; an image without ink counts as full.

    Bilinear resampling fills half a pixel around it, which is included.
    """
    ends = []
    for axis in (1, 2):
        inked = images.max(axis) >= LEAST_INK
        ends.append((inked.argmax(1), inked.shape[1] - inked[:, ::-1].argmax(1)))
    first, end = np.array(ends, dtype=np.float32).transpose(1, 2, 0)
    return (first + end) / 2, (end - first + 1) / 2
