"""Build the compiled kernel, once for each machine, version and architecture, and keep it in a cache.

The name of a library contains its SHA-256. A library is loaded only if its content has that SHA-256, and if
nobody else can write the file or its folder.
"""

import atexit
import contextlib
import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import stat
import tempfile
import time
from pathlib import Path

from ca.architecture import TAPS, Architecture
from ca.engine.kernel.interface import load
from ca.system.children import output_of
from ca.system.publish import sync
from ca.system.reading import read_regular
from ca.system.terminal import print_line

SOURCES = sorted(Path(__file__).parent.glob("*.cpp"))
HEADERS = sorted(Path(__file__).parent.glob("*.h"))
COMPILERS = ("c++", "g++", "clang++")
TUNE = "-mcpu=native" if platform.machine().lower() in ("arm64", "aarch64") else "-march=native"
FLAGS = ("-std=c++17", "-O3", TUNE, "-fno-math-errno", "-Wno-psabi", "-shared", "-fPIC", "-pthread")
BUILD_LIMIT, MACROS_LIMIT = 120.0, 20.0  # seconds that a compiler may take
MAX_LIBRARY_BYTES = 100_000_000


class CompilerError(Exception):
    """The compiler is not found, fails, or takes too long. The message is one line."""


def size_flags(architecture: Architecture) -> tuple[str, ...]:
    """The sizes that the kernel is compiled with, as options of the compiler."""
    return (
        f"-DCA_STATE_CHANNELS={architecture.state_channels}",
        f"-DCA_NUM_CLASSES={architecture.classes}",
        f"-DCA_HIDDEN={','.join(map(str, architecture.hidden))}",
        f"-DCA_TAPS={TAPS}",
    )


def library(architecture: Architecture) -> ctypes.CDLL | None:
    """The kernel of an architecture, built if it has not been yet; None, with a warning, where that fails.

    The environment variable `CXX` names the compiler, and may add options; without it the compiler is the
    first of `COMPILERS` that is installed.
    """
    return _library(size_flags(architecture))


@functools.cache
def _library(sizes: tuple[str, ...]) -> ctypes.CDLL | None:
    try:
        return load(build(find_compiler(), sizes))
    except Exception as error:  # without the kernel everything works, only slower
        lines = str(error).strip().splitlines() or [type(error).__name__]
        _warn_once(f"ca: about half as fast as it could be, without the compiled kernel: {lines[-1]}")
        return None


@functools.cache
def _warn_once(line: str) -> None:
    print_line(line)


def kernel(architecture: Architecture) -> ctypes.CDLL:
    """The kernel of an architecture, where it is known to be available."""
    built = library(architecture)
    assert built is not None
    return built


def find_compiler() -> list[str]:
    """The compiler's path and the further words of `CXX`: a compiler behind a launcher, and options.

    Raises:
        CompilerError: there is none
        ValueError: `CXX` has a quotation mark too many
    """
    given = os.environ.get("CXX", "").strip()
    try:
        names = [shlex.split(given)] if given else [[name] for name in COMPILERS]
    except ValueError as error:
        raise ValueError(f"CXX={given}: {error}") from error
    for name, *options in filter(None, names):
        path = shutil.which(name)
        if path is not None:
            return [path, *options]
    raise CompilerError(
        f"CXX={given} is not found" if given else "no C++ compiler here (install g++ or clang++)"
    )


def build(compiler: list[str], sizes: tuple[str, ...]) -> Path:
    """The library's path; its name depends on the sources, the sizes, the compiler, the processor, and on its
    own content.

    Args:
        compiler: its path and the further words of `CXX`
        sizes: of `size_flags`

    Raises:
        CompilerError: the compiler does not start, fails, or takes too long
        OSError: a file can't be read or written
    """
    words = next((n for n, word in enumerate(compiler) if n and word.startswith("-")), len(compiler))
    program, options = compiler[:words], compiler[words:]  # `ccache g++` are two words of the program
    sources = [path.read_text(encoding="utf-8") for path in (*SOURCES, *HEADERS)]
    printed = _run([*program, TUNE, *options, "-dM", "-E", "-x", "c++", os.devnull], MACROS_LIMIT)
    macros = "\n".join(line for line in printed.splitlines() if line.startswith("#define "))
    content = "\0".join([*sources, macros, *FLAGS, *sizes, *program[1:], *options])
    name = hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    command = [*program, *FLAGS, *sizes, *options, *map(str, SOURCES)]
    folder = _cache()
    if folder is not None:
        with contextlib.suppress(OSError):  # for example, the disk is full
            return _kept(folder, name) or _build_into(folder, name, command)
    return _build_into(_private_folder(), name, command)


def _kept(folder: Path, name: str) -> Path | None:
    """The library of that name in the cache. Damaged ones are removed.

    Raises:
        OSError: a damaged one can't be removed
    """
    for path in sorted(folder.glob(f"kernel-{name}-*.so")):
        if path.name == _library_name(name, path):
            return path
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    return None


def _library_name(name: str, path: Path) -> str | None:
    """The name that a library with this content has in the cache, or None if it must not be loaded."""
    try:
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and _is_ours(status):
            content = read_regular(path, at_most=MAX_LIBRARY_BYTES)
            return f"kernel-{name}-{hashlib.sha256(content).hexdigest()}.so"
    except OSError:
        pass
    return None


def _build_into(folder: Path, name: str, command: list[str]) -> Path:
    for left in folder.glob("build-*"):  # by a process that was killed
        if time.time() - left.lstat().st_mtime > 2 * BUILD_LIMIT:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="build-", dir=folder, ignore_cleanup_errors=True) as scratch:
        fresh = Path(scratch) / "kernel.so"
        _run([*command, "-o", str(fresh)], BUILD_LIMIT)
        fresh.chmod(0o700)  # whatever the umask
        complete = _library_name(name, fresh)
        if complete is None:
            raise OSError(f"the compiler wrote no library into {folder}")
        sync(fresh)
        fresh.replace(folder / complete)  # atomic: other processes see the whole file or none
    sync(folder)
    return folder / complete


def _run(command: list[str], limit: float) -> str:
    """What a command prints on stdout and stderr.

    Raises:
        CompilerError: it does not start, fails, prints too much or takes longer than `limit` seconds
    """
    given = os.environ.get("CXX", "").strip()
    compiler = f"CXX={given}" if given else command[0]
    try:
        code, output = output_of(command, limit=limit)
    except TimeoutError as error:
        raise CompilerError(f"{compiler} takes longer than {limit:g} seconds") from error
    except OSError as error:
        why = f"does not start: {error.strerror}" if error.strerror else f"does not work: {error}"
        raise CompilerError(f"{compiler} {why}") from error
    if code:
        raise CompilerError(f"{compiler}: {_summary(output) or f'it fails with exit code {code}'}")
    return output


def _summary(output: str) -> str:
    """The compiler's first error, or the last line that it printed."""
    lines = output.strip().splitlines() or [""]
    return next((line for line in lines if "error: " in line), lines[-1]).strip()


def _cache() -> Path | None:
    """The folder `ca` in the user's cache; None if it can't be written to, or if others can."""
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or "")
        if not home.is_absolute():
            home = Path.home() / ".cache"
        folder = (home / "ca").resolve()
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            return None
        unsafe = None if _is_ours(folder.stat()) else folder
        unsafe = unsafe or next((above for above in folder.parents if not _is_protected(above.stat())), None)
    except (OSError, RuntimeError):  # RuntimeError: no home, or links in a circle
        return None
    if unsafe is not None:
        print_line(
            f"ca: not using the compiled kernel kept in {folder}, since others can write to {unsafe}; "
            "building it again"
        )
        return None
    return folder


def _is_ours(status: os.stat_result) -> bool:
    """Whether a file or folder is this user's, and nobody else can write to it."""
    if not hasattr(os, "geteuid"):  # Windows
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _is_protected(status: os.stat_result) -> bool:
    """Whether nobody else can put another folder in the place of one that is inside this one."""
    if not hasattr(os, "geteuid"):  # Windows
        return True
    user = os.geteuid()
    private_group = status.st_gid == user != 0  # by convention, a user's own group has the user's number
    writable = status.st_mode & (0o002 if private_group else 0o022)
    root = os.stat("/").st_uid  # "nobody" where a container does not map root
    return status.st_uid in (0, root, user) and (not writable or bool(status.st_mode & stat.S_ISVTX))


def _private_folder() -> Path:
    """A temporary folder that is removed at the end of the process."""
    folder = Path(tempfile.mkdtemp(prefix="ca-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
