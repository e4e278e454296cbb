"""Sets of digits: the bundled MNIST, IDX files written by hand, and what is said when there are none."""

import gzip
import hashlib
import socket
import struct
import urllib.request
from pathlib import Path
from typing import Any, Literal
from urllib.error import URLError

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support.helpers import NO_FOLDER, endless_file

import ca
from ca.data.digits import Digits
from ca.data.load import load_digits
from ca.data.named import DOWNLOAD_TIMEOUT, bundled_mnist
from ca.settings.choices import Dataset
from ca.system.errors import FailedError


@pytest.fixture(autouse=True)
def _read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ca.data.load.bundled_mnist", bundled_mnist)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """Let every download fail; the list fills with the timeouts that were set when one was tried."""
    timeouts: list[float | None] = []

    def unreachable(*arguments: Any, **options: Any) -> None:
        timeouts.append(socket.getdefaulttimeout())
        raise URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    return timeouts


def idx(array: NDArray[Any]) -> bytes:
    """Write an array as an IDX file: two zero bytes, type, dimensions, sizes, values, all big-endian."""
    kind = {"uint8": 8, "int32": 12, "float32": 13}[array.dtype.name]
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, kind, array.ndim]) + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture(scope="module")
def mnist() -> dict[str, Digits]:
    return {split: load_digits("mnist", split, NO_FOLDER) for split in ("train", "test")}


@pytest.mark.parametrize(("split", "count"), [("train", 60_000), ("test", 10_000)])
def test_the_bundled_mnist_is_whole(mnist: dict[str, Digits], split: str, count: int) -> None:
    digits = mnist[split]
    assert len(digits) == count
    assert digits.images.shape == (count, 28, 28)
    assert digits.images.dtype == torch.uint8
    assert digits.labels.shape == (count,)
    assert digits.labels.dtype == torch.int64
    assert digits.labels.unique().tolist() == list(range(10))


@pytest.mark.parametrize(
    ("split", "images_md5", "labels_md5"),
    [
        ("train", "6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624"),
        ("test", "2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637"),
    ],
)
def test_the_bundled_mnist_is_the_original_byte_for_byte(
    mnist: dict[str, Digits], split: str, images_md5: str, labels_md5: str
) -> None:
    """The md5 sums of the raw files of LeCun, Cortes and Burges."""
    images = idx(mnist[split].images.numpy())
    labels = idx(mnist[split].labels.numpy().astype(np.uint8))
    assert images[:4] == bytes([0, 0, 8, 3])
    assert hashlib.md5(images).hexdigest() == images_md5
    assert hashlib.md5(labels).hexdigest() == labels_md5


def test_the_bundled_mnist_needs_no_network(no_network: list[float | None]) -> None:
    load_digits("mnist", "test", NO_FOLDER)
    assert no_network == []
    assert not NO_FOLDER.exists()


def test_liveness_is_the_grey_value_as_a_share_of_full_ink() -> None:
    digits = Digits(torch.tensor([[[0, 51, 255]]], dtype=torch.uint8), torch.tensor([4]))
    assert digits.liveness.dtype == torch.float32
    torch.testing.assert_close(digits.liveness, torch.tensor([[[0.0, 0.2, 1.0]]]))


def test_liveness_is_converted_once() -> None:
    """A loop over `digits.liveness[i]` converted the whole set for each digit."""
    digits = Digits(torch.zeros(3, 2, 2, dtype=torch.uint8), torch.arange(3))
    assert digits.liveness is digits.liveness
    assert digits[1:].liveness.shape == (2, 2, 2)


def test_a_selection_takes_images_and_labels_together(mnist: dict[str, Digits]) -> None:
    digits = mnist["test"]
    for picked in (slice(3, 6), torch.tensor([5, 0, 9_999])):
        some = digits[picked]
        assert len(some) == 3
        assert torch.equal(some.images, digits.images[picked])
        assert torch.equal(some.labels, digits.labels[picked])
    moved = digits[:2].to(torch.device("meta"))
    assert moved.images.device.type == moved.labels.device.type == "meta"


@pytest.mark.parametrize("place", [0, 1_000_000, -1])
def test_damaged_bundled_data_is_refused(place: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray((Path(ca.__file__).parent / "data" / "mnist.npz").read_bytes())
    content[place] ^= 1
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mnist.npz").write_bytes(content)
    monkeypatch.setattr("ca.data.named.files", lambda package: tmp_path)
    with pytest.raises(FailedError, match=r"^the bundled MNIST data is damaged: install the package again$"):
        load_digits("mnist", "test", NO_FOLDER)


Images = NDArray[np.uint8]


def some_images(count: int, seed: int) -> Images:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)


def labels_for(count: int) -> NDArray[np.uint8]:
    return (np.arange(count) * 7 % 10).astype(np.uint8)


IMAGES = {"train": some_images(7, seed=1), "test": some_images(4, seed=2)}


def write_set(dataset: Dataset, data_dir: Path) -> Path:
    """Write `IMAGES` as the raw files of a set and return their folder."""
    names = {
        "fashion-mnist": "FashionMNIST",
        "kmnist": "KMNIST",
        "qmnist": "QMNIST",
        "emnist-digits": "EMNIST",
    }
    folder = data_dir / names[dataset] / "raw"
    folder.mkdir(parents=True)
    for split, images in IMAGES.items():
        labels = labels_for(len(images))
        if dataset == "qmnist":
            extended = np.zeros((len(images), 8), dtype=np.int32)
            extended[:, 0] = labels
            extended[:, 1:] = 1_000_000  # writer and more
            (folder / f"qmnist-{split}-images-idx3-ubyte").write_bytes(idx(images))
            (folder / f"qmnist-{split}-labels-idx2-int").write_bytes(idx(extended))
        elif dataset == "emnist-digits":
            columns_first = np.ascontiguousarray(images.swapaxes(1, 2))
            (folder / f"emnist-digits-{split}-images-idx3-ubyte").write_bytes(idx(columns_first))
            (folder / f"emnist-digits-{split}-labels-idx1-ubyte").write_bytes(idx(labels))
        else:
            prefix = "train" if split == "train" else "t10k"
            (folder / f"{prefix}-images-idx3-ubyte").write_bytes(idx(images))
            (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(labels))
    return folder


OTHERS: list[Dataset] = ["fashion-mnist", "kmnist", "qmnist", "emnist-digits"]
SPLITS: list[Literal["train", "test"]] = ["train", "test"]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("dataset", OTHERS)
def test_a_set_in_the_data_folder_is_read_upright_and_without_network(
    dataset: Dataset, split: Literal["train", "test"], tmp_path: Path, no_network: list[float | None]
) -> None:
    write_set(dataset, tmp_path)
    digits = load_digits(dataset, split, tmp_path)
    assert no_network == []
    assert digits.images.dtype == torch.uint8
    assert digits.images.is_contiguous()
    assert np.array_equal(digits.images.numpy(), IMAGES[split])
    assert digits.labels.dtype == torch.int64
    assert digits.labels.tolist() == labels_for(len(IMAGES[split])).tolist()


@pytest.mark.parametrize(
    ("dataset", "folder", "files"),
    [
        ("fashion-mnist", "FashionMNIST/raw", ["train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]),
        ("kmnist", "KMNIST/raw", ["train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz"]),
        ("qmnist", "QMNIST/raw", ["qmnist-train-images-idx3-ubyte.gz", "qmnist-test-labels-idx2-int.gz"]),
        ("emnist-digits", "EMNIST/raw", ["gzip.zip"]),
    ],
)
def test_an_absent_set_without_network_is_one_line_that_names_folder_and_files(
    dataset: Dataset, folder: str, files: list[str], tmp_path: Path, no_network: list[float | None]
) -> None:
    with pytest.raises(FailedError) as caught:
        load_digits(dataset, "train", tmp_path)
    line = str(caught.value)
    assert "\n" not in line
    assert f"'{dataset}'" in line
    assert str(tmp_path / folder) in line
    assert "can't be downloaded" in line
    for name in files:
        assert name in line
    assert no_network, "a download was tried"


def test_the_timeout_of_downloads_holds_only_for_them(tmp_path: Path, no_network: list[float | None]) -> None:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(1234)
    try:
        with pytest.raises(FailedError, match="can't be downloaded"):
            load_digits("kmnist", "train", tmp_path)
        assert set(no_network) == {DOWNLOAD_TIMEOUT}
        assert socket.getdefaulttimeout() == 1234
    finally:
        socket.setdefaulttimeout(before)


def test_a_data_folder_that_can_not_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FailedError, match="'kmnist' is not complete in"):
        load_digits("kmnist", "train", tmp_path / "file" / "data")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("images", b"", id="empty"),
        pytest.param("images", idx(IMAGES["train"])[:3], id="cut in the magic number"),
        pytest.param("images", idx(IMAGES["train"])[:-1], id="a byte short"),
        pytest.param("images", idx(IMAGES["train"]) + b"\0", id="a byte long"),
        pytest.param("images", idx(IMAGES["train"][0]), id="two dimensions"),
        pytest.param("images", b"<html>not found</html>", id="an error page"),
        pytest.param("images", b"\0\0\x08\x03" + b"\xff" * 12 + b"\0" * 99, id="sizes beyond the file"),
        pytest.param("labels", idx(IMAGES["train"]), id="images for labels"),
        pytest.param(
            "images",
            idx(IMAGES["train"].astype(np.float32)),
            id="floats",
        ),
        pytest.param(
            "images",
            b"\0\0\x0a\x03" + idx(IMAGES["train"])[4:],
            id="an unknown type",
        ),
        pytest.param(
            "labels",
            idx(labels_for(6)),
            id="fewer labels than images",
        ),
        pytest.param(
            "labels",
            idx(np.full(7, 64, dtype=np.uint8)),
            id="a label above 63",
        ),
    ],
)
def test_a_damaged_set_is_one_line_that_names_its_folder(name: str, content: bytes, tmp_path: Path) -> None:
    folder = write_set("kmnist", tmp_path)
    (damaged,) = folder.glob(f"train-{name}-*")
    damaged.write_bytes(content)
    with pytest.raises(FailedError) as caught:
        load_digits("kmnist", "train", tmp_path)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_cut_archive_is_one_line_and_leaves_nothing_half_unpacked(tmp_path: Path) -> None:
    folder = write_set("kmnist", tmp_path)
    (whole,) = folder.glob("train-images-*")
    packed = gzip.compress(whole.read_bytes())
    whole.unlink()
    for content in (packed[: len(packed) // 2], b"", b"<html>"):
        (folder / f"{whole.name}.gz").write_bytes(content)
        with pytest.raises(FailedError, match=r"train-images-idx3-ubyte.gz is (damaged|no IDX file)"):
            load_digits("kmnist", "train", tmp_path)
        assert not whole.exists()


@pytest.mark.parametrize("kind", ["pipe", "device", "sparse"])
def test_a_file_that_would_never_end_is_one_line(kind: str, tmp_path: Path) -> None:
    folder = write_set("kmnist", tmp_path)
    (path,) = folder.glob("train-images-*")
    endless_file(path, kind)
    with pytest.raises(FailedError, match=r"data set 'kmnist' is not complete in"):
        load_digits("kmnist", "train", tmp_path)
