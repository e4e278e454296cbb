"""Arrays of the caller: what is refused, and with which advice."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

import ca
import ca.api

MNIST = ca.load_digits()


@pytest.fixture(scope="module")
def bundled() -> ca.CellularAutomaton:
    return ca.CellularAutomaton.from_pretrained()


def inked(*shape: int) -> NDArray[np.float64]:
    """Images with a stroke in the middle."""
    images = np.zeros(shape)
    images[..., 4:-4, shape[-1] // 2] = 1.0
    return images


REFUSED: dict[str, tuple[Any, str]] = {
    "floats up to 255": (inked(2, 28, 28) * 255, r"from 0 to 255, not in \[0, 1\]: divide by 255$"),
    "normalised": (inked(2, 28, 28) * 3.2 - 0.4, r"from -0.4 to 2.8, .*: undo their normalisation, or limit"),
    "overshoot": (inked(2, 28, 28) * 1.1, r"from 0 to 1.1, .*, or limit them with images.clip\(0, 1\)$"),
    "NaN": (np.where(inked(2, 28, 28) == 1, np.nan, 0), r"^images\[0\] has values that are NaN or infinite"),
    "infinite": (np.where(inked(2, 9, 9) == 1, -np.inf, 0), r"^images\[0\] has .* NaN or infinite"),
    "uint8 up to 1": (inked(2, 28, 28).astype(np.uint8), r"^images are uint8 from 0 to 1, .*by 255$"),
    "int64": ((inked(28, 28) * 255).astype(int), r"have type int64: .*images.astype\(np.uint8\)$"),
    "bool": (inked(28, 28) > 0, r"have type bool: .*images.astype\(float\)$"),
    "text": (np.array([["a", "b"]]), "have type <U1"),
    "path": ("digit.png", r"^'digit.png' is a path: read it first"),
    "colours": (inked(2, 28, 28)[..., None].repeat(3, -1), r"shape \(2, 28, 28, 3\): these are colours"),
    "one coloured": (inked(28, 28)[..., None].repeat(3, -1), r"shape \(28, 28, 3\): these are colours"),
    "with opacity": (inked(28, 28)[..., None].repeat(4, -1), r"shape \(28, 28, 4\): these are colours"),
    "colours first": (inked(2, 3, 28, 28), r"\(2, 3, 28, 28\): convert the channels .*images.mean\(1\)$"),
    "channel first": (inked(2, 1, 28, 28), r"\(2, 1, 28, 28\): convert the channels .*images.mean\(1\)$"),
    "channel last": (inked(2, 28, 28)[..., None], r"\(2, 28, 28, 1\): remove the last dimension"),
    "flat": (inked(2, 28, 28).reshape(2, 784)[0], r"\(784,\): give \(batch, height, width\)"),
    "too deep": (inked(2, 2, 2, 28, 28), r"\(2, 2, 2, 28, 28\): give \(batch, height, width\)"),
    "empty": (np.zeros((0, 28, 28)), r"shape \(0, 28, 28\): there is nothing to classify"),
    "blank": (np.stack([inked(28, 28), inked(28, 28) * 0.1]), r"^images\[1\] has no alive cell: .* 0.1"),
    "blank uint8": (np.full((2, 9, 9), 25, dtype=np.uint8), r"^images\[0\] has no alive cell"),
    "inverted": (np.stack([inked(28, 28), 1 - inked(28, 28)]), r"^images\[1\] is bright .*use 1 - images"),
    "inverted MNIST": (255 - MNIST.images, r"^images\[0\] is bright .*255 - images if uint8"),
    "inverted grey": ((0.8 - inked(28, 28) * 0.7), r"^images\[0\] is bright along its border"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_arrays_that_would_be_misread_are_refused_with_advice(
    name: str, bundled: ca.CellularAutomaton
) -> None:
    images, message = REFUSED[name]
    for use in (
        lambda: ca.classify(bundled, images, ticks=1),
        lambda: ca.roll_out(bundled, images, ticks=1),
        lambda: ca.make_digits(images, np.zeros(len(images), dtype=int)),
    ):
        with pytest.raises(ValueError, match=message) as error:
            use()
        assert "\n" not in str(error.value)


def test_no_digit_of_mnist_is_refused_and_every_inverted_one_is() -> None:
    for split in ("train", "test"):
        digits = ca.load_digits("mnist", split)
        for images, labels in zip(digits.images.split(5_000), digits.labels.split(5_000), strict=True):
            assert torch.equal(ca.make_digits(images, labels).images, images)
    for image in MNIST.images[:300]:
        with pytest.raises(ValueError, match="bright along its border"):
            ca.make_digits(255 - image, torch.tensor([0]))


def test_the_same_images_as_other_arrays_are_classified_alike(bundled: ca.CellularAutomaton) -> None:
    images = MNIST.images[:4]
    expected = ca.classify(bundled, images, ticks=30)
    grey = images.numpy() / 255
    reading_only = images.numpy().copy()
    reading_only.flags.writeable = False
    others: list[NDArray[Any] | Tensor] = [
        images.numpy(),
        reading_only,
        grey.astype(np.float32),
        grey.astype(">f4"),
        np.asfortranarray(grey.astype(np.float32)),
        grey[::-1].astype(np.float32)[::-1],
        torch.from_numpy(grey).float().requires_grad_(),
        grey.astype(np.float32) * np.float32(1 + 1e-7),
    ]
    for other in others:
        assert np.array_equal(ca.classify(bundled, other, ticks=30).cells, expected.cells)
    one = ca.classify(bundled, images[0], ticks=30)
    assert one.classes.shape == (1,)
    assert one.cells.shape == (1, 28, 28)


def test_make_digits_rounds_floats_and_checks_labels() -> None:
    digits = ca.make_digits(MNIST.images[:5].numpy() / 255, MNIST.labels[:5].numpy().astype(np.uint8))
    assert torch.equal(digits.images, MNIST.images[:5])
    assert torch.equal(digits.labels, MNIST.labels[:5])
    with pytest.raises(
        ValueError, match=r"labels have shape \(3,\) and type int64: give 5 integers, one for each"
    ):
        ca.make_digits(digits.images, digits.labels[:3])
    with pytest.raises(ValueError, match=r"type float32: give 5 integers"):
        ca.make_digits(digits.images, digits.labels.float())
    with pytest.raises(ValueError, match=r"^labels are from -1 to 4: give classes from 0 to 9$"):
        ca.make_digits(digits.images, np.array([-1, 1, 2, 3, 4]))
    with pytest.raises(ValueError, match=r"^labels are from 1 to 64: give classes from 0 to 63$"):
        ca.make_digits(digits.images, np.array([1, 2, 3, 4, 64]))
    assert digits.names == tuple("0123456789")
    assert ca.make_digits(digits.images, np.array([1, 2, 3, 4, 10])).names[-1] == "10"
    named = ca.make_digits(digits.images, np.array([0, 1, 1, 0, 1]), names=["cross", "circle"])
    assert named.names == ("cross", "circle")
    with pytest.raises(ValueError, match=r"^labels are from 0 to 2: give classes from 0 to 1$"):
        ca.make_digits(digits.images, np.array([0, 1, 2, 0, 1]), names=["cross", "circle"])


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (torch.zeros(2, 28, 28), torch.zeros(2).long()),
        (np.zeros((2, 28, 28), dtype=np.uint8), np.zeros(2, dtype=int)),
        (torch.zeros(2, 28, 28).byte(), torch.zeros(2)),
        (torch.zeros(2, 28, 28).byte(), torch.zeros(3).long()),
        (torch.zeros(28, 28).byte(), torch.tensor(0)),
    ],
)
def test_digits_of_other_types_or_shapes_are_refused(images: Any, labels: Any) -> None:
    with pytest.raises(
        ValueError, match=r"^digits are uint8 images \(digits, height, width\) .*ca.make_digits"
    ):
        ca.Digits(images, labels)


def test_unknown_data_sets_and_splits_are_refused() -> None:
    with pytest.raises(ca.FailedError, match=r"^there is no data set minst: give mnist, fashion-"):
        ca.load_digits("minst")
    with pytest.raises(ValueError, match=r"^split is 'tests': choose one of train, test$"):
        ca.load_digits("mnist", "tests")  # ty: ignore[invalid-argument-type]
