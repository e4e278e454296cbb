"""Packages that only some settings need, and that are not installed with this one."""

from importlib.util import find_spec

from ca.system.errors import UsageError


def refuse_missing(package: str, wanted_by: str) -> None:
    """Raise UsageError if a package, which `wanted_by` needs, is not installed."""
    found = find_spec(package)
    if found is None or found.origin is None:  # nothing, or only a folder of that name
        raise UsageError(f"{wanted_by} needs the package {package}: pip install {package}")
