"""Directories under construction, with blob ids that come late and in any order."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.gotime import format_ns
from lpse_ops.backup.localsource import owner_text
from lpse_ops.backup.node import Node, decode_node
from lpse_ops.backup.tree import EMPTY_TREE, parse_tree
from lpse_ops.backup.treebuilder import (
    Folder,
    PendingFile,
    TreeBuilder,
    render_file,
    render_head,
    render_regular,
    render_synthetic,
)
from tests.backup.hostile import FUZZ

NS = 1_700_000_000_123_456_789


def id_of(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


class Saved:
    """Keeps the trees that a builder saves, in the order of saving."""

    def __init__(self) -> None:
        self.blobs: dict[bytes, bytes] = {}
        self.builder = TreeBuilder(self.save)

    def save(self, blob: bytes) -> bytes:
        tree_id = hashlib.sha256(blob).digest()
        self.blobs[tree_id] = blob
        return tree_id

    def open(self, parent: Folder | None, name: bytes, known_id: bytes | None = None) -> Folder:
        head = render_synthetic(name, "dir", 1 << 31, 0)
        return self.builder.open_folder(parent, name, head, known_id)

    def close(self, folder: Folder) -> None:
        self.builder.close_folder(folder)
        self.builder.save_ready()

    def read(self, tree_id: bytes, above: bytes = b"") -> dict[bytes, Node]:
        found = {}
        for node in parse_tree(self.blobs[tree_id], tree_id):
            path = above + b"/" + node.name
            found[path] = node
            if node.subtree is not None:
                found |= self.read(node.subtree, path)
        return found


def finish(file: PendingFile, name: bytes) -> None:
    head = render_synthetic(name, "file", 0o600, 0)
    file.finish(lambda ids: render_file(head, "", ids))


def test_a_folder_is_saved_when_its_files_have_their_ids() -> None:
    saved = Saved()
    root = saved.open(None, b"")
    file = PendingFile(saved.builder, root, b"f")
    place = file.expect_blob()
    saved.close(root)
    finish(file, b"f")
    saved.builder.save_ready()
    assert saved.blobs == {}
    file.put(place, id_of(1))
    saved.builder.save_ready()
    assert saved.read(root.tree_id)[b"/f"].content == (id_of(1),)


def test_an_empty_folder_is_the_empty_tree() -> None:
    saved = Saved()
    root = saved.open(None, b"")
    saved.close(root)
    assert saved.blobs[root.tree_id] == EMPTY_TREE


def test_a_folder_waits_for_those_below_it() -> None:
    saved = Saved()
    root = saved.open(None, b"")
    below = saved.open(root, b"below")
    saved.close(root)
    assert saved.blobs == {}
    saved.close(below)
    assert saved.read(root.tree_id)[b"/below"].subtree == below.tree_id
    assert root.entries == {}


def test_entries_come_in_the_order_of_their_bytes() -> None:
    saved = Saved()
    root = saved.open(None, b"")
    for name in (b"b", b"\xff", b"B", b"a"):
        finish(PendingFile(saved.builder, root, name), name)
    saved.close(root)
    assert list(saved.read(root.tree_id)) == [b"/B", b"/a", b"/b", b"/\xff"]


def test_an_abandoned_file_is_left_out() -> None:
    saved = Saved()
    root = saved.open(None, b"")
    file = PendingFile(saved.builder, root, b"gone")
    place = file.expect_blob()
    saved.close(root)
    file.abandon()
    saved.builder.save_ready()
    assert saved.read(root.tree_id) == {}
    file.put(place, id_of(1))
    saved.builder.save_ready()
    assert len(saved.blobs) == 1


def test_after_a_restart_late_ids_of_the_first_reading_are_not_taken() -> None:
    saved = Saved()
    root = saved.open(None, b"")
    file = PendingFile(saved.builder, root, b"f")
    stale = [file.expect_blob(), file.expect_blob()]
    file.restart()
    fresh = file.expect_blob()
    finish(file, b"f")
    saved.close(root)
    file.put(stale[1], id_of(1))
    file.put(fresh, id_of(2))
    file.put(stale[0], id_of(3))
    saved.builder.save_ready()
    assert saved.read(root.tree_id)[b"/f"].content == (id_of(2),)


@FUZZ
@given(st.permutations(range(6)), st.integers(0, 6))
def test_ids_may_come_in_any_order_before_or_after_the_end(
    order: Sequence[int], finished_after: int
) -> None:
    saved = Saved()
    root = saved.open(None, b"")
    file = PendingFile(saved.builder, root, b"f")
    places = [file.expect_blob() for _ in order]
    saved.close(root)
    for count, number in enumerate(order):
        if count == finished_after:
            finish(file, b"f")
        file.put(places[number], id_of(number))
    if finished_after == len(order):
        finish(file, b"f")
    saved.builder.save_ready()
    assert saved.read(root.tree_id)[b"/f"].content == tuple(map(id_of, range(6)))


def test_folders_are_counted_against_the_parent_snapshot() -> None:
    saved = Saved()
    empty = hashlib.sha256(EMPTY_TREE).digest()
    for known_id in (None, empty, empty, id_of(1)):
        saved.close(saved.open(None, b"", known_id))
    builder = saved.builder
    assert (builder.dirs_new, builder.dirs_unmodified, builder.dirs_changed) == (1, 2, 1)


def decode(text: str) -> Node:
    raw: dict[str, Any] = json.loads(text)
    return decode_node(raw)


def test_a_head_says_what_lstat_says(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    os.utime(path, ns=(0, NS))
    path.chmod(0o4755)
    status = path.lstat()
    node = decode(
        render_file(render_head("file", status, 5, status.st_nlink, owner_text), "", [id_of(1)])
    )
    assert (node.mtime_ns, node.size, node.links) == (NS, 5, 1)
    assert node.atime == node.mtime
    assert (node.permissions, node.user) == (0o4755, "root")
    assert (node.inode, node.device_id) == (status.st_ino, status.st_dev)


@FUZZ
@given(
    st.tuples(
        st.sampled_from([0o100644, 0o100000, 0o104755, 0o101777]),
        *[st.sampled_from([0, 1, 4711])] * 6,
        st.just(0),
        st.just(0),
        st.just(0),
    ),
    st.sampled_from([0, NS, -NS]),
    st.sampled_from([NS, 1_700_000_000_000_000_000]),
)
def test_the_quick_head_of_a_regular_file_is_the_same(
    fields: Sequence[int], mtime: int, ctime: int
) -> None:
    status = os.stat_result(fields, {"st_mtime_ns": mtime, "st_ctime_ns": ctime})
    slow = render_head("file", status, status.st_size, status.st_nlink, owner_text)
    assert render_regular("file", status, owner_text) == slow
    assert f'"mtime":"{format_ns(mtime)}"' in slow


def test_a_folder_whose_entries_are_all_known_keeps_its_blob() -> None:
    saved = Saved()
    folder = saved.open(None, b"", id_of(1))
    folder.entries[b"f"] = "{}"
    folder.is_known = True
    saved.close(folder)
    saved.builder.save_ready()
    assert folder.tree_id == id_of(1)
    assert saved.builder.dirs_unmodified == 1


def test_a_synthetic_node_has_no_inode_and_no_links() -> None:
    text = render_file(render_synthetic(b"db & co.dump", "file", 0o600, NS, 7), "", [])
    node = decode(text)
    assert node.name == b"db & co.dump"
    assert (node.inode, node.device_id, node.links, node.size) == (0, 0, 0, 7)
