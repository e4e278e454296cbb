"""Build the compiled kernel, once for each machine and version, and keep the library in the user's cache."""

import atexit
import contextlib
import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from ca.engine.kernel.interface import load
from ca.sizes import HIDDEN, NUM_CLASSES, STATE_CHANNELS, TAPS
from ca.system.terminal import print_line

SOURCES = sorted(Path(__file__).parent.glob("*.cpp"))
HEADERS = sorted(Path(__file__).parent.glob("*.h"))
COMPILERS = ("c++", "g++", "clang++")
TUNE = "-mcpu=native" if platform.machine().lower() in ("arm64", "aarch64") else "-march=native"
SIZES = (
    f"-DCA_STATE_CHANNELS={STATE_CHANNELS}",
    f"-DCA_NUM_CLASSES={NUM_CLASSES}",
    f"-DCA_HIDDEN={HIDDEN}",
    f"-DCA_TAPS={TAPS}",
)
FLAGS = ("-std=c++17", "-O3", TUNE, "-fno-math-errno", "-Wno-psabi", "-shared", "-fPIC", "-pthread", *SIZES)


@functools.cache
def library() -> ctypes.CDLL | None:
    """The kernel, built if it has not been yet; None, with a warning of one line, where that fails.

    The environment variable `CXX` names the compiler, and may add options; without it the compiler is the
    first of `COMPILERS` that is installed.
    """
    try:
        return load(build(find_compiler()))
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        why = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
        print_line(
            f"ca: about half as fast as it could be, without the compiled kernel: {_summary(why, error)}"
        )
        return None


def kernel() -> ctypes.CDLL:
    """The kernel, where it is known to be available."""
    built = library()
    assert built is not None
    return built


def find_compiler() -> list[str]:
    """The compiler's path and the options that `CXX` gives.

    Raises:
        OSError: there is none
        ValueError: `CXX` has a quotation mark too many
    """
    names: list[list[str]] = [[name] for name in COMPILERS]
    if os.environ.get("CXX", "").strip():
        names = [shlex.split(os.environ["CXX"])]
    for name, *options in names:
        path = shutil.which(name)
        if path is not None:
            return [path, *options]
    raise OSError("no C++ compiler here (install g++ or clang++)")


def build(compiler: list[str]) -> Path:
    """The library's path; its name depends on the sources, the sizes, the compiler and the processor.

    Raises:
        OSError: the compiler does not start, or a file can't be written
        subprocess.CalledProcessError: the compiler fails
    """
    program, *options = compiler
    sources = [path.read_text() for path in (*SOURCES, *HEADERS)]
    macros = _run([program, TUNE, *options, "-dM", "-E", "-x", "c++", os.devnull])
    name = hashlib.sha256("\0".join([*sources, macros, *FLAGS, *options]).encode()).hexdigest()[:16]
    folder = _cache()
    path = folder / f"kernel-{name}.so"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            fresh = Path(scratch) / "kernel.so"
            _run([program, *FLAGS, *options, "-o", str(fresh), *map(str, SOURCES)])
            fresh.replace(path)  # atomic: other processes see the whole file or none
    return path


def _run(command: list[str]) -> str:
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=True, text=True
    ).stdout


def _summary(why: str, error: Exception) -> str:
    """One line: the compiler's first error, or the last thing that was said."""
    lines = (why.strip() or str(error)).splitlines()
    return next((line for line in lines if "error: " in line), lines[-1])


def _cache() -> Path:
    """A folder that only the user writes to; a temporary one if the user's cache can't be written to."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ca"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        folder = Path(tempfile.mkdtemp(prefix="ca-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
