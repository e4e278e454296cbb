"""The page's JavaScript as one script; `web/README.md` has the rule that its modules keep to."""

import posixpath
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath

START = PurePosixPath("main.js")
IMPORT = re.compile(r'^import \{\s*(?:\w+,\s*)*\w+,?\s*\} from "([./\w]+)";\n', re.MULTILINE)
TYPE_IMPORT = re.compile(r"^/\*\* @import .* \*/\n", re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async function|function|class|const|let) )", re.MULTILINE)
DECLARATION = re.compile(r"^(?:async function|function|class|const|let) (\w+)", re.MULTILINE)
OTHER = re.compile(r"^(?:import|export|var|(?:const|let) [\[{]|function\*).*", re.MULTILINE)


def joined_modules(folder: Traversable | None = None) -> str:
    """The source of `main.js` after that of all modules that it imports, without imports and exports.

    A page that opens from disk may not import modules from files beside it, so that they share one scope.

    Args:
        folder: of the modules; None is the page's own

    Raises:
        ValueError: two modules declare the same name at their top level, or a statement can't be joined
    """
    sources: dict[PurePosixPath, str] = {}
    _collect(files("ca").joinpath("page", "web") if folder is None else folder, START, sources)
    owners: dict[str, PurePosixPath] = {}
    for path, source in sources.items():
        for name in DECLARATION.findall(source):
            if name in owners:
                raise ValueError(f"both {owners[name]} and {path} declare {name}: rename one")
            owners[name] = path
    return "".join(sources.values())


def _collect(folder: Traversable, path: PurePosixPath, sources: dict[PurePosixPath, str]) -> None:
    """Add a module, after the modules that it imports, each once."""
    source = folder.joinpath(*path.parts).read_text(encoding="utf-8")
    for name in IMPORT.findall(source):
        imported = PurePosixPath(posixpath.normpath(path.parent / name))
        if imported not in sources:
            _collect(folder, imported, sources)
    joined = EXPORT.sub("", TYPE_IMPORT.sub("", IMPORT.sub("", source)))
    other = OTHER.search(joined)
    if other:
        raise ValueError(f"{path} can't be joined with the others: {other[0]}")
    sources[path] = joined
