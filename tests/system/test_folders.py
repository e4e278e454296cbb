"""Output folders: created, and locked for one run at a time."""

import errno
import os
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from support.helpers import exit_code, in_child
from support.small_run import before_each_step, rows_without_speed, small

from ca.checkpoint.folder import checkpoints_in
from ca.system.errors import FailedError
from ca.system.folders import HOLDER, LOCK, FolderLock, locked, prepare_folder
from ca.train.command import train


def test_a_prepared_folder_exists_with_its_parents_and_is_empty(tmp_path: Path) -> None:
    for _ in range(2):
        assert prepare_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FailedError, match=r"file: it is not a folder; choose another --output-dir$"):
        prepare_folder(tmp_path / "file")


def test_the_holder_of_a_lock_has_a_file_of_its_own_while_it_is_held(tmp_path: Path) -> None:
    with locked(tmp_path):
        assert re.fullmatch(r"process \d+ on .+\n", (tmp_path / HOLDER).read_text())
        assert (tmp_path / LOCK).read_bytes() == b""
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_the_locked_file_is_never_opened_a_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows refuses that."""
    original = Path.open

    def open_unlocked(self: Path, *arguments: object, **options: object) -> object:
        if self.name == LOCK:
            raise PermissionError(errno.EACCES, "locked", str(self))
        return original(self, *arguments, **options)  # ty: ignore[no-matching-overload]

    monkeypatch.setattr(Path, "open", open_unlocked)
    with locked(tmp_path) as lock:
        lock.check()
        assert held_by_another(tmp_path) == f"process {os.getpid()} on {socket.gethostname()}"


def held_by_another(folder: Path) -> str:
    """Who holds a folder, as a second process that wants it reports."""
    answer = folder.parent / f"{folder.name}-answer"

    def work() -> None:
        try:
            FolderLock(folder)
        except FailedError as error:
            answer.write_text(str(error))

    assert exit_code(in_child(work)) == 0
    found = re.fullmatch(r".* is in use by (.*): choose another --output-dir", answer.read_text())
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    "content", [None, b"", b"\xff\xfe\0", b"\x1b[31mred\n", "a folder", "a pipe"], ids=str
)
def test_a_holder_that_cannot_be_read_is_another_process(content: bytes | str | None, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with locked(folder):
        (folder / HOLDER).unlink()
        if content == "a folder":
            (folder / HOLDER).mkdir()
        elif content == "a pipe":
            os.mkfifo(folder / HOLDER)
        elif isinstance(content, bytes):
            (folder / HOLDER).write_bytes(content)
        assert held_by_another(folder) in ("another process", "\ufffd\ufffd")


def remove_lock(folder: Path) -> None:
    (folder / LOCK).unlink()


def rename(folder: Path) -> None:
    folder.rename(folder.with_name("renamed"))


@pytest.mark.parametrize("lose", [remove_lock, rename, shutil.rmtree])
def test_a_lost_lock_is_taken_again(
    lose: Callable[[Path], object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    with locked(folder) as lock:
        for _ in range(2):
            lose(folder)
            lock.check()
            lock.check()
            what = (
                f"{folder / LOCK} was removed" if lose is remove_lock else f"{folder} was removed or renamed"
            )
            assert capsys.readouterr().err == f"ca: {what}: {folder} is locked again; training goes on\n"
            assert held_by_another(folder) == f"process {os.getpid()} on {socket.gethostname()}"
            shutil.rmtree(tmp_path / "renamed", ignore_errors=True)
    with locked(folder):
        pass


@pytest.mark.parametrize("other_runs_still", [True, False])
@pytest.mark.parametrize("lose", [remove_lock, rename])
@pytest.mark.usefixtures("quick")
def test_a_run_whose_folder_another_run_took_ends_without_writing(
    lose: Callable[[Path], object],
    other_runs_still: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "run"
    other: list[FolderLock] = []

    def take(step: int) -> None:
        if step == 9:
            lose(folder)
            folder.mkdir(exist_ok=True)
            other.append(FolderLock(folder))
            if not other_runs_still:
                other[0].release()

    before_each_step(monkeypatch, take)
    with pytest.raises(FailedError) as caught:
        train(small(folder))
    line = str(caught.value)
    if other_runs_still:
        assert line.startswith(f"{folder} is in use by process {os.getpid()} on ")
        other[0].check()
        other[0].release()
    else:
        assert line.startswith(f"{folder} has been used by another run: ")
    assert line.endswith("during this run, which ends here")
    whole = folder.with_name("renamed") if lose is rename else folder
    assert [path.name for path in checkpoints_in(whole)] == ["model-steps-7"]
    assert [row["step"] for row in rows_without_speed(whole)] == [7]
    if lose is rename:
        assert [path.name for path in folder.iterdir()] == [LOCK]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
@pytest.mark.usefixtures("quick")
def test_a_file_system_without_locks_is_one_line_and_training_goes_on(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    train(small(tmp_path / "run", steps=8))
    assert [path.name for path in checkpoints_in(tmp_path / "run")] == ["model-steps-7", "model-steps-8"]
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == (
        f"ca: the file system of {tmp_path / 'run'} has no locks: "
        "nothing keeps a second run from writing into this folder"
    )
    assert not any("has no locks" in line for line in lines[1:])


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EIO])
def test_a_lock_that_may_not_be_opened_is_one_line(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as that of another user in a shared folder."""
    original = os.open

    def refuse(path: str, *arguments: int, **options: int) -> int:
        if str(path).endswith(LOCK):
            raise OSError(number, os.strerror(number), path)
        return original(path, *arguments, **options)

    (tmp_path / LOCK).touch()
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(FailedError) as caught, locked(tmp_path):
        pass
    assert str(caught.value) == (
        f"can't lock {tmp_path / LOCK}: {os.strerror(number)}; choose another --output-dir"
    )


def test_a_lock_that_is_a_folder_or_a_link_is_one_line(tmp_path: Path) -> None:
    (tmp_path / LOCK).mkdir()
    with pytest.raises(FailedError, match=r"^can't lock .*/\.lock: Is a directory; choose"), locked(tmp_path):
        pass
    (tmp_path / LOCK).rmdir()
    (tmp_path / LOCK).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FailedError, match=r"^can't lock .*/\.lock: "), locked(tmp_path):
        pass
    assert not (tmp_path / "elsewhere").exists()
