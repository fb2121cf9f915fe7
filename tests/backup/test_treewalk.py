"""Walking trees that a repository holds, also trees that no honest program wrote."""

import hashlib

import pytest

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.config import Config
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.tree import encode_nodes
from lpse_ops.backup.treewalk import MAX_DEPTH, find_entry, load_tree, walk_tree
from lpse_ops.errors import DamagedRepository, RepositoryError
from tests.backup.cheap_repository import KEYS

TIME = "2026-01-02T03:04:05Z"


class Trees:
    """A repository in memory to which trees are added, each in a pack of its own."""

    def __init__(self) -> None:
        self.repository = Repository(MemoryBackend(), KEYS, Config("", 0))
        self.index = BlobIndex()

    def add(self, *nodes: Node) -> bytes:
        return self.add_blob(encode_nodes(nodes))

    def add_blob(self, blob: bytes) -> bytes:
        envelope = self.repository.crypter.seal(blob)
        pack_id = hashlib.sha256(envelope).digest()
        self.repository.save_pack(pack_id.hex(), envelope)
        tree_id = hashlib.sha256(blob).digest()
        entry = PackEntry(BlobType.TREE, tree_id, 0, len(envelope), 0)
        self.index.add_pack(pack_id, [entry])
        return tree_id

    def paths(self, root: bytes) -> list[bytes]:
        return [entry.path for entry in walk_tree(self.repository, self.index, root)]


def file(name: bytes) -> Node:
    return Node(name, "file", 0o644, TIME, TIME, TIME)


def folder(name: bytes, subtree: bytes) -> Node:
    return Node(name, "dir", 1 << 31, TIME, TIME, TIME, subtree=subtree)


@pytest.fixture
def trees() -> Trees:
    return Trees()


@pytest.fixture
def root(trees: Trees) -> bytes:
    below = trees.add(file(b"x"), file(b"y \xff"))
    return trees.add(
        folder(b"a", below), file(b"b"), folder(b"c", trees.add()), folder(b"d", below)
    )


def test_a_folder_comes_before_what_is_in_it(trees: Trees, root: bytes) -> None:
    assert trees.paths(root) == [
        b"/a", b"/a/x", b"/a/y \xff", b"/b", b"/c", b"/d", b"/d/x", b"/d/y \xff",
    ]  # fmt: skip


def test_a_walk_may_begin_below_the_root(trees: Trees, root: bytes) -> None:
    (first, *_) = load_tree(trees.repository, trees.index, root)
    assert first.subtree is not None
    walk = walk_tree(trees.repository, trees.index, first.subtree, root=b"/a")
    assert [entry.path for entry in walk] == [b"/a/x", b"/a/y \xff"]


def test_folders_may_be_left_out(trees: Trees, root: bytes) -> None:
    walk = walk_tree(trees.repository, trees.index, root, enter=lambda entry: entry.path != b"/a")
    assert b"/a/x" not in [entry.path for entry in walk]


def test_a_tree_that_is_missing_stops_the_walk(trees: Trees) -> None:
    root = trees.add(file(b"a"), folder(b"b", bytes(32)))
    with pytest.raises(DamagedRepository, match="tree blob 0000000000 is in no pack"):
        trees.paths(root)


def test_a_forged_tree_stops_the_walk(trees: Trees) -> None:
    with pytest.raises(DamagedRepository):
        trees.paths(trees.add_blob(b'{"nodes":[{"name":"../../etc/passwd","type":"file"}]}'))


def deep(trees: Trees, levels: int) -> bytes:
    tree = trees.add(file(b"bottom"))
    for _ in range(levels):
        tree = trees.add(folder(b"d", tree))
    return tree


def test_a_path_as_deep_as_any_file_system_holds_is_walked(trees: Trees) -> None:
    assert trees.paths(deep(trees, MAX_DEPTH - 1))[-1].endswith(b"/d/bottom")


def test_deeper_nesting_is_refused(trees: Trees) -> None:
    with pytest.raises(DamagedRepository, match="nested deeper") as refused:
        trees.paths(deep(trees, MAX_DEPTH))
    assert "tampered" in refused.value.hint


@pytest.mark.parametrize("path", [b"/a/x", b"/a", b"a/x", b"//a//x/", b"/b"])
def test_an_entry_is_found_by_its_path(trees: Trees, root: bytes, path: bytes) -> None:
    entry = find_entry(trees.repository, trees.index, root, path)
    assert entry.path == b"/" + b"/".join(part for part in path.split(b"/") if part)
    assert entry.node.name == entry.path.rpartition(b"/")[2]


@pytest.mark.parametrize(
    ("path", "named"),
    [(b"/z", "/z"), (b"/a/z/y", "/a/z"), (b"/b/x", "/b/x"), (b"/a/\xfe", "/a/\ufffd")],
)
def test_the_part_that_is_not_there_is_named(
    trees: Trees, root: bytes, path: bytes, named: str
) -> None:
    with pytest.raises(RepositoryError, match=f"^{named} is not in the snapshot") as missing:
        find_entry(trees.repository, trees.index, root, path)
    assert "lpse-ops backup ls" in missing.value.hint


@pytest.mark.parametrize("path", [b"/", b"", b"//"])
def test_the_root_is_no_entry(trees: Trees, root: bytes, path: bytes) -> None:
    with pytest.raises(RepositoryError, match="below / is needed"):
        find_entry(trees.repository, trees.index, root, path)
