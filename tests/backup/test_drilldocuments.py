import os
from decimal import Decimal
from pathlib import Path

import pytest

from lpse_ops.backup.drill import LISTED
from lpse_ops.backup.drilldocuments import (
    NamedDocument,
    RestoredTree,
    check_documents,
    parse_document,
)


@pytest.mark.parametrize(
    ("row", "document"),
    [
        (("a/b",), NamedDocument(b"a/b", None)),
        (("a/b", 5), NamedDocument(b"a/b", 5)),
        (("a/b", None), NamedDocument(b"a/b", None)),
        (("a/b", Decimal("5.00")), NamedDocument(b"a/b", 5)),
        (("ä", 0), NamedDocument("ä".encode(), 0)),
        ((None, 5), None),
        (("", 5), None),
        ((b"", 5), None),
        ((b"a/\xff", 5), NamedDocument(b"a/\xff", 5)),
    ],
)
def test_a_row_names_a_document(row, document):
    assert parse_document(row) == document


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ((), "0 columns"),
        (("a", 1, 2), "3 columns"),
        ((5,), "a path that is a int"),
        (("a", "5"), "a size that is a str"),
        (("a", 5.0), "a size that is a float"),
        (("a", True), "a size that is a bool"),
        (("a", Decimal("5.5")), "a size that is a Decimal"),
        (("a", Decimal("Infinity")), "a size that is a Decimal"),
        (("a", Decimal("NaN")), "a size that is a Decimal"),
    ],
)
def test_what_a_row_must_not_be(row, said):
    with pytest.raises(ValueError, match=said):
        parse_document(row)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A restored tree, and beside it production, which a link of the tree points to."""
    (tmp_path / "production").mkdir()
    (tmp_path / "production" / "only-here.rhs").write_bytes(b"12345")
    root = tmp_path / "restored"
    (root / "home/file/2026").mkdir(parents=True)
    (root / "data/old").mkdir(parents=True)
    (root / "home/file/2026/one.rhs").write_bytes(b"1")
    (root / "data/old/two.rhs").write_bytes(b"22")
    (root / "home/file/old").symlink_to("/data/old")
    (root / "home/file/near").symlink_to("2026/one.rhs")
    (root / "home/file/above").symlink_to("../../../../data/old")
    (root / "home/file/loop").symlink_to("loop")
    (root / "home/file/production").symlink_to(tmp_path / "production")
    (root / "home/file/gone").symlink_to("nothing")
    return root


@pytest.mark.parametrize(
    ("path", "size"),
    [
        (b"/home/file/2026/one.rhs", 1),
        (b"home/file/2026/one.rhs", 1),
        (b"/home//file/./2026/../2026/one.rhs", 1),
        (b"/home/file/old/two.rhs", 2),
        (b"/home/file/near", 1),
        (b"/home/file/above/two.rhs", 2),
        (b"/../../home/file/2026/one.rhs", 1),
        (b"/home/file/2026", None),
        (b"/home/file/loop", None),
        (b"/home/file/gone", None),
        (b"/home/file/production/only-here.rhs", None),
        (b"/home/file/../../../production/only-here.rhs", None),
        (b"/home/file/2026/one.rhs/more", None),
        (b"/" + b"a" * 5000, None),
        (b"/", None),
    ],
)
def test_paths_are_looked_up_as_if_the_folder_were_the_root(root: Path, path, size):
    tree = RestoredTree(os.fsencode(root))
    assert tree.size_of(path) == size
    assert tree.size_of(path) == size


def check(root: Path, *documents: NamedDocument):
    folders = [b"/home/file", b"/data"]
    return check_documents("epns", documents, RestoredTree(os.fsencode(root)), folders)


def test_relative_paths_lie_below_any_of_the_folders(root: Path):
    checked = check(
        root,
        NamedDocument(b"2026/one.rhs", 1),
        NamedDocument(b"old/two.rhs", 2),
        NamedDocument(b"/data/old/two.rhs", None),
    )
    assert (checked.proof.named, checked.proof.good, checked.findings) == (3, 3, [])


def test_the_file_of_the_right_size_counts_where_two_folders_have_one(root: Path):
    (root / "home/file/both").write_bytes(b"1")
    (root / "data/both").write_bytes(b"4444")
    assert check(root, NamedDocument(b"both", 4)).findings == []
    [finding] = check(root, NamedDocument(b"both", 3)).findings
    assert finding.text == "document both: expected a file of 3 bytes, found a file of 1 bytes"


def test_empty_files_are_no_missing_files(root: Path):
    (root / "data/empty").write_bytes(b"")
    assert check(root, NamedDocument(b"empty", 0)).findings == []
    assert check(root, NamedDocument(b"empty", None)).findings == []
    assert len(check(root, NamedDocument(b"nothing", None)).findings) == 1


def test_a_hundred_missing_ones_are_named_and_the_others_counted(root: Path):
    missing = [NamedDocument(b"lost-%d" % number, 1) for number in range(LISTED + 7)]
    checked = check(root, *missing)
    assert len(checked.findings) == LISTED + 1
    assert checked.findings[-1].what == "7 more documents"
    assert (checked.proof.named, checked.proof.good) == (LISTED + 7, 0)


def test_a_query_that_names_no_document_proves_nothing(root: Path):
    [finding] = check(root).findings
    assert finding.text == "documents that the database names: expected one at least, found none"
