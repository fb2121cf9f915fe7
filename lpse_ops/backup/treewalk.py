"""Walks the trees of a snapshot, from the root down, in the order of the names' bytes.

Never recursive, and bounded in depth: a repository may be hostile.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.tree import parse_tree
from lpse_ops.errors import DamagedRepository, RepositoryError

# A path of PATH_MAX bytes has at most half as many parts.
MAX_DEPTH = 2048


class Entry(NamedTuple):
    """``path`` is absolute within the snapshot."""

    path: bytes
    node: Node


def load_tree(repository: Repository, index: BlobIndex, tree_id: bytes) -> list[Node]:
    return parse_tree(repository.load_blob(index, BlobType.TREE, tree_id), tree_id)


def _descend(_entry: Entry) -> bool:
    return True


def walk_tree(
    repository: Repository,
    index: BlobIndex,
    tree_id: bytes,
    *,
    root: bytes = b"/",
    enter: Callable[[Entry], bool] = _descend,
) -> Iterator[Entry]:
    """Every entry below a tree, a folder before what is in it; ``enter`` may leave folders out."""
    stack = [_entries(load_tree(repository, index, tree_id), root)]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
            continue
        yield entry
        if entry.node.subtree is not None and enter(entry):
            if len(stack) >= MAX_DEPTH:
                raise DamagedRepository(
                    f"folders are nested deeper than {MAX_DEPTH} levels",
                    hint="no file system holds such a path; was this repository tampered with?",
                )
            below = load_tree(repository, index, entry.node.subtree)
            stack.append(_entries(below, entry.path))


def _entries(nodes: list[Node], folder: bytes) -> Iterator[Entry]:
    prefix = folder if folder.endswith(b"/") else folder + b"/"
    return iter([Entry(prefix + node.name, node) for node in nodes])


def find_entry(repository: Repository, index: BlobIndex, tree_id: bytes, path: bytes) -> Entry:
    """The entry at an absolute path, or ``RepositoryError`` naming the part that is not there."""
    current = b""
    node: Node | None = None
    for part in [piece for piece in path.split(b"/") if piece]:
        current += b"/" + part
        below = tree_id if node is None else node.subtree
        nodes = [] if below is None else load_tree(repository, index, below)
        node = next((each for each in nodes if each.name == part), None)
        if node is None:
            raise RepositoryError(
                f"{current.decode('utf-8', 'replace')} is not in the snapshot",
                hint="lpse-ops backup ls SNAPSHOT shows what is",
            )
    if node is None:
        raise RepositoryError(
            "a path below / is needed", hint="lpse-ops backup ls SNAPSHOT shows what there is"
        )
    return Entry(current, node)
