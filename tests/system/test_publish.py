"""Atomic writing: what belongs to others stays, and file systems that sync less than others are served."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ca.system.folders import prepare_folder
from ca.system.publish import MARKER, published, staging, sweep

SWEEP = "import sys; from pathlib import Path; from ca.system.publish import sweep; sweep(Path(sys.argv[1]))"
OTHERS = [
    ".notes.tmp-2024.txt",
    ".data.old-1/precious",
    ".venv.old-2024/bin/python",
    ".ca-tmp-abcdefgh/precious",
    ".ca-old-abcdefgh/precious",
    ".ca-tmp-12345678.txt",
    ".ca-tmp-1/" + MARKER,
    ".ca-tmp-ABCDEFGH/" + MARKER,
    "ca-tmp-abcdefgh/" + MARKER,
    ".model-steps-9.tmp-12/config.json",
    ".ca-notes",
]


def publish(path: Path, text: str) -> None:
    with published(path) as temporary:
        temporary.write_text(text)


def publish_folder(path: Path, text: str) -> None:
    with published(path) as temporary:
        temporary.mkdir()
        (temporary / "inner").write_text(text)


def test_the_sweep_touches_nothing_that_others_made(tmp_path: Path) -> None:
    for name in OTHERS:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("mine")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / MARKER).write_text("")
    (tmp_path / ".ca-tmp-aaaaaaaa").symlink_to(outside)
    sweep(tmp_path)
    assert all((tmp_path / name).read_text() == "mine" for name in OTHERS)
    assert (outside / MARKER).exists()
    assert (tmp_path / ".ca-tmp-aaaaaaaa").is_symlink()


def test_the_sweep_removes_what_publishing_left_and_moves_older_folders_back(tmp_path: Path) -> None:
    for name in (".ca-tmp-abcdefgh", ".ca-old-abcdefgh", ".ca-old-ijklmnop"):
        (tmp_path / name / "whole").mkdir(parents=True)
        (tmp_path / name / MARKER).write_text("")
    (tmp_path / ".ca-tmp-01234567").mkdir()  # killed before the marker was written
    sweep(tmp_path)
    assert os.listdir(tmp_path) == ["whole"]


def test_the_sweep_leaves_what_another_process_writes(tmp_path: Path) -> None:
    with staging(tmp_path) as folder:
        (folder / "video.mp4").write_text("half")
        subprocess.run([sys.executable, "-c", SWEEP, str(tmp_path)], check=True, timeout=60)
        prepare_folder(tmp_path)
        assert (folder / "video.mp4").read_text() == "half"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_and_its_target_is_written(tmp_path: Path, there: bool) -> None:
    link, target = tmp_path / "link", tmp_path / "other" / "file"
    target.parent.mkdir()
    link.symlink_to(Path("other", "file"))
    if there:
        target.write_text("old")
    publish(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_what_cannot_be_removed_or_read_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    left = tmp_path / ".ca-tmp-abcdefgh"
    left.mkdir()
    (left / MARKER).write_text("")
    (left / "file").write_text("")
    for function in ("unlink", "rmdir", "iterdir"):
        with monkeypatch.context() as patches:
            patches.setattr(Path, function, refuse)
            sweep(tmp_path)
    sweep(tmp_path / "absent")
    sweep(left / "file")
    sweep(tmp_path)
    assert not left.exists()


@pytest.mark.parametrize("name", ["a" * 255, "a" * 250 + ".json", "数" * 83 + ".json", ".json", "a.b.c"])
def test_names_may_be_as_long_as_the_file_system_allows(name: str, tmp_path: Path) -> None:
    (tmp_path / "folders").mkdir()
    for text in ("first", "second"):
        publish(tmp_path / name, text)
        assert (tmp_path / name).read_text() == text
        publish_folder(tmp_path / "folders" / name, text)
    assert os.listdir(tmp_path / "folders") == [name]
    assert sorted(os.listdir(tmp_path)) == sorted(["folders", name])


@pytest.mark.parametrize("write", [publish, publish_folder])
@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES])
def test_a_folder_that_cannot_be_synced_is_no_hindrance(
    write: Callable[[Path, str], None], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sync_files_only(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr("os.fsync", sync_files_only)
    for text in ("first", "second"):
        write(tmp_path / "target", text)
    assert os.listdir(tmp_path) == ["target"]


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fails_when_a_folder_is_synced_is_an_error(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_folder(tmp_path / "target", "first")

    def fail(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match=os.strerror(code)):
        publish_folder(tmp_path / "target", "second")
    assert (tmp_path / "target" / "inner").read_text() == "first"
    assert os.listdir(tmp_path) == ["target"]


def test_files_are_synced_through_descriptors_for_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Windows demands."""
    fcntl = pytest.importorskip("fcntl")
    synced = []

    def sync(descriptor: int) -> None:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
                raise OSError(errno.EBADF, "Bad file descriptor")
            synced.append(descriptor)

    monkeypatch.setattr("os.fsync", sync)
    publish(tmp_path / "file", "text")
    publish_folder(tmp_path / "folder", "text")
    assert len(synced) == 2


def test_preparing_a_folder_leaves_nothing_and_replaces_nothing(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "new")
    with staging(tmp_path / "new") as first, staging(tmp_path / "new") as second:
        assert first != second
    assert os.listdir(tmp_path / "new") == []
