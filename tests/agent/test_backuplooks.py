"""What a host tells of its files, as the controller understands it."""

import os
import zlib
from pathlib import Path

import pytest

from lpse_ops.agent.backuplooks import Looks, look_at_names, look_at_path, read_texts, walk
from lpse_ops.backup.hostanswers import Block, parse_look, parse_stat, parse_walk
from lpse_ops.backup.hostreader import unpack

PLENTY = 1 << 30


@pytest.fixture
def tree(tmp_path: Path) -> bytes:
    """``a`` with three files, ``b`` with ``c`` and ``d`` of two each, and a file."""
    for path in ("a/1", "a/2", "a/3", "b/c/1", "b/c/2", "b/d/1", "b/d/2", "file"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    return os.fsencode(tmp_path)


def told(paths: list[bytes], *, entries: int = 1000, size_bytes: int = PLENTY) -> list[Block]:
    looks = Looks()
    walk(looks, paths, entries, size_bytes, one_file_system=False)
    return parse_walk(memoryview(looks.content()), paths, entries)[0]


def names(blocks: list[Block], root: bytes) -> list[str]:
    return [os.fsdecode(os.path.relpath(block.path, root)) for block in blocks]


def test_folders_come_as_a_backup_walks_them(tree: bytes):
    blocks = told([tree])
    assert names(blocks, tree) == [".", "a", "b", "b/c", "b/d"]
    assert [block.names for block in blocks][:2] == [[b"a", b"b", b"file"], [b"1", b"2", b"3"]]


@pytest.mark.parametrize(
    ("entries", "folders"),
    [
        (1, ["."]),
        (3, ["."]),
        (5, ["."]),
        (6, [".", "a"]),
        (8, [".", "a", "b"]),
        (9, [".", "a", "b"]),
        (10, [".", "a", "b", "b/c"]),
        (12, [".", "a", "b", "b/c", "b/d"]),
    ],
)
def test_a_walk_ends_between_two_folders(tree: bytes, entries: int, folders: list[str]):
    blocks = told([tree], entries=entries)
    assert names(blocks, tree) == folders
    assert len(blocks[0].names) == 3
    assert len(blocks[0].entries) == min(entries, 3)


def test_bytes_end_a_walk_as_entries_do(tree: bytes):
    assert names(told([tree], size_bytes=1), tree) == ["."]
    assert names(told([tree], size_bytes=600), tree) == [".", "a"]


def test_several_folders_in_one_walk_one_of_them_gone(tree: bytes):
    paths = [os.path.join(tree, name) for name in (b"a", b"gone", b"b/d")]
    blocks = told(paths)
    assert names(blocks, tree) == ["a", "gone", "b/d"]
    assert isinstance(blocks[1].error, FileNotFoundError)


def test_a_link_is_not_walked_into(tree: bytes):
    os.symlink(b"a", os.path.join(tree, b"link"))
    assert isinstance(told([os.path.join(tree, b"link")])[0].error, NotADirectoryError)
    assert names(told([tree]), tree) == [".", "a", "b", "b/c", "b/d"]


def test_an_entry_that_vanished_is_told_as_such(tree: bytes):
    looks = Looks()
    look_at_names(looks, tree, [b"file", b"gone"])
    entries, _ = parse_look(memoryview(looks.content()), tree, [b"file", b"gone"])
    assert isinstance(entries[b"gone"].status, FileNotFoundError)


def test_owners_are_told_once_by_name(tree: bytes):
    looks = Looks()
    walk(looks, [tree], 1000, PLENTY, one_file_system=False)
    _, owners = parse_walk(memoryview(looks.content()), [tree], 1000)
    assert (owners.users, owners.groups) == ({0: "root"}, {0: "root"})


def test_one_path_has_all_its_attributes(tree: bytes):
    value = bytes(range(256)) * 10
    os.setxattr(tree, "user.x", value)
    looks = Looks()
    look_at_path(looks, tree, follow=False)
    packed = zlib.compress(looks.content())
    entry, _ = parse_stat(unpack(packed, PLENTY), tree)
    assert entry.xattrs == ((b"user.x", value),)


def test_texts_have_any_bytes():
    assert read_texts(b"\0\2\0\xff\0\0\0\1a") == [b"\0\xff", b"", b"a"]
