"""Building the compiled kernel, and what happens where that fails."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.helpers import shell_program
from support.kernel import needs_compiler, quick_compiler
from support.sizes import ARTICLE

from ca.architecture import Architecture
from ca.engine.kernel.build import (
    FLAGS,
    HEADERS,
    SOURCES,
    CompilerError,
    _library,
    _warn_once,
    build,
    find_compiler,
    size_flags,
)

SIZES = size_flags(ARTICLE)


def built() -> ctypes.CDLL | None:
    """The kernel, without those that were built before."""
    _warn_once.cache_clear()
    return _library.__wrapped__(SIZES)


@needs_compiler
def test_the_kernel_is_built_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", quick_compiler())
    assert built() is not None
    (kept,) = (tmp_path / "ca").iterdir()
    written = kept.stat().st_mtime_ns
    assert built() is not None
    assert [path.stat().st_mtime_ns for path in (tmp_path / "ca").iterdir()] == [written]


def test_without_a_compiler_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert built() is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("CXX=no-such-compiler is not found")
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert built() is None
    assert "no C++ compiler" in capsys.readouterr().err


@needs_compiler
def test_a_compiler_that_fails_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "c++"
    broken.write_text("#!/bin/sh\necho first >&2\necho 'the disk is full' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", str(broken))
    assert built() is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("the disk is full")
    assert not list(tmp_path.glob("ca/*.so"))


@needs_compiler
def test_without_a_writable_cache_the_library_is_built_in_a_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setenv("CXX", quick_compiler())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    leave: list[tuple[Any, ...]] = []
    monkeypatch.setattr("atexit.register", lambda *what, **how: leave.append(what))
    assert built() is not None
    ((work, folder),) = leave
    assert folder.is_dir()
    work(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@needs_compiler
def test_an_error_of_the_sources_is_reported_by_its_own_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("ca.engine.kernel.build.FLAGS", ("-std=c++17", "-fsyntax-only"))
    assert _library.__wrapped__((*SIZES[:-1], "-DCA_TAPS=25")) is None
    (line,) = capsys.readouterr().err.splitlines()
    assert "the compiled kernel computes 3x3 neighbourhoods only" in line


def test_cxx_may_add_options_and_is_ignored_when_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", f"'{sys.executable}' -O1 '-DNAME=two words'")
    assert find_compiler() == [sys.executable, "-O1", "-DNAME=two words"]
    monkeypatch.delenv("CXX")
    try:
        expected = find_compiler()
    except CompilerError:
        return
    for empty in ("", "  "):
        monkeypatch.setenv("CXX", empty)
        assert find_compiler() == expected


def test_a_cxx_that_cannot_be_split_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CXX", "g++ '-O1")
    assert built() is None
    (line,) = capsys.readouterr().err.splitlines()
    assert "quotation" in line


@needs_compiler
@pytest.mark.parametrize("missing", SIZES)
def test_the_sources_refuse_to_compile_without_a_size(missing: str) -> None:
    compiler = [*find_compiler(), "-std=c++17", "-E"]
    given = [size for size in SIZES if size != missing]
    (source,) = (path for path in SOURCES if path.name == "rollout.cpp")
    found = subprocess.run([*compiler, *given, str(source)], capture_output=True, text=True)
    assert found.returncode != 0
    assert "the sizes are missing" in found.stderr
    subprocess.run([*compiler, *SIZES, str(source)], capture_output=True, check=True)


@needs_compiler
def test_the_library_depends_on_sources_sizes_and_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    commands: list[list[str]] = []

    def compile_nothing(command: list[str], limit: float) -> str:
        commands.append(command)
        if "-o" in command:
            Path(command[command.index("-o") + 1]).touch()
        return ""

    monkeypatch.setattr("ca.engine.kernel.build._run", compile_nothing)
    changed = tmp_path / "changed.h"
    changed.write_text("")
    paths = {build(["c++"], SIZES), build(["c++"], SIZES), build(["c++", "-O1"], SIZES)}
    monkeypatch.setattr("ca.engine.kernel.build.HEADERS", [*HEADERS, changed])
    paths.add(build(["c++"], SIZES))
    for other in (Architecture(hidden=(80,)), Architecture(communication_channels=8, classes=11)):
        paths.add(build(["c++"], size_flags(other)))
    monkeypatch.setattr("ca.engine.kernel.build.FLAGS", (*FLAGS[:-1], "-g"))
    paths.add(build(["c++"], SIZES))
    assert len(paths) == 6
    builds = [command for command in commands if "-o" in command]
    assert len(builds) == 6, "a library that is there is not built again"
    assert "-O1" in builds[1][builds[1].index("-O3") :], "the options of CXX come after the usual ones"


# A cache that is damaged or that others can write to, and compilers that misbehave


def fake_build(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Callable[[], Path]:
    """A build that writes some bytes in place of a library."""

    def compile_bytes(command: list[str], limit: float) -> str:
        if "-o" in command:
            Path(command[command.index("-o") + 1]).write_bytes(b"library" * 10_000)
        return ""

    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setattr("ca.engine.kernel.build._run", compile_bytes)
    return lambda: build(["c++"], SIZES)


def as_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_link_to_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path.with_suffix(".fifo"))
    path.symlink_to(path.with_suffix(".fifo"))


def as_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def with_one_bit_flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[5_000] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut to 20,000 bytes": lambda path: os.truncate(path, 20_000),
    "cut to nothing": lambda path: os.truncate(path, 0),
    "one bit": with_one_bit_flipped,
    "sparse": lambda path: os.truncate(path, 200_000_000_000),
    "a FIFO": as_fifo,
    "a folder": as_folder,
    "a link to a FIFO": as_link_to_fifo,
    "a device": as_device,
    "writable by others": lambda path: path.chmod(0o777),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_kept_library_that_is_not_what_was_built_is_built_again(
    damage: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = fake_build(monkeypatch, tmp_path)
    path = built()
    assert path.parent == tmp_path / "ca"
    damage(path)
    assert built() == path
    assert path.is_file()
    assert path.read_bytes() == b"library" * 10_000
    assert path.stat().st_mode & 0o777 == 0o700


def test_a_damaged_library_that_cannot_be_removed_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = fake_build(monkeypatch, tmp_path / "cache")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = built()
    as_folder(path)
    (path / "precious").write_text("")
    assert built().parent.parent == tmp_path
    assert (path / "precious").exists()


@pytest.mark.parametrize("unsafe", ["cache", "parent"])
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o757])
def test_a_cache_that_others_can_write_to_is_not_used(
    unsafe: str,
    mode: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    built = fake_build(monkeypatch, tmp_path / "cache")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    planted = built()
    folder = planted.parent if unsafe == "cache" else planted.parent.parent
    folder.chmod(mode)
    if unsafe == "parent":
        os.chown(folder, -1, 12345) if os.geteuid() == 0 else pytest.skip("needs another group")
    assert built().parent.parent == tmp_path
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f"since others can write to {folder}; building it again")


def test_a_cache_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = fake_build(monkeypatch, tmp_path / "cache")
    planted = built()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    euid = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: euid + 1)
    with pytest.raises(OSError, match="wrote no library"):  # all files are another user's now
        built()
    monkeypatch.setattr("os.geteuid", lambda: euid)
    assert built() == planted


def test_a_relative_cache_is_ignored_and_a_missing_home_is_one_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = fake_build(monkeypatch, Path("relative"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert built().parent == tmp_path / "home" / ".cache" / "ca"

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(Path, "home", no_home)
    assert built().parent.parent == tmp_path
    assert not (tmp_path / "relative").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sleep 100 & sleep 100", "takes longer than 0.5 seconds"),
        ("exec >&- 2>&-; exec sleep 100", "takes longer than 0.5 seconds"),
        ("yes", "prints without end"),
        ("exit 3", "it fails with exit code 3"),
        (r"printf 'caf\351: error: bad\n'; exit 1", "caf\ufffd: error: bad"),
        ("kill -SEGV $$", "it fails with exit code -11"),
    ],
)
def test_a_cxx_that_misbehaves_is_named_in_one_line(
    text: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    compiler = shell_program(tmp_path / "c++", text)
    monkeypatch.setenv("CXX", compiler)
    monkeypatch.setattr("ca.engine.kernel.build.MACROS_LIMIT", 0.5 if "sleep" in text else 20)
    monkeypatch.setattr("ca.system.children.MAX_OUTPUT", 10_000)
    assert built() is None
    (line,) = capsys.readouterr().err.splitlines()
    assert f"CXX={compiler}" in line
    assert line.endswith(expected)


def test_a_cxx_that_is_no_program_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c++").write_bytes(b"\x7fELF")
    (tmp_path / "c++").chmod(0o755)
    monkeypatch.setenv("CXX", str(tmp_path / "c++"))
    assert built() is None
    (line,) = capsys.readouterr().err.splitlines()
    assert f"CXX={tmp_path / 'c++'} does not start: " in line


@needs_compiler
def test_cxx_may_name_a_launcher_and_the_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = find_compiler()[0]
    launcher = shell_program(tmp_path / "launcher", 'exec "$@"')
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("ca.engine.kernel.build.FLAGS", ("-std=c++17", "-x", "c++", "-E"))
    monkeypatch.setattr("ca.engine.kernel.build.SOURCES", SOURCES[:1])  # of several, none could be kept
    monkeypatch.setenv("CXX", f"{launcher} {compiler} -DNAME=1")
    assert build(find_compiler(), SIZES).stat().st_size > 0


@pytest.mark.parametrize(
    "error",
    [OSError(5, "fails"), RuntimeError("fails"), ValueError("fails"), MemoryError(), AttributeError("fails")],
)
def test_whatever_fails_is_one_line_and_an_interrupt_passes(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(*_: object) -> None:
        raise error

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    for function in ("find_compiler", "build", "load"):
        with monkeypatch.context() as patches:
            patches.setattr("ca.engine.kernel.build.build", lambda *_: Path("kernel.so"))
            patches.setattr("ca.engine.kernel.build.find_compiler", lambda: ["c++"])
            patches.setattr(f"ca.engine.kernel.build.{function}", failing)
            assert built() is None
            (line,) = capsys.readouterr().err.splitlines()
            assert line.startswith("ca: about half as fast")
            patches.setattr(f"ca.engine.kernel.build.{function}", interrupted)
            with pytest.raises(KeyboardInterrupt):
                built()
