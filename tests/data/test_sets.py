"""Data sets of the user's own: folders of images, .npz and IDX files."""

import gzip
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ca.data.digits import digits_sha256
from ca.data.load import load_digits
from ca.system.errors import FailedError


def picture(number: int, height: int = 12, width: int = 12, background: int = 0) -> NDArray[np.uint8]:
    """An image that is told from others by the place of its ink."""
    image = np.full((height, width), background, dtype=np.uint8)
    image[2 + number % 7, 3 : 3 + number // 7 % 7 + 2] = 255 - background
    return image


def folder_of(root: Path, classes: dict[str, int], **how: Any) -> Path:
    """Write a folder of images, so many of each class."""
    for name, count in classes.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(picture(number, **how)).save(root / name / f"{number}.png")
    return root


def two_splits(tmp_path: Path, **how: Any) -> Path:
    folder_of(tmp_path / "set" / "train", {"10": 6, "9": 4, "b": 2}, **how)
    folder_of(tmp_path / "set" / "test", {"9": 3, "b": 1}, **how)
    return tmp_path / "set"


def ink_of(digits: Any) -> set[bytes]:
    return {image.numpy().tobytes() for image in digits.images}


def test_a_folder_with_both_splits_is_read_as_it_is(tmp_path: Path) -> None:
    path = str(two_splits(tmp_path))
    train, test = load_digits(path, "train"), load_digits(path, "test")
    assert train.names == test.names == ("9", "10", "b"), "in their natural order"
    assert torch.bincount(train.labels).tolist() == [4, 6, 2]
    assert torch.bincount(test.labels, minlength=3).tolist() == [3, 0, 1]
    assert ink_of(train) == {picture(number).tobytes() for number in range(6)}
    for label, count in enumerate((4, 6, 2)):
        expected = {picture(number).tobytes() for number in range(count)}
        assert ink_of(train[train.labels == label]) == expected
    assert train.labels.tolist() != sorted(train.labels.tolist()), "not sorted by class"
    assert digits_sha256(train) == digits_sha256(load_digits(path, "train"))


def test_a_folder_without_splits_is_divided_always_in_the_same_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(folder_of(tmp_path / "set", {"a": 30, "b": 10, "c": 1}))
    train, test = load_digits(path, "train"), load_digits(path, "test")
    (line, _) = capsys.readouterr().err.splitlines()
    assert line == (
        f"ca: {path} has no folders train and test: 33 images are for training and 8 for tests, a fifth of "
        "each class, chosen with seed 0"
    )
    assert torch.bincount(train.labels).tolist() == [24, 8, 1]
    assert torch.bincount(test.labels, minlength=3).tolist() == [6, 2, 0]
    for label in (0, 1):
        parts = [ink_of(part[part.labels == label]) for part in (train, test)]
        assert not parts[0] & parts[1]
        assert parts[0] | parts[1] == {picture(number).tobytes() for number in range((30, 10)[label])}
    assert torch.equal(test.images, load_digits(path, "test").images)


def test_images_of_different_sizes_get_empty_margins(tmp_path: Path) -> None:
    folder_of(tmp_path / "a", {"x": 2, "y": 2}, height=13, width=11)
    folder_of(tmp_path / "b", {"x": 2}, height=20, width=16)
    for number in range(2):
        (tmp_path / "b" / "x" / f"{number}.png").rename(tmp_path / "a" / "x" / f"large{number}.png")
    for name in ("x", "y"):
        (tmp_path / "set" / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "a" / name).rename(tmp_path / "set" / "train" / name)
    folder_of(tmp_path / "set" / "test", {"x": 1}, height=13, width=11)
    train = load_digits(str(tmp_path / "set"), "train")
    assert train.images.shape == (4 + 2, 20, 16)
    small = np.zeros((20, 16), dtype=np.uint8)
    small[3:16, 2:13] = picture(1, 13, 11)
    assert small.tobytes() in ink_of(train)
    assert picture(1, 20, 16).tobytes() in ink_of(train)


def test_dark_ink_needs_invert_and_becomes_bright(tmp_path: Path) -> None:
    path = str(two_splits(tmp_path, background=255))
    with pytest.raises(FailedError) as caught:
        load_digits(path, "train")
    assert str(caught.value) == (
        f"12 of 12 images of {path} are bright along their borders, where there should be no ink: give "
        "--invert if their ink is dark on white paper"
    )
    assert ink_of(load_digits(path, "train", invert=True)) == {
        picture(number).tobytes() for number in range(6)
    }
    bright = str(two_splits(tmp_path / "bright"))
    with pytest.raises(FailedError, match=r"no ink: leave out --invert$"):
        load_digits(bright, "train", invert=True)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "1", "I;16"])
def test_grey_images_are_read_in_every_mode(mode: str, tmp_path: Path) -> None:
    path = two_splits(tmp_path)
    file = path / "train" / "b" / "0.png"
    image = Image.fromarray(picture(0))
    deep = Image.fromarray(picture(0).astype(np.uint16) * 257)
    image = deep if mode == "I;16" else image.convert(mode)
    image.save(file)
    assert picture(0).tobytes() in ink_of(load_digits(str(path), "train"))


def without(path: Path) -> None:
    for file in path.iterdir():
        file.unlink()


def coloured(path: Path) -> None:
    image = np.full((12, 12, 3), (0, 150, 0), dtype=np.uint8)
    image[4, 3:8] = (255, 20, 0)  # as bright as the background
    Image.fromarray(image).save(path / "b" / "0.png")


def large(path: Path) -> None:
    Image.new("L", (513, 20)).save(path / "b" / "0.png")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: without(path / "train" / "b"), "the class {path}/train/b has no image: add some"),
        (
            lambda path: folder_of(path / "test", {"d": 1}),
            "test images of the class 'd' and no training images",
        ),
        (lambda path: (path / "train" / "9" / "1.png").write_bytes(b"\x89PNG"), "can't read|is not an image"),
        (lambda path: coloured(path / "train"), "{path}/train/b/0.png has contrast in colour only"),
        (lambda path: large(path / "train"), "{path}/train/b/0.png has 20x513 pixels, the most is 512x512"),
    ],
    ids=["class without image", "unknown test class", "no image", "colour only", "too large"],
)
def test_a_folder_that_makes_no_sense_is_refused_in_one_line(
    change: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    path = two_splits(tmp_path)
    change(path)
    with pytest.raises(FailedError, match=message.format(path=path)) as caught:
        load_digits(str(path), "train")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("count", [1, 65])
def test_other_numbers_of_classes_are_refused(count: int, tmp_path: Path) -> None:
    path = folder_of(tmp_path / "set", {f"class {number}": 2 for number in range(count)})
    with pytest.raises(FailedError, match=rf"has {count} classes \(.*\): 2 to 64 are possible"):
        load_digits(str(path), "train")


def test_more_images_than_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ca.data.assemble.available_memory", lambda: 1_000.0)
    with pytest.raises(
        FailedError, match=r"has 4 images of up to 12x12 pixels, which need 0\.0 GB; there are"
    ):
        load_digits(str(two_splits(tmp_path)), "train")


# .npz


def arrays(images: Any = None, labels: Any = (3, 12, 3, 12)) -> dict[str, Any]:
    found = np.stack([picture(number) for number in range(4)]) if images is None else images
    return {
        "x_train": found,
        "y_train": np.array(labels),
        "x_test": found[:2],
        "y_test": np.array(labels[:2]),
    }


@pytest.mark.parametrize("kind", ["bytes", "floats", "one channel", "names"])
def test_an_npz_file_is_read(kind: str, tmp_path: Path) -> None:
    found = arrays(labels=("left", "right", "left", "right")) if kind == "names" else arrays()
    for name in ("x_train", "x_test"):
        if kind == "floats":
            found[name] = found[name] / 255
        elif kind == "one channel":
            found[name] = found[name][..., None]
    np.savez_compressed(tmp_path / "set.npz", **found)
    train = load_digits(str(tmp_path / "set.npz"), "train")
    assert train.names == (("left", "right") if kind == "names" else ("3", "12"))
    assert ink_of(train[train.labels == 0]) == {picture(0).tobytes(), picture(2).tobytes()}
    assert len(load_digits(str(tmp_path / "set.npz"), "test")) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda found: found.pop("y_test"), "has no y_test: expected x_train, y_train, x_test, y_test"),
        (
            lambda found: found.update(y_train=np.array([3, 12])),
            "has 4 images in x_train and 2 labels in y_train",
        ),
        (lambda found: found.update(y_train=np.ones(4)), "y_train has shape .4,. and type float64"),
        (lambda found: found.update(y_test=np.array([3, 7])), "test images of the class '7'"),
        (lambda found: found.update(x_train=np.zeros((4, 3, 5, 5))), "x_train: images have shape"),
        (
            lambda found: found.update(x_train=np.full((4, 5, 5), 300.0)),
            "x_train: images are floats from 300",
        ),
        (
            lambda found: found.update(y_train=np.array([b"3", b"\xff", b"3", b"12"])),
            "a name that is not UTF-8",
        ),
        (lambda found: found.update(x_train=np.array([None] * 4)), "is damaged, or is no .npz file of plain"),
    ],
)
def test_an_npz_file_that_makes_no_sense_is_refused(
    change: Callable[[dict[str, Any]], object], message: str, tmp_path: Path
) -> None:
    found = arrays()
    change(found)
    np.savez(tmp_path / "set.npz", **found)
    with pytest.raises(FailedError, match=message):
        load_digits(str(tmp_path / "set.npz"), "train")


@pytest.mark.parametrize("content", [b"", b"text", b"\x93NUMPY\x01\x00v\x00{'descr': '|u1', 'fortran_order'"])
def test_an_npz_file_with_a_damaged_array_is_refused(content: bytes, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as file:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            file.writestr(f"{name}.npy", content)
    with pytest.raises(FailedError, match="is damaged") as caught:
        load_digits(str(tmp_path / "set.npz"), "train")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with a name")
def test_a_pipe_in_place_of_an_npz_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "set.npz")
    with pytest.raises(FailedError, match="it is not a regular file"):
        load_digits(str(tmp_path / "set.npz"), "train")


# IDX


def idx(array: NDArray[np.uint8]) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def idx_set(
    folder: Path, prefix: str, images: NDArray[np.uint8], labels: list[int], packed: bool = True
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    test = "test" if prefix else "t10k"
    for part in ("train", test):
        for kind, array in (("images-idx3", images), ("labels-idx1", np.array(labels, dtype=np.uint8))):
            content = idx(array)
            name = f"{prefix}{part}-{kind}-ubyte" + (".gz" if packed else "")
            (folder / name).write_bytes(gzip.compress(content) if packed else content)


def letters(text: str) -> NDArray[np.uint8]:
    """Upright letters."""
    images = []
    for letter in text:
        image = Image.new("L", (28, 28))
        ImageDraw.Draw(image).text((8, 4), letter, fill=255, font_size=20)
        images.append(np.asarray(image))
    return np.stack(images)


@pytest.mark.parametrize("packed", [True, False])
def test_idx_files_with_any_labels_are_read(packed: bool, tmp_path: Path) -> None:
    images = np.stack([picture(number) for number in range(20)])
    idx_set(tmp_path / "set", "", images, list(range(20)), packed)
    found = load_digits(str(tmp_path / "set"), "test")
    assert found.names == tuple(map(str, range(20)))
    for label, image in zip(found.labels.tolist(), found.images, strict=True):
        assert np.array_equal(image, picture(label))


def test_emnist_is_upright_and_has_its_characters(tmp_path: Path) -> None:
    """EMNIST's images are stored column by column; its mapping file has the characters of the labels."""
    upright = letters("FLR")
    idx_set(tmp_path, "emnist-letters-", upright.transpose(0, 2, 1), [6, 12, 18])
    odd = "7\n\n8 99999999\n9 " + 40 * "9"
    (tmp_path / "emnist-letters-mapping.txt").write_text(f"6 70 102\n{odd}\n12 76 108\n18 82 114\n")
    found = load_digits(str(tmp_path), "train")
    assert found.names == ("F", "L", "R")
    for label, image in zip(found.labels.tolist(), found.images, strict=True):
        assert np.array_equal(image, upright[label])


@pytest.mark.parametrize(("name", "folder"), [("fashion-mnist", "FashionMNIST"), ("kmnist", "KMNIST")])
def test_own_files_of_a_named_set_are_read_with_any_labels(name: str, folder: str, tmp_path: Path) -> None:
    idx_set(
        tmp_path / folder / "raw", "", np.stack([picture(number) for number in range(20)]), list(range(20))
    )
    assert load_digits(name, "train", tmp_path).names == tuple(map(str, range(20)))


def test_of_several_idx_sets_one_is_named(tmp_path: Path) -> None:
    for prefix in ("emnist-letters-", "emnist-digits-"):
        idx_set(tmp_path, prefix, letters("AB"), [0, 1])
    with pytest.raises(
        FailedError, match=r"has several IDX sets: give the path of one, such as .*digits-train"
    ):
        load_digits(str(tmp_path), "train")
    assert len(load_digits(str(tmp_path / "emnist-letters-train-images-idx3-ubyte.gz"), "test")) == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "train-labels-idx1-ubyte.gz",
            None,
            "has no file of the train labels, such as train-labels-idx1-ubyte.gz",
        ),
        ("train-images-idx3-ubyte.gz", b"\x1f\x8b\x08", "is damaged"),
        (
            "train-images-idx3-ubyte.gz",
            gzip.compress(b"\0\0\x08\x01"),
            "is no IDX file of bytes in 3 dimensions",
        ),
        (
            "train-images-idx3-ubyte.gz",
            gzip.compress(idx(picture(0)[None])[:-3]),
            "is damaged: it should have 144",
        ),
        (
            "train-labels-idx1-ubyte.gz",
            gzip.compress(idx(np.arange(3, dtype=np.uint8))),
            "20 images and 3 labels",
        ),
    ],
    ids=["missing", "cut", "one dimension", "too short", "few labels"],
)
def test_idx_files_that_make_no_sense_are_refused(
    name: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    idx_set(tmp_path, "", np.stack([picture(number) for number in range(20)]), [n % 3 for n in range(20)])
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FailedError, match=message):
        load_digits(str(tmp_path), "train")


# The classes of an automaton


def test_labels_follow_the_classes_of_the_automaton(tmp_path: Path) -> None:
    digits = load_digits(str(two_splits(tmp_path)), "test")
    other = digits.of_classes(("b", "a", "9"))
    assert other.names == ("b", "a", "9")
    assert [other.names[label] for label in other.labels] == [digits.names[label] for label in digits.labels]
    with pytest.raises(
        FailedError, match="has the class '9', which the automaton was not trained on; it knows a, b"
    ):
        digits.of_classes(("a", "b"))


def test_a_path_that_is_not_there_is_named_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(
        FailedError, match=r"^there is no data set .*nope: give mnist, fashion-mnist, .* or the path"
    ):
        load_digits(str(tmp_path / "nope"), "train")
