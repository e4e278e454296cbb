"""Draw `docs/written-digits.png`: 20 written digits of each class, to scale.

uv run python tools/written_digits.py
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ca.data.written import write_digits
from ca.sizes import BOARD_SIDE, NUM_CLASSES

PICTURE = Path(__file__).parents[1] / "docs" / "written-digits.png"
SEED = 15
COLUMNS = 20
GAP = 5  # cells between digits
ZOOM = 2  # pixels along a cell


def main() -> None:
    images, labels = write_digits(100 * NUM_CLASSES, SEED)
    rows = [row_of(images[labels == label][:COLUMNS]) for label in range(NUM_CLASSES)]
    width = max(row.shape[1] for row in rows)
    ink = np.vstack([np.pad(row, ((0, 0), (GAP, width - row.shape[1]))) for row in rows])
    picture = Image.fromarray(255 - ink)
    picture.resize((ZOOM * picture.width, ZOOM * picture.height), Image.Resampling.NEAREST).save(
        PICTURE, optimize=True
    )


def row_of(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put digits beside each other, each in the middle of the row's height."""
    columns = []
    for image in images:
        rows, places = np.nonzero(image)
        digit = image[rows.min() : rows.max() + 1, places.min() : places.max() + 1]
        above = (BOARD_SIDE - len(digit)) // 2
        columns.append(np.pad(digit, ((above, BOARD_SIDE - len(digit) - above), (0, GAP))))
    return np.hstack(columns)


if __name__ == "__main__":
    main()
