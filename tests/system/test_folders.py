"""Output folders."""

from pathlib import Path

from ca.system.folders import prepare_folder


def test_a_prepared_folder_exists_with_its_parents_and_is_empty(tmp_path: Path) -> None:
    for _ in range(2):
        assert prepare_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert list((tmp_path / "a" / "b").iterdir()) == []
