"""Folders rewritten: what changes, what keeps its bytes, and how deep it goes."""

import hashlib
import json
from typing import Any

import pytest

from lpse_ops.backup.node import Node
from lpse_ops.backup.tree import EMPTY_TREE, encode_nodes, parse_tree
from lpse_ops.backup.treerewrite import Folder, NewTree, TreeRewriter, Verdict
from lpse_ops.backup.treewalk import MAX_DEPTH
from lpse_ops.errors import DamagedRepository, RepositoryError
from tests.backup.repositories import dir_node, file_node, link_node


class Trees(dict[bytes, bytes]):
    """Tree blobs by their ids; what was saved and opened is counted."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[bytes] = []
        self.saved: list[bytes] = []

    def add(self, *nodes: Node) -> bytes:
        return self.add_text(encode_nodes(nodes))

    def add_text(self, blob: bytes) -> bytes:
        tree_id = hashlib.sha256(blob).digest()
        self[tree_id] = blob
        return tree_id

    def save(self, blob: bytes) -> bytes:
        self.saved.append(blob)
        return self.add_text(blob)


class Verdicts:
    """Rules that are a table: path -> verdict."""

    def __init__(
        self,
        trees: Trees,
        table: dict[bytes, Verdict],
        *,
        depends_on_path: bool = True,
        takes_any_json: bool = False,
    ) -> None:
        self.depends_on_path = depends_on_path
        self.takes_any_json = takes_any_json
        self._trees = trees
        self._table = table

    def open(self, _path: bytes, tree_id: bytes) -> Folder | None:
        self._trees.opened.append(tree_id)
        blob = self._trees.get(tree_id)
        return None if blob is None else Folder(blob, parse_tree(blob, tree_id))

    def judge(self, path: bytes, _node: Node) -> Verdict | None:
        return self._table.get(path)


def rewrite(trees: Trees, root: bytes, table: dict[bytes, Verdict], **how: Any) -> NewTree | None:
    return TreeRewriter(Verdicts(trees, table, **how), trees.save).rewrite(root)


GONE = Verdict(None, "left out")


@pytest.fixture
def trees() -> Trees:
    return Trees()


def test_nothing_to_do_keeps_every_id_and_saves_nothing(trees: Trees):
    below = trees.add(file_node(b"x", size=3), link_node(b"y", b"x"))
    root = trees.add(dir_node(b"a", below), dir_node(b"b", below), file_node(b"c", size=4))
    assert rewrite(trees, root, {}) == NewTree(root, 3, 10)
    assert trees.saved == []


def test_only_the_folders_above_a_change_are_written_anew(trees: Trees):
    kept = trees.add(file_node(b"k", size=1))
    deep = trees.add(file_node(b"x", size=2), file_node(b"y", size=4))
    root = trees.add(dir_node(b"a", trees.add(dir_node(b"deep", deep))), dir_node(b"kept", kept))
    new = rewrite(trees, root, {b"/a/deep/x": GONE})
    smaller = trees.add(file_node(b"y", size=4))
    wanted = trees.add(
        dir_node(b"a", trees.add(dir_node(b"deep", smaller))), dir_node(b"kept", kept)
    )
    assert new is not None
    assert (new.id, new.files, new.size_bytes) == (wanted, 2, 5)
    assert list(new.all_notes()) == [(b"/a/deep/x", "left out")]
    assert len(trees.saved) == 3


def test_a_folder_left_out_is_not_looked_into(trees: Trees):
    root = trees.add(dir_node(b"a", b"\1" * 32), file_node(b"b"))
    new = rewrite(trees, root, {b"/a": GONE})
    assert new is not None
    assert new.id == trees.add(file_node(b"b"))
    assert trees.opened == [root]


def test_the_same_folder_fares_differently_at_two_paths(trees: Trees):
    shared = trees.add(file_node(b"x"), file_node(b"y"))
    root = trees.add(dir_node(b"a", shared), dir_node(b"b", shared))
    new = rewrite(trees, root, {b"/b/x": GONE})
    smaller = trees.add(file_node(b"y"))
    assert new is not None
    assert new.id == trees.add(dir_node(b"a", shared), dir_node(b"b", smaller))


def test_where_paths_do_not_matter_each_folder_is_read_once_and_named_everywhere(trees: Trees):
    shared = trees.add(dir_node(b"lost", b"\1" * 32))
    root = trees.add(dir_node(b"a", shared), dir_node(b"b", shared))
    new = rewrite(trees, root, {}, depends_on_path=False)
    empty = trees.add(dir_node(b"lost", trees.add_text(EMPTY_TREE)))
    assert new is not None
    assert new.id == trees.add(dir_node(b"a", empty), dir_node(b"b", empty))
    assert [path for path, _ in new.all_notes()] == [b"/a/lost", b"/b/lost"]
    assert trees.opened.count(shared) == 1


def test_a_second_snapshot_costs_only_what_differs(trees: Trees):
    shared = trees.add(file_node(b"x"))
    first, second = (
        trees.add(dir_node(b"a", shared)),
        trees.add(dir_node(b"a", shared), file_node(b"b")),
    )
    rewriter = TreeRewriter(Verdicts(trees, {b"/a/x": GONE}), trees.save)
    rewriter.rewrite(first)
    new = rewriter.rewrite(second)
    assert new is not None
    assert [path for path, _ in new.all_notes()] == [b"/a/x"]
    assert trees.opened.count(shared) == 1


def test_a_root_that_cannot_be_read_is_none(trees: Trees):
    assert rewrite(trees, b"\1" * 32, {}) is None


def test_depth_is_bounded_and_not_by_the_stack(trees: Trees):
    tree_id = trees.add(file_node(b"x"))
    for _ in range(MAX_DEPTH - 1):
        tree_id = trees.add(dir_node(b"d", tree_id))
    deepest = b"/d" * (MAX_DEPTH - 1) + b"/x"
    new = rewrite(trees, tree_id, {deepest: GONE})
    assert new is not None
    assert [path for path, _ in new.all_notes()] == [deepest]
    with pytest.raises(DamagedRepository, match="nested deeper"):
        rewrite(trees, trees.add(dir_node(b"d", tree_id)), {})


def test_a_thousand_times_a_thousand_paths_take_no_time_where_paths_do_not_matter(trees: Trees):
    """A repository can be small and hold more paths than there are atoms."""
    tree_id = trees.add(file_node(b"x", size=1))
    for _ in range(200):
        tree_id = trees.add(dir_node(b"a", tree_id), dir_node(b"b", tree_id))
    new = rewrite(trees, tree_id, {}, depends_on_path=False)
    assert new is not None
    assert new.files == 2**200


# -- bytes ---------------------------------------------------------------------------------------


def with_unknown_field(*nodes: Node) -> bytes:
    document = json.loads(encode_nodes(nodes))
    document["nodes"][0]["generic_attributes"] = {"windows.file_attributes": 32}
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def test_fields_that_we_do_not_know_are_kept(trees: Trees):
    root = trees.add_text(with_unknown_field(file_node(b"a"), file_node(b"b")))
    new = rewrite(trees, root, {b"/b": GONE})
    assert new is not None
    assert trees[new.id] == with_unknown_field(file_node(b"a"))


def not_as_go_writes_it() -> bytes:
    return encode_nodes([file_node(b"a"), file_node(b"b")]).replace(b":", b" : ", 1)


def test_a_folder_that_cannot_be_encoded_again_is_refused_if_it_must_change(trees: Trees):
    odd = trees.add_text(not_as_go_writes_it())
    root = trees.add(dir_node(b"odd", odd), file_node(b"x"))
    unchanged = rewrite(trees, root, {b"/x": GONE})
    assert unchanged is not None
    assert unchanged.id == trees.add(dir_node(b"odd", odd))
    with pytest.raises(RepositoryError, match="cannot encode the folder /odd/ without losing"):
        rewrite(trees, root, {b"/odd/a": GONE})


def test_a_repair_takes_it_as_it_is(trees: Trees):
    odd = trees.add_text(not_as_go_writes_it())
    new = rewrite(trees, odd, {b"/a": GONE}, takes_any_json=True)
    assert new is not None
    assert new.id == trees.add(file_node(b"b"))


def test_a_repair_takes_even_what_json_refuses(trees: Trees):
    """A byte order mark, which one parser takes and another does not."""
    odd = trees.add_text(b"\xef\xbb\xbf" + encode_nodes([file_node(b"a"), file_node(b"b")]))
    new = rewrite(trees, odd, {b"/a": GONE}, takes_any_json=True)
    assert new is not None
    assert new.id == trees.add(file_node(b"b"))
