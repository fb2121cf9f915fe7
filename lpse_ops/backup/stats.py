"""How large snapshots are: as restored, and as stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.treewalk import TreeLoader, refuse_endless
from lpse_ops.errors import DamagedRepository

_UNCOUNTABLE = 1 << 64


@dataclass
class Sizes:
    """Sizes in bytes.  ``restore`` counts hard links once; ``raw`` is what the blobs take up."""

    snapshots: int = 0
    files: int = 0
    restore_bytes: int = 0
    blobs: int = 0
    plain_bytes: int = 0
    raw_bytes: int = 0

    @property
    def deduplication(self) -> float:
        """Bytes restored for each byte of distinct content."""
        return self.restore_bytes / self.plain_bytes if self.plain_bytes else 1.0

    @property
    def compression(self) -> float:
        """Bytes of distinct content for each byte stored."""
        return self.plain_bytes / self.raw_bytes if self.raw_bytes else 1.0


class _Folder(NamedTuple):
    """Sums of a folder and all below it, without files that have more than one name.

    Those are ``linked`` where they stand: ``(device, inode)`` and size; ``lead`` are the folders
    below that have such files in or below them.
    """

    files: int
    size_bytes: int
    linked: tuple[tuple[tuple[int, int], int], ...]
    lead: tuple[bytes, ...]


def measure(repository: Repository, index: BlobIndex, snapshots: Sequence[Snapshot]) -> Sizes:
    """A folder that several share is counted in each, its blobs once; it is read only once."""
    measuring = _Measuring(repository, index, Sizes(snapshots=len(snapshots)))
    for snapshot in snapshots:
        measuring.add(snapshot.tree)
    return measuring.sizes


class _Measuring:
    def __init__(self, repository: Repository, index: BlobIndex, sizes: Sizes) -> None:
        self._load = TreeLoader(repository, index).tree
        self._index = index
        self._seen: set[tuple[BlobType, bytes]] = set()
        self._folders: dict[bytes, _Folder] = {}
        self.sizes = sizes

    def add(self, tree_id: bytes) -> None:
        """Count a snapshot."""
        self._measure_below(tree_id)
        whole = self._folders[tree_id]
        linked = self._linked_below(tree_id)
        files = self.sizes.files + whole.files + len(linked)
        size_bytes = self.sizes.restore_bytes + whole.size_bytes + sum(linked.values())
        if max(files, size_bytes) >= _UNCOUNTABLE:
            raise DamagedRepository(
                "the snapshots claim to hold more than can be counted in 64 bits",
                hint="no disk holds so much; lpse-ops backup check says what is wrong",
            )
        self.sizes.files, self.sizes.restore_bytes = files, size_bytes

    def _measure_below(self, tree_id: bytes) -> None:
        """Fill ``_folders`` from the leaves up: a folder when all below it are there."""
        stack = [tree_id]
        open_folders: dict[bytes, list[Node]] = {}
        while stack:
            tree = stack[-1]
            if tree in self._folders:
                stack.pop()
                continue
            if tree in open_folders:
                self._folders[tree] = self._sum(open_folders.pop(tree))
                stack.pop()
                continue
            refuse_endless(len(open_folders))
            self._note(BlobType.TREE, tree)
            open_folders[tree] = nodes = self._load(tree)
            missing = {node.subtree for node in nodes if node.subtree is not None}
            stack += missing - self._folders.keys()

    def _sum(self, nodes: list[Node]) -> _Folder:
        files = size_bytes = 0
        linked: list[tuple[tuple[int, int], int]] = []
        lead: set[bytes] = set()
        for node in nodes:
            if node.subtree is not None:
                below = self._folders[node.subtree]
                files += below.files
                size_bytes += below.size_bytes
                if below.linked or below.lead:
                    lead.add(node.subtree)
            elif node.type == "file":
                for blob_id in node.content:
                    self._note(BlobType.DATA, blob_id)
                if node.links > 1 and node.inode:
                    linked.append(((node.device_id, node.inode), node.size))
                else:
                    files += 1
                    size_bytes += node.size
        return _Folder(files, size_bytes, tuple(linked), tuple(lead))

    def _linked_below(self, tree_id: bytes) -> dict[tuple[int, int], int]:
        """Files with more than one name, each once, and their sizes."""
        found: dict[tuple[int, int], int] = {}
        seen = {tree_id}
        waiting = [tree_id]
        while waiting:
            folder = self._folders[waiting.pop()]
            for key, size_bytes in folder.linked:
                found.setdefault(key, size_bytes)
            new = [each for each in folder.lead if each not in seen]
            seen.update(new)
            waiting += new
        return found

    def _note(self, blob_type: BlobType, blob_id: bytes) -> None:
        if (blob_type, blob_id) in self._seen:
            return
        self._seen.add((blob_type, blob_id))
        found = next(self._index.locations(blob_type, blob_id), None)
        if found is not None:
            self.sizes.blobs += 1
            self.sizes.plain_bytes += found.entry.plaintext_length
            self.sizes.raw_bytes += found.entry.length
