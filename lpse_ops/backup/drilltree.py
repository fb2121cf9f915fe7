"""What a snapshot holds, surveyed before a drill restores it, and what lies on the disk after.

Totals are compared first; only where they differ is the snapshot's tree walked once more, to name
the files.
"""

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from random import Random

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.drill import Finding
from lpse_ops.backup.node import Node
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.restorelinks import InodeKey, inode_key
from lpse_ops.backup.treewalk import Entry, TreeLoader, walk_tree
from lpse_ops.errors import DamagedRepository, StorageError

_BLOCK_BYTES = 4096
_COUNTED = ("file", "dir", "symlink")


@dataclass(frozen=True)
class Totals:
    """Regular files, folders and links, each name counted; bytes of the files."""

    files: int = 0
    folders: int = 0
    links: int = 0
    size_bytes: int = 0


@dataclass(frozen=True)
class Survey:
    """``space_bytes``: what the files take up on a disk, hard links once.

    ``dumps`` are left out of totals, space and ``sample``.  ``unread`` folders could not be read.
    """

    totals: Totals
    space_bytes: int
    dumps: tuple[Entry, ...]
    sample: tuple[Entry, ...]
    unread: int

    @property
    def inodes(self) -> int:
        return self.totals.files + self.totals.folders + self.totals.links


class WithoutDumps:
    """Selects for a restore everything but the dumps, which go straight into a database."""

    def __init__(self, is_dump: Callable[[bytes], bool]) -> None:
        self._is_dump = is_dump

    def selected(self, path: bytes, *, is_dir: bool) -> tuple[bool, bool]:
        return not self._is_dump(path), is_dir


def survey(
    repository: Repository,
    index: BlobIndex,
    tree_id: bytes,
    *,
    is_dump: Callable[[bytes], bool],
    sample_size: int,
    random: Random,
) -> Survey:
    """Walk the tree once; a folder that cannot be read is counted, the restore will name it."""
    surveying = _Surveying(sample_size, random)
    loader = _TolerantLoader(TreeLoader(repository, index), tree_id)
    for entry in walk_tree(repository, index, tree_id, load=loader.tree):
        surveying.add(entry, is_dump=entry.node.type == "file" and is_dump(entry.path))
    return surveying.finish(loader.unread)


class _TolerantLoader:
    def __init__(self, loader: TreeLoader, root: bytes) -> None:
        self._loader = loader
        self._root = root
        self.unread = 0

    def tree(self, tree_id: bytes) -> list[Node]:
        try:
            return self._loader.tree(tree_id)
        except (DamagedRepository, StorageError):
            if tree_id == self._root:
                raise
            self.unread += 1
            return []


class _Surveying:
    def __init__(self, sample_size: int, random: Random) -> None:
        self._sample_size = sample_size
        self._random = random
        self._seen: set[InodeKey] = set()
        self._counts = {"file": 0, "dir": 0, "symlink": 0}
        self._size_bytes = self._space_bytes = 0
        self._sample: list[Entry] = []
        self._dumps: list[Entry] = []

    def add(self, entry: Entry, *, is_dump: bool) -> None:
        node = entry.node
        if is_dump:
            self._dumps.append(entry)
            return
        if node.type not in self._counts:
            return
        self._counts[node.type] += 1
        if node.type == "file":
            self._size_bytes += node.size
            self._space_bytes += self._space(node)
            self._draw(entry)
        else:
            self._space_bytes += _BLOCK_BYTES

    def _space(self, node: Node) -> int:
        key = inode_key(node)
        if key is not None:
            if key in self._seen:
                return 0
            self._seen.add(key)
        return -(-node.size // _BLOCK_BYTES) * _BLOCK_BYTES

    def _draw(self, entry: Entry) -> None:
        """Every file is as likely as any other, without knowing how many there are."""
        if len(self._sample) < self._sample_size:
            self._sample.append(entry)
            return
        place = self._random.randrange(self._counts["file"])
        if place < self._sample_size:
            self._sample[place] = entry

    def finish(self, unread: int) -> Survey:
        counts = self._counts
        totals = Totals(counts["file"], counts["dir"], counts["symlink"], self._size_bytes)
        sample = sorted(self._sample, key=lambda entry: entry.path)
        return Survey(totals, self._space_bytes, tuple(self._dumps), tuple(sample), unread)


def count_restored(root: bytes) -> Totals:
    """Count what lies below a folder; no link is followed."""
    files = folders = links = size_bytes = 0
    waiting = [root]
    while waiting:
        for entry in _list(waiting.pop()):
            if entry.is_symlink():
                links += 1
            elif entry.is_dir(follow_symlinks=False):
                folders += 1
                waiting.append(entry.path)
            elif entry.is_file(follow_symlinks=False):
                files += 1
                size_bytes += entry.stat(follow_symlinks=False).st_size
    return Totals(files, folders, links, size_bytes)


def _list(folder: bytes) -> Iterator[os.DirEntry[bytes]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except PermissionError:
        return  # restored with its mode by a plain user; the totals differ, and it is named


def find_differences(
    repository: Repository,
    index: BlobIndex,
    tree_id: bytes,
    root: bytes,
    *,
    is_dump: Callable[[bytes], bool],
    skip: Collection[bytes] = (),
) -> Iterator[Finding]:
    """What of a tree is not on the disk as it should be; ``skip`` are paths that are known."""
    loader = _TolerantLoader(TreeLoader(repository, index), tree_id)
    for entry in walk_tree(repository, index, tree_id, load=loader.tree):
        kind = entry.node.type
        if kind not in _COUNTED or entry.path in skip or (kind == "file" and is_dump(entry.path)):
            continue
        expected = f"a file of {entry.node.size} bytes" if kind == "file" else f"a {kind}"
        found = _describe(root + entry.path)
        if found != expected:
            yield Finding("files", os.fsdecode(entry.path), expected, found)


def _describe(path: bytes) -> str:
    try:
        status = os.lstat(path)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    kinds = {0o040000: "a dir", 0o120000: "a symlink"}
    kind = status.st_mode & 0o170000
    return f"a file of {status.st_size} bytes" if kind == 0o100000 else kinds.get(kind, "another")
