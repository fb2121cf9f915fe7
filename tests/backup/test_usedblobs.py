"""What snapshots need is found, each tree read once; what cannot be read stops."""

import json

import pytest
from hypothesis import given

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.storage.fault import FaultBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.tree import encode_nodes, parse_tree
from lpse_ops.backup.usedblobs import find_used, parse_links, read_trees
from lpse_ops.errors import DamagedRepository
from tests.backup.hostile import FUZZ, deeply_nested, forged
from tests.backup.repositories import (
    RepositoryBuilder,
    dir_node,
    file_node,
    link_node,
    make_repository,
)

TREE = encode_nodes(
    [
        dir_node(b"d", b"s" * 32),
        file_node(b"f", [b"a" * 32, b"b" * 32], size=9),
        file_node(b"g"),
        link_node(b"l", b"f"),
    ]
)


@pytest.fixture
def builder() -> RepositoryBuilder:
    return RepositoryBuilder(make_repository(MemoryBackend()))


def find(repository: Repository, *roots: bytes) -> set[tuple[BlobType, bytes]]:
    index = repository.load_index()
    flags = find_used(repository, index, roots, SILENT)
    return {
        (BlobType(index.kinds[row]), index.id_at(row)) for row, flag in enumerate(flags) if flag
    }


def test_links_of_a_tree():
    links = parse_links(TREE, b"t" * 32)
    assert links == (b"t" * 32, [b"s" * 32], [b"a" * 32, b"b" * 32])
    assert parse_links(b'{"nodes":[]}\n', b"t" * 32) == (b"t" * 32, [], [])
    assert parse_links(b'{"nodes":null}', b"t" * 32) == (b"t" * 32, [], [])


@FUZZ
@given(forged(TREE))
def test_a_forged_tree_is_read_or_refused_and_never_leads_to_less(text: bytes):
    """What the strict reader takes has the same links; restic might restore it."""
    try:
        nodes = parse_tree(text, b"t" * 32)
    except DamagedRepository:
        nodes = []
    try:
        links = parse_links(text, b"t" * 32)
    except DamagedRepository:
        return
    assert {each for node in nodes for each in node.content} <= set(links.content)
    assert {node.subtree for node in nodes} - {None} <= set(links.subtrees)


@pytest.mark.parametrize("kind", ["symlink", "a type of tomorrow"])
def test_links_count_whatever_kind_of_entry_holds_them(kind: str):
    node = {"name": "x", "type": kind, "content": ["ab" * 32], "subtree": "cd" * 32}
    links = parse_links(json.dumps({"nodes": [node]}).encode(), b"t" * 32)
    assert (links.content, links.subtrees) == ([b"\xab" * 32], [b"\xcd" * 32])


def test_what_only_the_slow_way_takes():
    text = b'{"nodes":[{"name":"f","type":"file","content":["%s"],"x":NaN}]}' % (b"ab" * 32)
    assert parse_links(text, b"t" * 32).content == [b"\xab" * 32]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        deeply_nested(),
        b'{"nodes":[{"name":"d","type":"dir"}]}',
        b'{"nodes":[{"name":"f","type":"file","content":["%s"]}]}' % (b"z" * 64),
        b'{"nodes":[{"name":"f","type":"file","content":["%s"]}]}' % (b" " * 64),
        b'{"nodes":[{"name":"f","type":"file","content":["%s","%s"]}]}' % (b"a" * 63, b"a" * 65),
    ],
)
def test_a_tree_that_cannot_be_read_stops(text: bytes):
    with pytest.raises(DamagedRepository, match="cannot be read"):
        parse_links(text, b"t" * 32)


def test_everything_that_snapshots_need_and_nothing_else(builder: RepositoryBuilder):
    inner = builder.tree(builder.file(b"a", b"one", b"two"))
    other = builder.tree(builder.file(b"b", b"three"), dir_node(b"d", inner))
    root = builder.tree(dir_node(b"d", inner), dir_node(b"e", other))
    builder.blob(b"of no snapshot")
    unused = builder.tree(builder.file(b"c", b"of none, too"))
    builder.save()
    found = find(builder.repository, root)
    assert {blob_id for kind, blob_id in found if kind is BlobType.TREE} == {root, other, inner}
    assert len([1 for kind, _ in found if kind is BlobType.DATA]) == 3
    assert len(find(builder.repository, root, unused)) == 8
    assert find(builder.repository) == set()


def test_each_tree_is_read_once_and_those_of_a_pack_together(builder: RepositoryBuilder):
    folders = [builder.tree(builder.file(b"f", b"%d" % number)) for number in range(40)]
    named = [dir_node(b"%02d" % number, each) for number, each in enumerate(folders)]
    roots = [builder.tree(*named[: number + 1]) for number in range(40)]
    builder.save()
    repository = builder.repository
    index = repository.load_index()
    counting = FaultBackend(repository.backend)
    watched = Repository(counting, repository.keys, repository.config)
    seen: set[bytes] = set()
    links = list(read_trees(watched, index, roots, seen, SILENT))
    assert sorted(each.id for each in links) == sorted({*folders, *roots}) == sorted(seen)
    assert len([name for operation, name in counting.looks if operation == "load"]) == 2
    assert list(read_trees(watched, index, roots, seen, SILENT)) == []


def damage(repository: Repository, pack_id: bytes, place: int) -> None:
    name = file_name(FileKind.PACK, pack_id.hex())
    content = bytearray(repository.backend.load(name))
    content[place] ^= 1
    repository.backend.save(name, content)


def test_a_damaged_tree_is_read_from_another_pack(builder: RepositoryBuilder):
    root = builder.tree(builder.file(b"f", b"content"))
    builder.save()
    builder.tree(builder.file(b"f", b"content"))
    builder.save()
    location, other = builder.repository.load_index().locations(BlobType.TREE, root)
    damage(builder.repository, location.pack_id, 20)
    assert len(find(builder.repository, root)) == 2
    damage(builder.repository, other.pack_id, 20)
    with pytest.raises(DamagedRepository, match="its MAC does not match"):
        find(builder.repository, root)


def test_a_tree_in_no_index_stops(builder: RepositoryBuilder):
    root = builder.tree(dir_node(b"d", b"n" * 32))
    builder.save()
    with pytest.raises(DamagedRepository, match="tree blob 6e6e6e6e6e is in no pack"):
        find(builder.repository, root)


def test_a_data_blob_in_no_index_stops(builder: RepositoryBuilder):
    root = builder.tree(file_node(b"f", [b"n" * 32, b"m" * 32]))
    builder.save()
    with pytest.raises(DamagedRepository, match="2 data blobs") as caught:
        find(builder.repository, root)
    assert "nothing was removed" in caught.value.message
    assert "repair index" in caught.value.hint


def test_an_empty_index_holds_nothing_to_find(builder: RepositoryBuilder):
    assert find_used(builder.repository, BlobIndex(), [], SILENT) == bytearray()
