"""Tree blobs; every tree that a real restic writes decodes and encodes to the same bytes."""

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.tree import (
    EMPTY_TREE,
    Reference,
    encode_nodes,
    parse_references,
    parse_tree,
)
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


# A value that JSON does not have and msgspec refuses: ``json`` takes it, as a field unknown to us.
SLOW = b'{"odd":NaN,'


def the_slow_way(blob: bytes) -> bytes:
    """The same tree in a form that only the second decoder reads."""
    return blob.replace(b"{", SLOW, 1)


def references_of(nodes: list[Node], raws: list[dict[str, Any]]) -> list[Reference]:
    return [
        Reference(
            node.name,
            node.type,
            node.size,
            None if raw.get("content") is None else node.content,
            node.subtree,
        )
        for node, raw in zip(nodes, raws, strict=True)
    ]


@FUZZ
@given(forged(VALID))
def test_both_decoders_read_the_same(blob: bytes) -> None:
    results: list[object] = []
    for each in (blob, the_slow_way(blob)):
        try:
            results.append(parse_tree(each, ID))
        except DamagedRepository:
            results.append("damage")
    # Bytes that are not UTF-8, in a field that is unknown, are passed over by the first, as by Go.
    assert results[0] == results[1] or not (blob.startswith(b"{") and is_utf8(blob))


def is_utf8(blob: bytes) -> bool:
    try:
        blob.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


@FUZZ
@given(forged(VALID))
def test_references_are_those_of_the_tree(blob: bytes) -> None:
    for each in (blob, the_slow_way(blob)):
        try:
            nodes = parse_tree(each, ID)
        except DamagedRepository:
            with pytest.raises(DamagedRepository):
                parse_references(each, ID)
        else:
            raws = json.loads(each.decode(json.detect_encoding(each), "replace"))["nodes"] or []
            assert parse_references(each, ID) == references_of(nodes, raws)


def test_a_list_that_is_null_is_told_from_an_empty_one() -> None:
    null = {"name": "a", "type": "file", "content": None}
    empty = {"name": "b", "type": "file", "content": []}
    blob = json.dumps({"nodes": [null, empty]}).encode()
    for each in (blob, the_slow_way(blob)):
        assert [reference.content for reference in parse_references(each, ID)] == [None, ()]


HEX = ID.hex()
ODD = {
    "a lone surrogate in a name": ({"name": "\ud800"}, {"name": b"\xed\xa0\x80"}),
    "numbers of 64 bits": ({"inode": (1 << 64) - 1}, {"inode": (1 << 64) - 1}),
    "an empty text for a list": ({"content": ""}, {"content": ()}),
    "ids with blanks": ({"content": [HEX + "  "]}, {"content": (ID,)}),
    "ids in capitals": ({"content": [HEX.upper()]}, {"content": (ID,)}),
    "a dot and line ends in a name": ({"name": "a\\n.\\nb"}, {"name": b"a\n.\nb"}),
    "a name in Go's escapes": ({"name": "\\x61\\101"}, {"name": b"aA"}),
    "a null target with its bytes": (
        {"linktarget": None, "linktarget_raw": "Yf8="},
        {"link_target": b"a\xff"},
    ),
    "a surrogate in a target": ({"linktarget": "\udcff"}, {"link_target": b"\xed\xb3\xbf"}),
    "surrogates in texts": (
        {"user": "a\ud800", "extended_attributes": [{"name": "user.\udcff"}]},
        {"user": "a\ufffd", "xattrs": (("user.\ufffd".encode(), b""),)},
    ),
    "an attribute without value": (
        {"extended_attributes": [{"name": "user.x", "value": None}, {"name": "user.y"}]},
        {"xattrs": ((b"user.x", b""), (b"user.y", b""))},
    ),
    "no attributes": ({"extended_attributes": None}, {"xattrs": ()}),
    "unknown fields": ({"generic_attributes": {"x": [1.5, None, {}]}}, {}),
}


@pytest.mark.parametrize(("stored", "read"), ODD.values(), ids=list(ODD))
def test_what_an_odd_writer_may_store_is_read(stored: dict[str, Any], read: dict[str, Any]) -> None:
    raw = {"name": "x", "type": "file", "mtime": TIME, "atime": TIME, "ctime": TIME, **stored}
    blob = json.dumps({"nodes": [raw]}).encode()
    expected = Node(b"x", "file", 0, TIME, TIME, TIME)._replace(**read)
    assert parse_tree(blob, ID) == parse_tree(the_slow_way(blob), ID) == [expected]


@pytest.mark.parametrize(
    "blob",
    [
        b'{"nodes":[{"name":"x","type":"fifo","size":1,"size":2}]}',
        b'{"nodes":[{"name":"x","type":"fifo","size":"1","size":2}]}',
        b'{"nodes":[{"n\\u0061me":"x","type":"fifo","size":2}]}',
        b' { "nodes" : [ { "name" : "x" , "type" : "fifo" , "size" : 2 } ] } ',
        b'{"nodes":[],"nodes":[{"name":"x","type":"fifo","size":2}]}',
        '{"nodes":[{"name":"x","type":"fifo","size":2}]}'.encode("utf-16"),
    ],
    ids=["twice", "twice, once wrong", "escaped key", "blanks", "two lists", "utf-16"],
)
def test_odd_json_is_read(blob: bytes) -> None:
    (node,) = parse_tree(blob, ID)
    assert (node.name, node.size) == (b"x", 2)
    assert parse_references(blob, ID) == [Reference(b"x", "fifo", 2, None, None)]


@pytest.mark.parametrize(
    "change",
    [{"size": 1.0}, {"size": -1}, {"size": 1 << 64}, {"size": True}, {"subtree": HEX},
     {"content": [HEX[1:]]}, {"content": ["g" * 64]}, {"content": [" " * 64]},
     {"type": "irregular"}, {"type": "dir"}, {"name": "a/b"}, {"name": ".."}, {"name": "."},
     {"name": ""}, {"name": "a\0"}, {"name": "\\x2e\\x2e"}, {"name": "\\z"},
     {"uid": -1}, {"gid": 1 << 32}, {"mode": "x"}, {"links": "x"}, {"inode": 1 << 64},
     {"device_id": -1}, {"device": None}, {"user": 1}, {"group": None}, {"mtime": 1},
     {"mtime": "x"}, {"atime": ""}, {"ctime": "2026-02-30T00:00:00Z"}, {"mtime": "\ud800"},
     {"linktarget": 1}, {"linktarget_raw": "%"}, {"extended_attributes": [{"value": ""}]},
     {"extended_attributes": [{"name": "user.x", "value": "%"}]}],
    ids=repr,
)  # fmt: skip
def test_what_cannot_be_is_damage_to_references_too(change: dict[str, Any]) -> None:
    raw = {"name": "x", "type": "file", "content": [], **change}
    blob = json.dumps({"nodes": [raw]}).encode()
    for parse in (parse_tree, parse_references):
        with pytest.raises(DamagedRepository, match="directory 0001020304"):
            parse(blob, ID)


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
        for parse in (parse_tree, parse_references):
            with pytest.raises(DamagedRepository):
                parse(blob, ID)


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
