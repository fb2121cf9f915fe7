"""Walking trees that a repository holds, also trees that no honest program wrote."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.config import Config
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.tree import encode_nodes, parse_references
from lpse_ops.backup.treewalk import (
    MAX_DEPTH,
    TreeLoader,
    find_entry,
    load_tree,
    walk_tree,
)
from lpse_ops.errors import DamagedRepository, RepositoryError, StorageError
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


def test_a_path_longer_than_any_is_refused(trees: Trees) -> None:
    root = trees.add(file(b"bottom"))
    for _ in range(3):
        root = trees.add(folder(b"d" * 400_000, root))
    with pytest.raises(DamagedRepository, match="longer than 1048576 bytes"):
        trees.paths(root)


def test_a_walk_comes_back_to_the_path_it_left(trees: Trees) -> None:
    low = trees.add(file(b"x"))
    middle = trees.add(folder(b"a", low), folder(b"b", low))
    root = trees.add(folder(b"m", middle), folder(b"n", middle), file(b"z"))
    assert trees.paths(root) == [
        b"/m", b"/m/a", b"/m/a/x", b"/m/b", b"/m/b/x",
        b"/n", b"/n/a", b"/n/a/x", b"/n/b", b"/n/b/x", b"/z",
    ]  # fmt: skip


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


# --- many trees at once ---------------------------------------------------------------------------


class CountingBackend(MemoryBackend):
    """Remembers what was read: name, offset, length."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[tuple[str, int, int | None]] = []

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        self.loads.append((name, offset, length))
        return super().load(name, offset, length)


class TreePack:
    """A repository in memory whose trees lie in one pack, as a backup leaves them."""

    def __init__(self, blobs: list[bytes]) -> None:
        self.backend = CountingBackend()
        self.repository = Repository(self.backend, KEYS, Config("", 0))
        self.index = BlobIndex()
        self.ids = [hashlib.sha256(blob).digest() for blob in blobs]
        envelopes = [self.repository.crypter.seal(blob) for blob in blobs]
        self.content = b"".join(envelopes)
        self.pack_id = hashlib.sha256(self.content).digest()
        self.entries: list[PackEntry] = []
        offset = 0
        for tree_id, envelope in zip(self.ids, envelopes, strict=True):
            self.entries.append(PackEntry(BlobType.TREE, tree_id, offset, len(envelope), 0))
            offset += len(envelope)
        self.name = file_name(FileKind.PACK, self.pack_id.hex())
        # What stands for the header: never part of a blob.
        self.backend.save(self.name, self.content + b"header")
        self.index.add_pack(self.pack_id, self.entries)

    def loader(self) -> TreeLoader:
        return TreeLoader(self.repository, self.index)


def tree_blobs(count: int, padding: int = 0) -> list[bytes]:
    """Distinct trees; ``padding`` is a field that no reader knows."""
    return [
        encode_nodes([file(b"%d" % number)]).replace(b"{", b'{"pad":"%b",' % (b"x" * padding), 1)
        for number in range(count)
    ]


@pytest.mark.parametrize("direction", [1, -1])
def test_trees_that_lie_together_are_read_together(direction: int) -> None:
    blobs = tree_blobs(400, padding=10_000)  # 4 MiB
    pack = TreePack(blobs)
    loader = pack.loader()
    for tree_id, blob in list(zip(pack.ids, blobs, strict=True))[::direction]:
        assert loader.blob(tree_id) == blob
    assert len(pack.backend.loads) <= 4 + 5
    assert sum(length or 0 for _, _, length in pack.backend.loads) < 1.1 * len(pack.content)


def test_a_few_trees_of_a_path_are_read_one_by_one() -> None:
    blobs = tree_blobs(400, padding=10_000)
    pack = TreePack(blobs)
    loader = pack.loader()
    for number in (399, 200, 7):
        assert loader.tree(pack.ids[number])[0].name == b"%d" % number
    assert sum(length or 0 for _, _, length in pack.backend.loads) < 50_000


def test_who_wants_all_trees_reads_no_single_one() -> None:
    blobs = tree_blobs(100, padding=1_000)
    pack = TreePack(blobs)
    loader = TreeLoader(pack.repository, pack.index, single_reads=0)
    # The root is stored last, and wanted first.
    for number in (99, *range(99)):
        assert loader.blob(pack.ids[number]) == blobs[number]
    assert len(pack.backend.loads) == 1


def test_references_are_those_of_the_blob() -> None:
    blobs = tree_blobs(9)
    pack = TreePack(blobs)
    loader = pack.loader()
    for tree_id, blob in zip(pack.ids, blobs, strict=True):
        assert loader.references(tree_id) == parse_references(blob, tree_id)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.sampled_from([0, 5_000, 500_000, 1_100_000]), min_size=1, max_size=8),
    st.lists(st.integers(0, 7), max_size=40),
)
def test_any_trees_in_any_order_are_what_they_are(sizes: list[int], order: list[int]) -> None:
    blobs = [
        blob.replace(b"{", b'{"pad":"%b",' % (b"x" * size), 1)
        for blob, size in zip(tree_blobs(len(sizes)), sizes, strict=True)
    ]
    pack = TreePack(blobs)
    loader = pack.loader()
    for number in order:
        at = number % len(blobs)
        assert loader.blob(pack.ids[at]) == blobs[at]
    longest = max(length or 0 for _, _, length in [*pack.backend.loads, ("", 0, 0)])
    assert longest <= max(2 << 20, max(sizes) + 1000)


def test_a_damaged_tree_does_not_hide_its_neighbours_nor_another_copy() -> None:
    blobs = tree_blobs(50)
    pack = TreePack(blobs)
    broken = bytearray(pack.backend.load(pack.name))
    for number in (20, 30):
        broken[pack.entries[number].offset + 20] ^= 1
    pack.backend.save(pack.name, broken)
    copy = pack.repository.crypter.seal(blobs[30])
    copy_id = hashlib.sha256(copy).digest()
    pack.repository.save_pack(copy_id.hex(), copy)
    pack.index.add_pack(copy_id, [PackEntry(BlobType.TREE, pack.ids[30], 0, len(copy), 0)])
    loader = pack.loader()
    for number, (tree_id, blob) in enumerate(zip(pack.ids, blobs, strict=True)):
        if number == 20:
            with pytest.raises(DamagedRepository, match="MAC does not match"):
                loader.blob(tree_id)
        else:
            assert loader.blob(tree_id) == blob


def test_an_index_that_promises_more_than_the_pack_has_hides_nothing() -> None:
    blobs = tree_blobs(50)
    pack = TreePack(blobs)
    beyond = PackEntry(BlobType.TREE, bytes(32), len(pack.content), 5000, 0)
    pack.index.add_pack(pack.pack_id, [beyond])
    loader = pack.loader()
    for tree_id, blob in zip(pack.ids, blobs, strict=True):
        assert loader.blob(tree_id) == blob
    with pytest.raises(StorageError, match="shorter than its index says"):
        loader.blob(bytes(32))


def test_a_tree_that_is_nowhere_is_damage() -> None:
    with pytest.raises(DamagedRepository, match="in no pack"):
        TreePack([]).loader().tree(bytes(32))
