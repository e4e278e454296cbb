"""Building the compiled kernel, and what happens where that fails."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.kernel import needs_compiler, quick_compiler

from ca.engine.kernel.build import FLAGS, HEADERS, SIZES, SOURCES, build, find_compiler, library


@needs_compiler
def test_the_kernel_is_built_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", quick_compiler())
    assert library.__wrapped__() is not None
    (kept,) = (tmp_path / "ca").iterdir()
    built = kept.stat().st_mtime_ns
    assert library.__wrapped__() is not None
    assert [path.stat().st_mtime_ns for path in (tmp_path / "ca").iterdir()] == [built]


def test_without_a_compiler_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert library.__wrapped__() is None
    (line,) = capsys.readouterr().err.splitlines()
    assert "no C++ compiler" in line
    monkeypatch.delenv("CXX")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert library.__wrapped__() is None
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
    assert library.__wrapped__() is None
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
    assert library.__wrapped__() is not None
    ((work, folder),) = leave
    assert folder.is_dir()
    work(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@needs_compiler
def test_an_error_of_the_sources_is_reported_by_its_own_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(
        "ca.engine.kernel.build.FLAGS", ("-std=c++17", "-fsyntax-only", *SIZES[:-1], "-DCA_TAPS=25")
    )
    assert library.__wrapped__() is None
    (line,) = capsys.readouterr().err.splitlines()
    assert "the compiled kernel computes 3x3 neighbourhoods only" in line


def test_cxx_may_add_options_and_is_ignored_when_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", f"'{sys.executable}' -O1 '-DNAME=two words'")
    assert find_compiler() == [sys.executable, "-O1", "-DNAME=two words"]
    monkeypatch.delenv("CXX")
    try:
        expected = find_compiler()
    except OSError:
        return
    for empty in ("", "  "):
        monkeypatch.setenv("CXX", empty)
        assert find_compiler() == expected


def test_a_cxx_that_cannot_be_split_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CXX", "g++ '-O1")
    assert library.__wrapped__() is None
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

    def compile_nothing(command: list[str]) -> str:
        commands.append(command)
        if "-o" in command:
            Path(command[command.index("-o") + 1]).touch()
        return ""

    monkeypatch.setattr("ca.engine.kernel.build._run", compile_nothing)
    changed = tmp_path / "changed.h"
    changed.write_text("")
    paths = {build(["c++"]), build(["c++"]), build(["c++", "-O1"])}
    monkeypatch.setattr("ca.engine.kernel.build.HEADERS", [*HEADERS, changed])
    paths.add(build(["c++"]))
    monkeypatch.setattr("ca.engine.kernel.build.FLAGS", (*FLAGS[:-1], "-DCA_TAPS=8"))
    paths.add(build(["c++"]))
    assert len(paths) == 4
    built = [command for command in commands if "-o" in command]
    assert len(built) == 4, "a library that is there is not built again"
    assert "-O1" in built[1][built[1].index("-O3") :], "the options of CXX come after the usual ones"
