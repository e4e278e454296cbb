"""Data sets that are folders of image files, a folder for each class (torchvision's ImageFolder)."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

from ca.data.assemble import (
    Grey,
    assembled,
    class_names,
    refuse_too_large,
    refuse_too_many,
    refuse_unknown,
    with_bright_ink,
)
from ca.data.digits import Digits
from ca.data.image_file import read_image
from ca.system.errors import FailedError
from ca.system.progress import Progress
from ca.system.terminal import print_line

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}
TEST_SHARE, SPLIT_SEED = 0.2, 0  # of a set that has no test images
LEAST_CONTRAST, COLOUR_CONTRAST = 16, 64  # of 255, in grey and in a colour

Files = dict[str, list[Path]]  # the images of each class


def read_folder(path: Path, split: str, *, invert: bool = False) -> Digits:
    """Read the images of one split.

    Args:
        path: a folder with `train/CLASS/*.png` and `test/CLASS/*.png`, or with `CLASS/*.png`: then a fifth of
            the images of each class, always the same, are for tests
        invert: the images have dark ink on white paper

    Raises:
        FailedError: an image can't be read, a class has no image, or a test class is unknown in training
    """
    if not path.is_dir():
        raise FailedError(f"{path} is no data set: expected a folder of images, an .npz file or IDX files")
    train, test = path / "train", path / "test"
    if train.is_dir() and test.is_dir():
        files = {"train": _files(train), "test": _files(test, may_be_empty=True)}
    else:
        files = _divided(_files(train if train.is_dir() else path), path)
    names = class_names(files["train"], path)
    refuse_unknown(files["test"], names, path)
    chosen = [(name, file) for name, of_class in files[split].items() for file in of_class]
    with Progress(len(chosen), "image") as progress:
        images = []
        for _, file in chosen:
            images.append(_grey(file))
            refuse_too_many(len(images), *images[-1].shape, path)
            progress.advance()
    return assembled(with_bright_ink(images, path, invert=invert), [name for name, _ in chosen], names, path)


def _files(folder: Path, *, may_be_empty: bool = False) -> Files:
    """The image files of each class. Hidden files and folders, and files of other kinds, are left out."""
    found: Files = {}
    for each in sorted(folder.iterdir()):
        if each.is_dir() and not each.name.startswith("."):
            inside = [file for file in sorted(each.iterdir()) if _is_image(file)]
            if not inside and not may_be_empty:
                raise FailedError(f"the class {each} has no image: add some, or remove the folder")
            if inside:
                found[each.name] = inside
    if not found:
        raise FailedError(
            f"{folder} has no folders with images: expected one for each class, as in {folder}/CLASS/1.png"
        )
    return found


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".")


def _divided(files: Files, path: Path) -> dict[str, Files]:
    """Images for training and for tests: a fifth of each class, one at least if there are two."""
    split: dict[str, Files] = {"train": {}, "test": {}}
    for number, (name, of_class) in enumerate(files.items()):
        order = np.random.default_rng([SPLIT_SEED, number]).permutation(len(of_class))
        count = max(1, round(TEST_SHARE * len(of_class))) if len(of_class) > 1 else 0
        tested = set(order[:count].tolist())
        split["train"][name] = [file for place, file in enumerate(of_class) if place not in tested]
        if tested:
            split["test"][name] = [of_class[place] for place in sorted(tested)]
    trained, tested = (sum(map(len, part.values())) for part in (split["train"], split["test"]))
    print_line(
        f"ca: {path} has no folders train and test: {trained} images are for training and {tested} for "
        f"tests, a fifth of each class, chosen with seed {SPLIT_SEED}"
    )
    return split


def _grey(file: Path) -> Grey:
    image = read_image(file)
    refuse_too_large(image.height, image.width, file)
    return grey_of(image, os.fspath(file))


def grey_of(image: Image.Image, name: str) -> Grey:
    """The grey levels (height, width) of an RGB image.

    Raises:
        FailedError: what it shows differs from its background in colour only
    """
    colours = np.asarray(image)
    grey = np.asarray(image.convert("L"))
    if (
        np.ptp(grey) < LEAST_CONTRAST
        and max(np.ptp(colours[..., part]) for part in range(3)) >= COLOUR_CONTRAST
    ):
        raise FailedError(f"{name} has contrast in colour only: convert it to grey values")
    return grey
