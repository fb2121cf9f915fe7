"""What a clone lacks, and what it has too much: decided from two listings, nothing is touched.

Clones are byte-identical: the same names mean the same bytes.  Packs come before the index files
that name them, these before snapshots; ``config`` is last, and makes a repository of the files.
What is to go goes the other way round.  The folder ``lpse`` is each place's own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lpse_ops.backup.milestone import is_milestone
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.storage.backend import CONFIG, Backend, FileKind
from lpse_ops.errors import RepositoryError

COPY_ORDER = (FileKind.PACK, FileKind.INDEX, FileKind.SNAPSHOT, FileKind.KEY)
_REMOVE_ORDER = (FileKind.SNAPSHOT, FileKind.INDEX, FileKind.PACK, FileKind.KEY)
# Snapshots before indexes before packs: whatever a listed file needs is listed after it.
_LIST_ORDER = (FileKind.SNAPSHOT, FileKind.INDEX, FileKind.PACK, FileKind.KEY)


class CloneFile(NamedTuple):
    """A file of a clone by its kind and id; ``size_bytes`` as the source lists it."""

    kind: FileKind
    id: str
    size_bytes: int


@dataclass(frozen=True)
class Listing:
    """What a place holds: sizes in bytes by id for each kind but locks."""

    sizes: Mapping[FileKind, Mapping[str, int]]
    has_config: bool = True


@dataclass(frozen=True)
class SyncPlan:
    """In the order of the work; ``differing`` have other sizes at the two places."""

    missing: tuple[CloneFile, ...]
    differing: tuple[CloneFile, ...]
    extra: tuple[CloneFile, ...]
    needs_config: bool

    @property
    def missing_bytes(self) -> int:
        return sum(file.size_bytes for file in self.missing)

    def of(self, kind: FileKind) -> tuple[CloneFile, ...]:
        return tuple(file for file in self.missing if file.kind is kind)


def list_files(backend: Backend, kinds: Iterable[FileKind] = _LIST_ORDER) -> Listing:
    sizes = {kind: {file.id: file.size_bytes for file in backend.files(kind)} for kind in kinds}
    return Listing(sizes, backend.exists(CONFIG))


def plan_sync(source: Listing, target: Listing) -> SyncPlan:
    """What makes the target hold all that the source holds; ``extra`` is what only it has."""
    missing, differing = [], []
    for kind in COPY_ORDER:
        there = target.sizes[kind]
        for file_id, size in sorted(source.sizes[kind].items()):
            if file_id not in there:
                missing.append(CloneFile(kind, file_id, size))
            elif there[file_id] != size:
                differing.append(CloneFile(kind, file_id, size))
    extra = [
        CloneFile(kind, file_id, target.sizes[kind][file_id])
        for kind in _REMOVE_ORDER
        for file_id in sorted(target.sizes[kind].keys() - source.sizes[kind].keys())
    ]
    return SyncPlan(tuple(missing), tuple(differing), tuple(extra), not target.has_config)


def is_caught_up(leader: Listing, clone: Listing) -> bool:
    """Whether all that the leader's index can name is at the clone, and named there too.

    Only then is what is known at the leader known at the clone.  More may be there.
    """
    return all(
        leader.sizes[kind].items() <= clone.sizes[kind].items()
        for kind in (FileKind.PACK, FileKind.INDEX)
    )


def newest_first(holders: Mapping[str, Iterable[str]], times: Mapping[str, float]) -> list[str]:
    """Names of places, those whose newest snapshot is the newest first; else as they stand.

    ``holders`` are ids of snapshots by place; ``times`` when they were taken.  An id without a
    time counts as very old: one that cannot be read makes nobody the leader.
    """
    newest = {
        name: max((times.get(each, 0.0) for each in ids), default=0.0)
        for name, ids in holders.items()
    }
    return sorted(newest, key=newest.__getitem__, reverse=True)


def refuse_loss(
    source: Iterable[Snapshot], only_at_target: Iterable[Snapshot], source_name: str
) -> None:
    """Raise if the source lacks snapshots that no policy would have removed.

    A policy keeps the newest snapshot, one of each host and paths, and every milestone.
    ``only_at_target`` are those that a deletion would remove from the other copy.
    """
    kept = list(source)
    if not kept:
        raise _lost(f"{source_name} has no snapshots at all")
    newest = max(each.time for each in kept)
    groups = {(each.hostname, each.paths) for each in kept}
    # A snapshot that was tagged or rewritten has a successor, which names it.
    originals = {each.original for each in kept} - {""}
    for snapshot in only_at_target:
        if {snapshot.id, snapshot.original} & originals:
            continue
        if snapshot.time > newest:
            raise _lost(f"snapshot {snapshot.short_id} is newer than all that {source_name} has")
        if is_milestone(snapshot):
            raise _lost(f"snapshot {snapshot.short_id}, a milestone, is not at {source_name}")
        if (snapshot.hostname, snapshot.paths) not in groups:
            raise _lost(
                f"{source_name} has no snapshot of {snapshot.hostname} and the paths of "
                f"{snapshot.short_id}"
            )


def _lost(what: str) -> RepositoryError:
    return RepositoryError(
        f"nothing is deleted: {what}, which no policy explains",
        hint="look at both with lpse-ops backup snapshots --destination NAME; without --delete, "
        "lpse-ops backup sync only adds what is missing",
    )
