"""Short distinct names for checkpoints."""

from pathlib import Path

import pytest

from ca.checkpoint.names import in_file_name
from ca.report.names import distinct_names
from ca.system.errors import UsageError


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/r/a/m"], ["m"]),
        (["/r/a/m", "/r/a/n"], ["m", "n"]),
        (["/r/a/m", "/r/b/m"], ["a/m", "b/m"]),
        (["/r/a/m", "/r/b/m", "/r/b/n"], ["a/m", "b/m", "b/n"]),
        (["/r/a/x/m", "/r/b/x/m"], ["a/x/m", "b/x/m"]),
        (["/m", "/a/m"], ["/m", "a/m"]),
        # As names of files, a-b/c and a/b-c would be the same.
        (["/r/a-b/c", "/s/a/b-c", "/t/x/c"], ["r/a-b/c", "s/a/b-c", "t/x/c"]),
    ],
)
def test_as_few_parent_folders_as_make_names_distinct(paths: list[str], names: list[str]) -> None:
    assert distinct_names([Path(path) for path in paths]) == names
    assert len({in_file_name(name) for name in names}) == len(names)
    assert not any("/" in in_file_name(name) for name in names)


def test_relative_paths_and_links_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")
    assert distinct_names([Path()]) == ["run"]
    (tmp_path / "link").symlink_to("run")
    with pytest.raises(UsageError, match=r"^checkpoint .*link is given twice$"):
        distinct_names([Path(), tmp_path / "link"])


def test_paths_without_distinct_names() -> None:
    with pytest.raises(UsageError, match="too alike"):
        distinct_names([Path("/r/a-b/c"), Path("/r/a/b-c"), Path("/r/x/c")])
