"""The note of a cut run: kept by key, read with care."""

from pathlib import Path

import pytest

from lpse_ops.backup.unfinished import UnfinishedRuns

TREE = bytes(range(32))
KEY = ("id", "lpse-contoh", ("/docs", "/lpse-ops"))


def test_each_key_has_a_note_of_its_own(tmp_path: Path):
    runs = UnfinishedRuns(tmp_path / "a" / "b")
    assert runs.find(*KEY) is None
    runs.keep(TREE, *KEY)
    assert runs.find(*KEY) == TREE
    assert runs.find("id", "lpse-contoh", ("/docs",)) is None
    runs.keep(TREE[::-1], *KEY)
    assert UnfinishedRuns(tmp_path / "a" / "b").find(*KEY) == TREE[::-1]
    runs.forget(*KEY)
    runs.forget(*KEY)
    assert runs.find(*KEY) is None
    [folder] = (tmp_path / "a").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "text", [b"", b"00", b"z" * 64, b"0" * 65, b"0" * 64 + b"\n", b"\xff" * 64]
)
def test_a_note_that_is_none_is_as_if_it_were_not_there(tmp_path: Path, text: bytes):
    runs = UnfinishedRuns(tmp_path)
    runs.keep(TREE, *KEY)
    [path] = tmp_path.iterdir()
    path.write_bytes(text)
    assert runs.find(*KEY) is None


def test_without_a_folder_nothing_is_kept():
    runs = UnfinishedRuns()
    runs.keep(TREE, *KEY)
    runs.forget(*KEY)
    assert runs.find(*KEY) is None


def test_a_note_that_cannot_be_written_is_no_error(tmp_path: Path):
    (tmp_path / "file").touch()
    runs = UnfinishedRuns(tmp_path / "file" / "below")
    runs.keep(TREE, *KEY)
    runs.forget(*KEY)
    assert runs.find(*KEY) is None
