"""How large snapshots are: as restored, and as stored."""

from collections.abc import Sequence
from dataclasses import dataclass

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.treewalk import Entry, walk_tree


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


def measure(repository: Repository, index: BlobIndex, snapshots: Sequence[Snapshot]) -> Sizes:
    """Walk the snapshots; a folder that several share is counted in each, its blobs once."""
    sizes = Sizes(snapshots=len(snapshots))
    seen: set[tuple[BlobType, bytes]] = set()
    for snapshot in snapshots:
        links: set[tuple[int, int]] = set()
        _note(index, sizes, seen, BlobType.TREE, snapshot.tree)
        for entry in walk_tree(repository, index, snapshot.tree):
            _count(index, sizes, seen, links, entry)
    return sizes


def _count(
    index: BlobIndex,
    sizes: Sizes,
    seen: set[tuple[BlobType, bytes]],
    links: set[tuple[int, int]],
    entry: Entry,
) -> None:
    node = entry.node
    if node.subtree is not None:
        _note(index, sizes, seen, BlobType.TREE, node.subtree)
    if node.type != "file":
        return
    for blob_id in node.content:
        _note(index, sizes, seen, BlobType.DATA, blob_id)
    key = (node.device_id, node.inode)
    if node.links > 1 and node.inode:
        if key in links:
            return
        links.add(key)
    sizes.files += 1
    sizes.restore_bytes += node.size


def _note(
    index: BlobIndex,
    sizes: Sizes,
    seen: set[tuple[BlobType, bytes]],
    blob_type: BlobType,
    blob_id: bytes,
) -> None:
    if (blob_type, blob_id) in seen:
        return
    seen.add((blob_type, blob_id))
    found = next(index.locations(blob_type, blob_id), None)
    if found is not None:
        sizes.blobs += 1
        sizes.plain_bytes += found.entry.plaintext_length
        sizes.raw_bytes += found.entry.length
