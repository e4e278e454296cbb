"""Loading a data set by its name or its path."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from ca.data.digits import Digits
from ca.data.folder import read_folder
from ca.data.idx import read_idx_path
from ca.data.named import bundled_mnist, named_set
from ca.data.npz import read_npz
from ca.settings.choices import Dataset
from ca.system.arguments import check_choice
from ca.system.errors import FailedError

Split = Literal["train", "test"]
NAMES = get_args(Dataset)


def load_digits(
    dataset: str = "mnist", split: Split = "test", data_dir: Path | str = "data", *, invert: bool = False
) -> Digits:
    """Load the training or test images of a data set.

    Args:
        dataset: "mnist" (LeCun, Cortes and Burges) comes with the package; torchvision loads "fashion-mnist",
            "kmnist", "qmnist" and "emnist-digits". Or a path: of a folder `train/CLASS/*.png` and
            `test/CLASS/*.png`, of an .npz file with x_train, y_train, x_test and y_test, or of IDX files
        split: "train" or "test"
        data_dir: folder of the named data sets other than MNIST; they are downloaded there if absent
        invert: the images have dark ink on white paper

    Raises:
        ValueError: there is no such split
        FailedError: there is no such data set, an image can't be read, or the set makes no sense

    Example:
        >>> import ca
        >>> digits = ca.load_digits("mnist", "test")
        >>> digits.images.shape, digits.labels[:5]
        (torch.Size([10000, 28, 28]), tensor([7, 2, 1, 0, 4]))
    """
    check_choice("split", split, Split)
    if dataset == "mnist":
        found = bundled_mnist(split)
    elif dataset in NAMES:
        found = named_set(dataset, split, Path(data_dir))
    else:
        path = Path(dataset)
        with suppress(RuntimeError):  # no home, or no such user
            path = path.expanduser()
        return _from_path(path, split, invert)
    return replace(found, images=255 - found.images) if invert else found


def _from_path(path: Path, split: Split, invert: bool) -> Digits:
    try:
        if not path.exists():
            raise FailedError(
                f"there is no data set {path}: give {', '.join(NAMES)}, or the path of a folder of images, "
                "of an .npz file or of IDX files"
            )
        if path.suffix.lower() == ".npz":
            return read_npz(path, split, invert=invert)
        found = read_idx_path(path, split, invert=invert)
        return read_folder(path, split, invert=invert) if found is None else found
    except OSError as error:
        raise FailedError(f"can't read {error.filename or path}: {error.strerror or error}") from error
