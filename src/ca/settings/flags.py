"""How settings are written on the command line: one type for each way to read and show a value."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, get_args

from tyro.conf import Positional, arg
from tyro.constructors import PrimitiveConstructorSpec

from ca.settings.choices import Dataset, TrackerName

FROM_RECIPE: Any = None  # default of a setting that follows the recipe; TrainSettings replaces it


def default_is(words: str) -> Any:
    """Show these words in the help where the default is not a value."""
    return arg(help_behavior_hint=f"(default: {words})")


def _whole_number(word: str) -> int:
    for read in (int, float):
        with suppress(ValueError):
            number = read(word)
            if number % 1 == 0:
                return int(number)
    raise ValueError(f"{word!r} is not a whole number")


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ValueError(f"{word!r} is not a number") from None


def _path(word: str) -> Path:
    """A path; `~` at its start is the home of the user, if there is one."""
    if not word:  # for example a variable of the shell that is not set
        raise ValueError("'' is not a path")
    path = Path(word)
    try:
        return path.expanduser()
    except RuntimeError:  # no home, or no such user
        return path


def _dataset(word: str) -> str:
    """The name of a data set, or a path in which `~` is the home of the user."""
    return word if word in get_args(Dataset) else str(_path(word))


def _read(
    read: Callable[[str], Any], metavar: str, choices: tuple[str, ...] | None = None
) -> PrimitiveConstructorSpec[Any]:
    """One word. The default may be None, which cannot be written: the help does not offer it."""
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=lambda words: read(words[0]),
        is_instance=lambda value: True,
        str_from_instance=lambda value: [str(value)],
        choices=choices,
    )


def _read_several(read: Callable[[str], Any], metavar: str) -> PrimitiveConstructorSpec[Any]:
    """Any number of words. The default may be that of the recipe, which is none here."""
    return PrimitiveConstructorSpec(
        nargs="*",
        metavar=metavar,
        instance_from_str=lambda words: tuple(map(read, words)),
        is_instance=lambda value: True,
        str_from_instance=lambda value: [str(number) for number in value or ()],
    )


DATASETS, TRACKERS = get_args(Dataset), get_args(TrackerName)

Whole = Annotated[int, _read(_whole_number, "INT")]  # also written 100_000 or 1e5
WholeOrNone = Annotated[int | None, _read(_whole_number, "INT")]
Number = Annotated[float, _read(_number, "FLOAT")]
NumberOrNone = Annotated[float | None, _read(_number, "FLOAT")]
Folder = Annotated[Path, _read(_path, "PATH")]
FolderOrNone = Annotated[Path | None, _read(_path, "PATH"), arg(help_behavior_hint="")]
FileOrFolderOrNone = Annotated[Path | None, _read(_path, "FILE|FOLDER"), arg(help_behavior_hint="")]
DATASET = "{" + ",".join(DATASETS) + "}|PATH"
DatasetOrPath = Annotated[str, _read(_dataset, DATASET)]
DatasetOrNone = Annotated[str | None, _read(_dataset, DATASET), default_is("the checkpoint's")]
TrackerOrNone = Annotated[
    TrackerName | None, _read(str, "{" + ",".join(TRACKERS) + "}", TRACKERS), arg(help_behavior_hint="")
]
Ticks = Annotated[tuple[int, ...], _read_several(_whole_number, "LEAST MOST [LEAST MOST]")]
Rates = Annotated[tuple[float, ...], _read_several(_number, "LEAST [MOST]")]
Widths = Annotated[tuple[int, ...], _read_several(_whole_number, "WIDTH [WIDTH ...]")]
PathWordsOrNone = Annotated[
    str | None, _read(lambda word: str(_path(word)), "PATH"), arg(help_behavior_hint="")
]
BUNDLED = default_is("the one that comes with ca")
CheckpointOrBundled = Annotated[Path | None, Positional, _read(_path, "CHECKPOINT"), BUNDLED]
CheckpointsOrBundled = Annotated[tuple[Folder, ...], Positional, arg(metavar="[CHECKPOINT ...]"), BUNDLED]
Images = Annotated[tuple[Folder, ...], Positional, arg(metavar="IMAGE [IMAGE ...]", help_behavior_hint="")]
SweepFile = Annotated[Path, Positional, _read(_path, "FILE"), arg(help_behavior_hint="")]
CheckpointAndFile = Annotated[
    tuple[Folder, ...], Positional, arg(metavar="[CHECKPOINT] FILE", help_behavior_hint="")
]


def flag(name: str) -> str:
    """The flag of a setting."""
    return "--" + name.replace("_", "-")


def flag_of(name: str, value: object) -> str:
    """A setting with its value, as it is written on the command line."""
    if value is None or value == ():
        return f"no {flag(name)}"
    if value is False:
        return flag(f"no_{name}")
    values = value if isinstance(value, tuple) else (value,)
    return " ".join([flag(name), *(str(value) for value in values if value is not True)])
