"""Files by name in many snapshots; a folder that several snapshots share is searched once."""

import fnmatch
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.gotime import to_datetime
from lpse_ops.backup.node import Node
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.treewalk import Entry, TreeLoader, refuse_endless


@dataclass(frozen=True)
class Wanted:
    """Names match any of ``patterns``; one with a slash is compared with the whole path."""

    patterns: tuple[str, ...]
    ignore_case: bool = False
    oldest: datetime | None = None
    newest: datetime | None = None

    @property
    def looks_at_paths(self) -> bool:
        """Whether the same folder may hold a match at one place and none at another."""
        return any("/" in pattern for pattern in self.patterns)

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
        moment = to_datetime(node.mtime_ns)
        return not (
            (self.oldest is not None and moment < self.oldest)
            or (self.newest is not None and moment > self.newest)
        )


class Finder:
    """Searches snapshot after snapshot and remembers the folders it has seen."""

    def __init__(self, repository: Repository, index: BlobIndex, wanted: Wanted) -> None:
        self._load = TreeLoader(repository, index).tree
        self._wanted = wanted
        # Folders that hold nothing wanted, most of them in all snapshots; with their paths if
        # these count.
        self._barren: set[tuple[bytes, bytes]] = set()

    def find(self, tree_id: bytes) -> Iterator[Entry]:
        """What matches in one snapshot, in the order of the paths, as it is found."""
        found = 0
        # Each open folder: its tree, what is left of it, matches before it began.
        stack = [(tree_id, iter(self._load(tree_id)), 0)]
        # The path of the innermost, and how much of it is that of each folder above.
        path, above = b"/", [0]
        while stack:
            tree, nodes, before = stack[-1]
            node = next(nodes, None)
            if node is None:
                if found == before:
                    self._barren.add(self._key(tree, path))
                stack.pop()
                path = path[: above.pop()]
                continue
            entry = Entry(path + node.name, node)
            if self._wanted.matches(entry):
                found += 1
                yield entry
            below = entry.path + b"/"
            if node.subtree is None or self._key(node.subtree, below) in self._barren:
                continue
            refuse_endless(len(stack), entry.path)
            stack.append((node.subtree, iter(self._load(node.subtree)), found))
            above.append(len(path))
            path = below

    def _key(self, tree_id: bytes, path: bytes) -> tuple[bytes, bytes]:
        return tree_id, path if self._wanted.looks_at_paths else b""
