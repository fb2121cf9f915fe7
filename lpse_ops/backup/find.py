"""Files by name in many snapshots; a folder that several snapshots share is searched once."""

import fnmatch
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.gotime import to_datetime
from lpse_ops.backup.node import Node
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.treewalk import Entry, load_tree


@dataclass(frozen=True)
class Wanted:
    """Names match any of ``patterns``; one with a slash is compared with the whole path."""

    patterns: tuple[str, ...]
    ignore_case: bool = False
    oldest: datetime | None = None
    newest: datetime | None = None

    def matches(self, entry: Entry) -> bool:
        return self._name_matches(entry) and self._time_matches(entry.node)

    def _name_matches(self, entry: Entry) -> bool:
        path, name = os.fsdecode(entry.path), os.fsdecode(entry.node.name)
        return any(
            fnmatch.fnmatchcase(self._fold(path if "/" in pattern else name), self._fold(pattern))
            for pattern in self.patterns
        )

    def _fold(self, text: str) -> str:
        return text.casefold() if self.ignore_case else text

    def _time_matches(self, node: Node) -> bool:
        if self.oldest is None and self.newest is None:
            return True
        try:
            moment = to_datetime(node.mtime_ns)
        except ValueError:
            return False  # of whatever time it is, it is not known to be in between
        return not (
            (self.oldest is not None and moment < self.oldest)
            or (self.newest is not None and moment > self.newest)
        )


class Finder:
    """Searches snapshot after snapshot and remembers the folders it has seen."""

    def __init__(self, repository: Repository, index: BlobIndex, wanted: Wanted) -> None:
        self._repository = repository
        self._index = index
        self._wanted = wanted
        # (tree, path) of folders that hold nothing wanted: most of them, in all snapshots.
        self._barren: set[tuple[bytes, bytes]] = set()

    def find(self, tree_id: bytes) -> Iterator[Entry]:
        """What matches in one snapshot, in the order of the paths."""
        return iter(self._search(tree_id))

    def _search(self, tree_id: bytes) -> Sequence[Entry]:
        found: list[Entry] = []
        # Each open folder: its tree, its path, what is left of it, matches before it began.
        stack = [(tree_id, b"/", iter(self._load(tree_id)), 0)]
        while stack:
            tree, path, nodes, before = stack[-1]
            node = next(nodes, None)
            if node is None:
                stack.pop()
                if len(found) == before:
                    self._barren.add((tree, path))
                continue
            entry = Entry(path + node.name, node)
            if self._wanted.matches(entry):
                found.append(entry)
            below = (node.subtree, entry.path + b"/") if node.subtree else None
            if below is not None and below not in self._barren:
                stack.append((*below, iter(self._load(below[0])), len(found)))
        return found

    def _load(self, tree_id: bytes) -> list[Node]:
        return load_tree(self._repository, self._index, tree_id)
