"""The compiled kernel as a library, built once for each machine and source, and kept in the user's cache."""

import atexit
import contextlib
import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

THREADS = torch.get_num_threads()  # as many as PyTorch would use: OMP_NUM_THREADS, or the processor's cores

SOURCES = sorted(Path(__file__).parent.glob("*.cpp"))
HEADERS = sorted(Path(__file__).parent.glob("*.h"))
COMPILERS = ("c++", "g++", "clang++")
TUNE = "-mcpu=native" if platform.machine().lower() in ("arm64", "aarch64") else "-march=native"
FLAGS = ("-std=c++17", "-O3", TUNE, "-fno-math-errno", "-Wno-psabi", "-shared", "-fPIC", "-pthread")


@functools.cache
def library() -> ctypes.CDLL | None:
    """The kernel, built if need be; None, told in a line, where that is not possible.

    `CXX` names the compiler; else it is the first of `COMPILERS` that there is.
    """
    compiler = shutil.which(os.environ["CXX"]) if "CXX" in os.environ else _first_compiler()
    try:
        if compiler is None:
            raise OSError("no C++ compiler here (install g++ or clang++)")
        return _loaded(_built(compiler))
    except (OSError, subprocess.CalledProcessError) as error:
        why = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
        last = (why.strip() or str(error)).splitlines()[-1]
        print(f"ca: about half as fast as it could be, without the compiled kernel: {last}", file=sys.stderr)
        return None


def kernel() -> ctypes.CDLL:
    """The kernel, where it is known that there is one."""
    built = library()
    assert built is not None
    return built


def _first_compiler() -> str | None:
    return next(filter(None, map(shutil.which, COMPILERS)), None)


def _built(compiler: str) -> Path:
    """The library's path; its name tells apart sources, compilers and processors."""
    sources = [path.read_text() for path in (*SOURCES, *HEADERS)]
    macros = _run([compiler, TUNE, "-dM", "-E", "-x", "c++", os.devnull])
    name = hashlib.sha256("\0".join([*sources, macros, *FLAGS]).encode()).hexdigest()[:16]
    folder = _cache()
    path = folder / f"kernel-{name}.so"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            fresh = Path(scratch) / "kernel.so"
            _run([compiler, *FLAGS, "-o", str(fresh), *map(str, SOURCES)])
            fresh.replace(path)  # at once: other processes see all of it or nothing
    return path


def _run(command: list[str]) -> str:
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=True, text=True
    ).stdout


def _cache() -> Path:
    """A folder that only the user writes to; one for this process alone if the home can't be written to."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ca"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        folder = Path(tempfile.mkdtemp(prefix="ca-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _loaded(path: Path) -> ctypes.CDLL:
    kernel = ctypes.CDLL(str(path))
    pointer, number, count = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
    kernel.ca_new_tape.restype = pointer
    kernel.ca_forward.argtypes = [
        pointer,
        number,
        ctypes.c_bool,
        *[number] * 5,
        *[pointer] * 15,
        count,
    ]
    kernel.ca_forward.restype = None
    kernel.ca_backward.argtypes = [pointer, number, *[pointer] * 7]
    kernel.ca_backward.restype = None
    kernel.ca_draw_fires.argtypes = [number, pointer, ctypes.c_double, count, pointer]
    kernel.ca_draw_fires.restype = None
    kernel.ca_draw_noise.argtypes = [number, pointer, ctypes.c_float, count, pointer]
    kernel.ca_draw_noise.restype = None
    return kernel
