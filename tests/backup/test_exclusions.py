import os
from pathlib import Path

from lpse_ops.backup.exclude import Excludes, IfPresent
from lpse_ops.backup.exclusions import NO_EXCLUSIONS, Exclusions
from lpse_ops.backup.localsource import has_mark, list_names


def kept(exclusions: Exclusions, folder: Path) -> list[bytes]:
    path = os.fsencode(folder)
    return exclusions.keep(path, list_names(path), has_mark)


def test_without_rules_everything_stays(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert not NO_EXCLUSIONS.rejects(b"/a")
    assert not NO_EXCLUSIONS.rejects_size(1 << 60)
    assert kept(NO_EXCLUSIONS, tmp_path) == [b"a"]


def test_patterns_reject_paths() -> None:
    exclusions = Exclusions(patterns=Excludes(["*.tmp"]))
    assert exclusions.rejects(b"/srv/a.tmp")
    assert not exclusions.rejects(b"/srv/a.pdf")


def test_only_larger_files_are_rejected() -> None:
    assert [Exclusions(larger_than=10).rejects_size(size) for size in (9, 10, 11)] == [
        False,
        False,
        True,
    ]
    assert Exclusions(larger_than=0).rejects_size(1)


def test_of_a_marked_folder_only_the_mark_stays(tmp_path: Path) -> None:
    exclusions = Exclusions(marks=(IfPresent(b".nobackup"),))
    (tmp_path / "a").touch()
    assert kept(exclusions, tmp_path) == [b"a"]
    (tmp_path / ".nobackup").touch()
    assert kept(exclusions, tmp_path) == [b".nobackup"]
