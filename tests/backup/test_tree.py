"""Tree blobs; every tree that a real restic writes decodes and encodes to the same bytes."""

import contextlib
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.tree import EMPTY_TREE, encode_nodes, parse_tree
from lpse_ops.errors import DamagedRepository
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.hostile import FUZZ, deeply_nested, forged
from tests.backup.nasty_tree import make_nasty_tree
from tests.backup.storing import open_cheap
from tests.restic_binaries import Restic

TIME = "2026-01-02T03:04:05Z"
ID = bytes(range(32))
NODES = [
    Node(b"dir", "dir", 1 << 31 | 0o755, TIME, TIME, TIME, subtree=ID),
    Node(b"file", "file", 0o644, TIME, TIME, TIME, size=3, links=1, content=(ID,)),
    Node(b"link", "symlink", 1 << 27, TIME, TIME, TIME, links=1, link_target=b"x\xff"),
    Node(b"x", "file", 0, TIME, TIME, TIME, xattrs=((b"user.x", b"y"),)),
]
VALID = encode_nodes(NODES)


def test_the_empty_tree_has_its_known_id() -> None:
    assert encode_nodes([]) == EMPTY_TREE
    known = "ac08ce34ba4f8123618661bef2425f7028ffb9ac740578a3ee88684d2523fee8"
    assert hashlib.sha256(EMPTY_TREE).hexdigest() == known
    assert parse_tree(EMPTY_TREE, ID) == []
    assert parse_tree(b'{"nodes":null}', ID) == []


def test_nodes_come_back_in_the_order_of_their_bytes() -> None:
    assert parse_tree(encode_nodes(reversed(NODES)), ID) == NODES
    names = [b"a", b"B", "é".encode(), b"\xff", b"a.b", b"a-b", b"ab"]
    nodes = [Node(name, "fifo", 0, TIME, TIME, TIME) for name in names]
    found = [node.name for node in parse_tree(encode_nodes(nodes), ID)]
    assert found == sorted(names)


@pytest.mark.parametrize("names", [["b", "a"], ["a", "a"], ["é", "z"], ["a", r"\x61"]])
def test_entries_out_of_order_or_twice_are_damage(names: list[str]) -> None:
    nodes = [{"name": name, "type": "fifo"} for name in names]
    with pytest.raises(DamagedRepository, match="out of order"):
        parse_tree(json.dumps({"nodes": nodes}).encode(), ID)


@FUZZ
@given(forged(VALID))
def test_a_forged_tree_is_damage_or_in_order(blob: bytes) -> None:
    with contextlib.suppress(DamagedRepository):
        names = [node.name for node in parse_tree(blob, ID)]
        assert names == sorted(set(names))


# Less the one text that is a tree; Hypothesis reads it in our sources.
@FUZZ
@given(st.binary().filter(lambda blob: not blob.startswith(b'{"nodes":')))
def test_noise_is_damage(blob: bytes) -> None:
    with pytest.raises(DamagedRepository, match="directory 0001020304"):
        parse_tree(blob, ID)


def test_deep_nesting_is_damage() -> None:
    for blob in (
        deeply_nested(),
        b'{"nodes":' + deeply_nested(),
        b'{"nodes":[' + b'{"a":' * 200_000,
    ):
        with pytest.raises(DamagedRepository):
            parse_tree(blob, ID)


def test_trees_of_the_newest_restic_encode_to_the_same_bytes(
    restic_new: Restic, tmp_path: Path
) -> None:
    make_nasty_tree(tmp_path / "nasty")
    root = init_cheaply(tmp_path / "repo")
    restic_new.run("backup", tmp_path / "nasty", repo=root, password=PASSWORD)
    repository = open_cheap(root)
    index = repository.load_index()
    trees = {
        entry.id for _, entries in index.packs() for entry in entries if entry.type == BlobType.TREE
    }
    assert len(trees) > 40
    for tree_id in trees:
        blob = repository.load_blob(index, BlobType.TREE, tree_id)
        assert encode_nodes(parse_tree(blob, tree_id)) == blob
