"""What the last snapshot knew: taken over as text, or read again; never trusted blindly."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.config import Config
from lpse_ops.backup.gojson import quote_name
from lpse_ops.backup.localsource import owner_text
from lpse_ops.backup.node import Node, encode_node
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.parenttree import (
    EMPTY,
    all_stored,
    content_of,
    load_known,
    parse_known,
)
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.tree import EMPTY_TREE, encode_nodes, encode_tree
from lpse_ops.backup.treebuilder import render_file, render_head
from lpse_ops.backup.treewalk import TreeLoader
from tests.backup.cheap_repository import KEYS
from tests.backup.hostile import FUZZ, forged

TIME = "2026-01-02T03:04:05.5Z"
TIME_NS = 1_767_323_045_500_000_000
ID = bytes(range(32))
FILE = Node(
    b"file", "file", 0o644, TIME, TIME, TIME, inode=7, size=3, links=1, content=(ID, ID[::-1])
)
DIR = Node(b"dir", "dir", 1 << 31, TIME, TIME, TIME, subtree=ID)
FINGERPRINT = (3, TIME_NS, TIME_NS, 7)

names = st.binary(min_size=1, max_size=8).filter(
    lambda name: not set(b"/\0") & set(name) and name not in (b".", b"..")
)
ids = st.lists(st.binary(min_size=32, max_size=32), max_size=3).map(tuple)
# Attributes begin as nodes do; their names may try to look like one.
xattrs = st.lists(
    st.tuples(
        st.sampled_from([b"user.x", b'"},{"name":"z","type":"file"', b'z","type":"file']),
        st.binary(max_size=4),
    ),
    max_size=3,
).map(tuple)
files = st.builds(
    lambda name, content, attributes: FILE._replace(name=name, content=content, xattrs=attributes),
    names,
    ids,
    xattrs,
)
folders = st.builds(
    lambda name, attributes: DIR._replace(name=name, xattrs=attributes), names, xattrs
)
links = names.map(
    lambda name: Node(name, "symlink", 0, TIME, TIME, TIME, link_target=b'"content":[')
)


def text_of(*nodes: Node) -> str:
    return encode_nodes(nodes).decode()


@FUZZ
@given(st.lists(st.one_of(files, folders, links), unique_by=lambda node: node.name))
def test_every_node_is_found_by_its_name(nodes: list[Node]) -> None:
    known = parse_known(text_of(*nodes))
    for node in nodes:
        quoted = quote_name(node.name)
        assert (quoted in known) is (node.type != "symlink")
        assert known.subtree(quoted) == node.subtree
        text = known.same_text(quoted, "")
        if node.type != "file":
            assert text is None
            continue
        assert text == encode_node(node)
        assert content_of(text) == list(node.content)
        assert known.same_content(quoted, FINGERPRINT) == list(node.content)


def test_the_text_must_begin_as_the_new_node_would() -> None:
    known = parse_known(text_of(FILE))
    head = encode_node(FILE).partition(',"content"')[0]
    assert known.same_text("file", head) == encode_node(FILE)
    assert known.same_text("file", head.replace('"inode":7', '"inode":8')) is None
    assert known.same_text("other", head) is None


@pytest.mark.parametrize("place", range(4))
def test_another_size_time_or_inode_means_reading_again(place: int) -> None:
    known = parse_known(text_of(FILE))
    changed = [*FINGERPRINT]
    changed[place] += 1
    assert known.same_content("file", (changed[0], changed[1], changed[2], changed[3])) is None
    assert known.same_content("file", FINGERPRINT) == [ID, ID[::-1]]
    assert known.same_content("other", FINGERPRINT) is None


def test_a_node_with_fields_after_its_content_is_not_taken_over_as_text() -> None:
    text = encode_node(FILE)[:-1] + ',"error":"cannot read its attributes"}'
    assert content_of(text) is None
    assert content_of(encode_node(FILE._replace(content=()))[:-1] + ',"x":1}') is None
    tree = f'{{"nodes":[{text}]}}\n'
    assert parse_known(tree).same_content("file", FINGERPRINT) == [ID, ID[::-1]]


def test_a_folder_with_fields_after_its_subtree_is_read_as_new() -> None:
    text = encode_node(DIR)[:-1] + ',"error":"x"}'
    assert parse_known(f'{{"nodes":[{text}]}}\n').subtree("dir") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"nodes":null}\n',
        EMPTY_TREE.decode(),
        '{"nodes":[{"name":"' + "}]}\n",
        '{"nodes": []}\n',
    ],
)
def test_other_text_is_an_empty_folder(text: str) -> None:
    assert parse_known(text).subtree("dir") is None
    assert "file" not in parse_known(text)


@FUZZ
@given(forged(text_of(DIR, FILE, FILE._replace(name=b"other"))[:-1].encode()))
def test_a_forged_tree_never_stops_a_backup(blob: bytes) -> None:
    known = parse_known(blob.decode("utf-8", "replace") + "\n")
    for name in ("dir", "file", "other"):
        text = known.same_text(name, "")
        if text is not None:
            content = content_of(text)
            assert content is None or all(len(each) == 32 for each in content)
        known.same_content(name, FINGERPRINT)
        known.subtree(name)


def test_a_deeply_nested_node_never_stops_a_backup() -> None:
    text = encode_node(FILE)[:-1] + ',"x":' + "[" * 200_000 + "}"
    assert parse_known(f'{{"nodes":[{text}]}}\n').same_content("file", FINGERPRINT) is None


# --- files of this machine ------------------------------------------------------------------------


def look(folder: Path) -> list[tuple[bytes, os.stat_result]]:
    return [(os.fsencode(path.name), path.lstat()) for path in sorted(folder.iterdir())]


def text_for(found: list[tuple[bytes, os.stat_result]], content: dict[bytes, bytes]) -> str:
    """The tree that a backup makes of files, each of one blob."""
    nodes = [
        render_file(render_head(quote_name(name), status, status.st_size, 1, owner_text), "", ids)
        for name, status in found
        for ids in [[content[name]] if status.st_size else []]
    ]
    return encode_tree(nodes).decode()


@pytest.fixture
def found(tmp_path: Path) -> list[tuple[bytes, os.stat_result]]:
    for name, content in {"a": "aa", "b": "bb", "empty": ""}.items():
        (tmp_path / name).write_text(content)
    return look(tmp_path)


CONTENT = {b"a": b"A" * 32, b"b": b"B" * 32}


def index_of(*blobs: bytes) -> BlobIndex:
    index = BlobIndex()
    index.add_pack(ID, [PackEntry(BlobType.DATA, each, 0, 100, 0) for each in blobs])
    return index


def test_files_that_did_not_change_are_taken_over(
    found: list[tuple[bytes, os.stat_result]],
) -> None:
    text = text_for(found, CONTENT)
    known = parse_known(text)
    entries: dict[bytes, str | None] = {}
    taken = known.take_over(index_of(*CONTENT.values()), found, entries, owner_text)
    assert (taken.files, taken.size_bytes, taken.rest) == (3, 4, [])
    assert encode_tree([each for each in entries.values() if each]).decode() == text
    assert known.is_all(3)
    assert not known.is_all(2)


def test_a_file_whose_blob_is_lost_is_not_taken_over(
    found: list[tuple[bytes, os.stat_result]],
) -> None:
    entries: dict[bytes, str | None] = {}
    taken = parse_known(text_for(found, CONTENT)).take_over(
        index_of(b"A" * 32), found, entries, owner_text
    )
    assert list(entries) == [b"a", b"empty"]
    assert [name for name, _ in taken.rest] == [b"b"]


def test_changed_files_folders_and_links_are_left(
    tmp_path: Path, found: list[tuple[bytes, os.stat_result]]
) -> None:
    known = parse_known(text_for(found, CONTENT))
    (tmp_path / "a").chmod(0o600)
    (tmp_path / "b").unlink()
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "empty").unlink()
    (tmp_path / "empty").mkdir()
    (tmp_path / "new").touch()
    entries: dict[bytes, str | None] = {}
    taken = known.take_over(index_of(*CONTENT.values()), look(tmp_path), entries, owner_text)
    assert (taken.files, entries) == (0, {})
    assert [name for name, _ in taken.rest] == [b"a", b"b", b"empty", b"new"]


@pytest.mark.parametrize("old", ['"]}', '"],"error":"x"}', f'","{ID.hex()}"]}}', '"]} '])
def test_only_a_node_that_ends_with_its_one_blob_is_taken_over(
    found: list[tuple[bytes, os.stat_result]], old: str
) -> None:
    text = text_for(found, CONTENT).replace(f'{CONTENT[b"a"].hex()}"]}}', CONTENT[b"a"].hex() + old)
    entries: dict[bytes, str | None] = {}
    parse_known(text).take_over(index_of(*CONTENT.values(), ID), found, entries, owner_text)
    assert (b"a" in entries) is (old == '"]}')


def test_an_id_in_other_digits_is_not_taken_over(
    found: list[tuple[bytes, os.stat_result]],
) -> None:
    known = parse_known(text_for(found, {b"a": b"\xab" * 32, b"b": b"B" * 32}).replace("ab", "AB"))
    entries: dict[bytes, str | None] = {}
    known.take_over(index_of(b"\xab" * 32), found, entries, owner_text)
    assert list(entries) == [b"empty"]


@pytest.mark.parametrize("names", [(b"b", b"a"), (b"a", b"a"), (b"a", b'b"')])
def test_a_tree_out_of_order_is_never_the_same_blob(names: tuple[bytes, ...]) -> None:
    nodes = [encode_node(FILE._replace(name=name)) for name in names]
    assert not parse_known(encode_tree(nodes).decode()).is_all(len(nodes))
    nodes = [encode_node(FILE._replace(name=name)) for name in (b"a", b"b")]
    assert parse_known(encode_tree(nodes).decode()).is_all(2)


def test_an_empty_folder_is_made_anew() -> None:
    assert not EMPTY.is_all(0)
    assert not parse_known(EMPTY_TREE.decode()).is_all(0)


def stored(blob: bytes) -> tuple[TreeLoader, bytes]:
    """The trees of a repository that holds one, with its id."""
    repository = Repository(MemoryBackend(), KEYS, Config("", 0))
    envelope = repository.crypter.seal(blob)
    repository.save_pack(ID.hex(), envelope)
    tree_id = hashlib.sha256(blob).digest()
    index = BlobIndex()
    index.add_pack(ID, [PackEntry(BlobType.TREE, tree_id, 0, len(envelope), 0)])
    return TreeLoader(repository, index, single_reads=0), tree_id


def test_a_folder_of_the_parent_is_loaded() -> None:
    assert "file" in load_known(*stored(encode_nodes([FILE])))


@pytest.mark.parametrize("blob", [b"\xff\xfe", b"", b"[]"])
def test_a_folder_that_cannot_be_read_is_as_if_it_never_was(blob: bytes) -> None:
    assert "file" not in load_known(*stored(blob))


def test_a_folder_that_is_lost_is_as_if_it_never_was() -> None:
    trees, _ = stored(b"x")
    assert load_known(trees, ID) is EMPTY
    assert load_known(trees, None) is EMPTY


def test_content_counts_only_when_every_blob_is_stored() -> None:
    index = BlobIndex()
    index.add_pack(ID, [PackEntry(BlobType.DATA, ID, 0, 100, 0)])
    assert all_stored(index, [ID, ID])
    assert all_stored(index, [])
    assert not all_stored(index, [ID, bytes(32)])
