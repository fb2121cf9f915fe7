import re
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lpse_ops.spse.sample_documents import (
    MEGABYTE,
    Document,
    apply_changes,
    change_documents,
    document_content,
    plan_changes,
    plan_documents,
    write_documents,
)


def read_tree(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def test_the_same_seed_gives_the_same_tree(tmp_path: Path) -> None:
    first = write_documents(tmp_path / "a", 1, 7)
    assert write_documents(tmp_path / "b", 1, 7) == first
    assert read_tree(tmp_path / "a") == read_tree(tmp_path / "b")
    assert plan_documents(1, 8) != first


@pytest.mark.parametrize("megabytes", [0, 1, 3, 50])
def test_the_plan_has_exactly_the_size(megabytes: int) -> None:
    documents = plan_documents(megabytes, 1)
    assert sum(one.size_bytes for one in documents) == megabytes * MEGABYTE
    assert len({one.path for one in documents}) == len(documents)
    assert len(documents) >= 20 or megabytes == 0


def test_the_tree_is_as_planned(tmp_path: Path) -> None:
    for document in write_documents(tmp_path, 2, 3):
        status = (tmp_path / document.path).stat()
        assert status.st_size == document.size_bytes
        assert datetime.fromtimestamp(status.st_mtime, UTC) == document.modified
        assert re.fullmatch(
            r"file_prod/dok_penawaran/20\d\d/\d\d/\d{7}/\d{7}-[0-9a-f]{8}\.(rhs|pdf)", document.path
        )


def test_changes_touch_a_few_files(tmp_path: Path) -> None:
    documents = write_documents(tmp_path, 40, 5)
    before = read_tree(tmp_path)
    changes = change_documents(tmp_path, documents, 6)
    after = read_tree(tmp_path)
    assert changes == plan_changes(documents, 6) != plan_changes(documents, 7)
    assert {*after} - {*before} == {one.path for one in changes.added}
    assert {*before} - {*after} == {one.path for one in changes.deleted}
    rewritten = {path for path in {*before} & {*after} if before[path] != after[path]}
    assert rewritten == {one.path for one in changes.changed}
    planned = apply_changes(documents, changes)
    assert {one.path: one.size_bytes for one in planned} == {
        path: len(content) for path, content in after.items()
    }


def test_one_to_two_percent_of_a_large_tree_change() -> None:
    documents = plan_documents(600, 1)
    changes = plan_changes(documents, 2)
    share = len(documents) // 100
    assert [len(changes.added), len(changes.changed), len(changes.deleted)] == [share, share, 1]


def test_an_empty_tree_grows() -> None:
    changes = plan_changes([], 1)
    assert [len(changes.added), len(changes.changed), len(changes.deleted)] == [1, 0, 0]


@pytest.mark.parametrize("path", ["a.rhs", "a.pdf"])
@pytest.mark.parametrize("size", [2048, 99_998, 100_000, 100_001])
def test_contents_have_the_size_and_do_not_compress(path: str, size: int) -> None:
    document = Document(1, path, "Surat Penawaran", size, datetime(2024, 1, 1, tzinfo=UTC))
    content = document_content(document, 1)
    assert len(content) == size
    assert len(zlib.compress(content)) > size * (0.5 if size == 2048 else 0.98)


@pytest.mark.parametrize("size", [2048, 10_000, 1_000_000])
def test_pdfs_are_well_formed(size: int) -> None:
    document = Document(9, "a.pdf", "Jaminan Penawaran", size, datetime(2024, 1, 1, tzinfo=UTC))
    content = document_content(document, 1)
    assert content.startswith(b"%PDF-1.4\n")
    assert content.rstrip().endswith(b"%%EOF")
    table = int(re.findall(rb"startxref\n(\d+)\n", content)[-1])
    entries = re.findall(rb"(\d{10}) 00000 n \n", content[table:])
    assert content[table:].startswith(b"xref\n0 6\n")
    for number, offset in enumerate(entries, start=1):
        assert content[int(offset) :].startswith(b"%d 0 obj\n" % number)
    scan = content[int(entries[4]) :]
    length = re.match(rb"5 0 obj\n<< /Length (\d+) >>\nstream\n", scan)
    assert length is not None
    assert scan[length.end() + int(length[1]) :].startswith(b"\nendstream\nendobj\n")
