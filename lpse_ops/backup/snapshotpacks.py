"""Which packs a snapshot is made of, and which of them came with it."""

from typing import NamedTuple

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.progress import SILENT, Progress
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.usedblobs import find_used


class SnapshotPacks(NamedTuple):
    """Raw ids; ``new`` are those that the snapshot before it does not use."""

    used: frozenset[bytes]
    new: frozenset[bytes]


def find_parent(snapshot: Snapshot, snapshots: list[Snapshot]) -> Snapshot | None:
    """The snapshot that it was compared with, unless that was forgotten."""
    return next((each for each in snapshots if each.id == snapshot.parent and each.id), None)


def find_snapshot_packs(
    repository: Repository,
    index: BlobIndex,
    snapshot: Snapshot,
    parent: Snapshot | None,
    progress: Progress = SILENT,
) -> SnapshotPacks:
    """Read all folders of the snapshot; ``DamagedRepository`` if a blob of it is nowhere.

    ``DamagedRepository`` as well for a parent that is: then it counts for nothing.
    """
    used = _packs_of(repository, index, snapshot, progress)
    before = _packs_of(repository, index, parent, progress) if parent else frozenset()
    return SnapshotPacks(used, used - before)


def _packs_of(
    repository: Repository, index: BlobIndex, snapshot: Snapshot, progress: Progress
) -> frozenset[bytes]:
    flags = find_used(repository, index, [snapshot.tree], progress)
    return frozenset(
        pack_id for pack_id, rows in index.pack_rows() if any(flags[row] for row in rows)
    )
