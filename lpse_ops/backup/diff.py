"""What changed between two snapshots; folders that are equal are not even read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.treewalk import Entry, TreeLoader, refuse_endless, walk_tree

ADDED = "+"
REMOVED = "-"
MODIFIED = "M"
TYPE_CHANGED = "T"
METADATA = "U"


class Change(NamedTuple):
    """``modifier`` is restic's: ``+ - M T U``; folders end in a slash, as there."""

    modifier: str
    path: bytes
    old: Node | None
    new: Node | None


Blob = tuple[BlobType, bytes]


@dataclass
class DiffStatistics:
    """Counts of what was added or removed; sizes are of blobs that only one snapshot has."""

    changed_files: int = 0
    added_files: int = 0
    added_dirs: int = 0
    added_others: int = 0
    removed_files: int = 0
    removed_dirs: int = 0
    removed_others: int = 0
    added_bytes: int = 0
    removed_bytes: int = 0
    old_blobs: set[Blob] = field(default_factory=set, repr=False)
    new_blobs: set[Blob] = field(default_factory=set, repr=False)

    def count(self, change: Change) -> None:
        """Take one change into account."""
        node = change.new or change.old
        if change.modifier == MODIFIED:
            self.changed_files += 1
        elif node is not None and change.modifier in (ADDED, REMOVED):
            verb = "added" if change.modifier == ADDED else "removed"
            noun = {"file": "files", "dir": "dirs"}.get(node.type, "others")
            name = f"{verb}_{noun}"
            setattr(self, name, getattr(self, name) + 1)
        self.note(change.old, change.new)

    def note(self, old: Node | None, new: Node | None) -> None:
        """Take the blobs of one entry into account, as it was and as it is."""
        _note(self.old_blobs, old)
        _note(self.new_blobs, new)

    def finish(self, index: BlobIndex) -> None:
        """Work the sizes out, once all changes are counted."""
        self.added_bytes = _stored_bytes(index, self.new_blobs - self.old_blobs)
        self.removed_bytes = _stored_bytes(index, self.old_blobs - self.new_blobs)


def _note(blobs: set[Blob], node: Node | None) -> None:
    if node is None:
        return
    blobs.update((BlobType.DATA, each) for each in node.content)
    if node.subtree is not None:
        blobs.add((BlobType.TREE, node.subtree))


def _stored_bytes(index: BlobIndex, blobs: set[Blob]) -> int:
    return sum(index.plaintext_length(*each) or 0 for each in blobs)


def diff_trees(
    repository: Repository,
    index: BlobIndex,
    old: bytes,
    new: bytes,
    *,
    metadata: bool = False,
    statistics: DiffStatistics | None = None,
) -> Iterator[Change]:
    """Every difference, in the order of the paths; ``metadata`` also tells owners, modes, times.

    ``statistics`` learns of what stayed beside it: content that was only copied is not new.
    """
    if old == new:
        return
    if statistics is not None:
        statistics.old_blobs.add((BlobType.TREE, old))
        statistics.new_blobs.add((BlobType.TREE, new))
    load = TreeLoader(repository, index).tree

    def below(folder: bytes, node: Node, modifier: str) -> Iterator[Change]:
        """Everything below a folder that is only on one side."""
        if node.subtree is None:
            return
        root = folder + node.name
        for entry in walk_tree(repository, index, node.subtree, root=root, load=load):
            yield _one_sided(entry, modifier)

    stack = [_pairs(load, old, new)]
    # The path of the innermost folder, and how much of it is that of each folder above.
    path, above = b"/", [0]
    while stack:
        pair = next(stack[-1], None)
        if pair is None:
            stack.pop()
            path = path[: above.pop()]
            continue
        before, after = pair
        if statistics is not None:
            statistics.note(before, after)
        change = _compare(path, before, after, metadata=metadata)
        if change is not None:
            yield change
        if (
            before is not None
            and after is not None
            and before.subtree is not None
            and after.subtree is not None
        ):
            if before.subtree != after.subtree:
                refuse_endless(len(stack), path)
                stack.append(_pairs(load, before.subtree, after.subtree))
                above.append(len(path))
                path += after.name + b"/"
            continue
        if before is not None:
            yield from below(path, before, REMOVED)
        if after is not None:
            yield from below(path, after, ADDED)


def _pairs(
    load: Callable[[bytes], list[Node]], old: bytes, new: bytes
) -> Iterator[tuple[Node | None, Node | None]]:
    """Entries of two folders side by side, by name."""
    before = {node.name: node for node in load(old)}
    after = {node.name: node for node in load(new)}
    return iter([(before.get(name), after.get(name)) for name in sorted(before | after)])


def _compare(
    folder: bytes, before: Node | None, after: Node | None, *, metadata: bool
) -> Change | None:
    if after is None:
        return Change(REMOVED, _path(folder, before), before, after) if before else None
    if before is None:
        return Change(ADDED, _path(folder, after), before, after)
    modifier = _modifier(before, after, metadata=metadata)
    return Change(modifier, _path(folder, after), before, after) if modifier else None


def _modifier(before: Node, after: Node, *, metadata: bool) -> str:
    if before.type != after.type:
        return TYPE_CHANGED
    if after.type == "file" and before.content != after.content:
        return MODIFIED
    if metadata and before._replace(subtree=None) != after._replace(subtree=None):
        return METADATA
    return ""


def _one_sided(entry: Entry, modifier: str) -> Change:
    path = entry.path + (b"/" if entry.node.type == "dir" else b"")
    is_added = modifier == ADDED
    return Change(
        modifier, path, None if is_added else entry.node, entry.node if is_added else None
    )


def _path(folder: bytes, node: Node) -> bytes:
    return folder + node.name + (b"/" if node.type == "dir" else b"")
