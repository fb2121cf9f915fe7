"""Gives back the room of what no snapshot needs.

spec/restic-format.md, section 16.  At every instant, each blob that a snapshot needs is in a pack
that exists and stands in an index that exists: new packs, then their indexes, then indexes without
the old packs, then the old indexes go, and only then the old packs.
"""

import errno
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import compress

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.collector import rare_collections
from lpse_ops.backup.dumpblobs import mark_dumps
from lpse_ops.backup.indexfile import PackList
from lpse_ops.backup.indexreplace import IndexFile, load_indexes, refuse_lost, replace_indexes
from lpse_ops.backup.newpacks import NewPacks
from lpse_ops.backup.orphans import OrphanPlan, load_first_seen, plan_orphans, save_first_seen
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.progress import ExpectingProgress
from lpse_ops.backup.pruneplan import (
    NEEDED,
    SPARE,
    Count,
    MaxUnused,
    PackUse,
    PrunePlan,
    count_uses,
    plan_packs,
)
from lpse_ops.backup.repack import find_unreadable, repack
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot, parse_snapshot
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.storage.location import LOCAL, scheme_of
from lpse_ops.backup.usedblobs import find_used
from lpse_ops.errors import RepositoryError, StorageError

DEFAULT_MAX_UNUSED = MaxUnused(percent=5)


@dataclass(frozen=True)
class PruneOptions:
    """``ignore`` names snapshots that count as gone: with ``dry_run`` they may still be there."""

    max_unused: MaxUnused = DEFAULT_MAX_UNUSED
    max_repack_bytes: int | None = None
    repack_uncompressed: bool = False
    dry_run: bool = False
    ignore: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PruneReport:
    """What was found and what became of it; with ``dry_run`` what would.

    ``unused`` counts second copies too, ``duplicate`` nothing else.  ``kept_unused_bytes`` stay
    in packs that are not worth repacking.  ``not_removed`` packs could not be deleted: they are in
    no index now, and a later prune removes them; ``why_not_removed`` is what the first was
    refused with.
    """

    dry_run: bool
    snapshots: int
    used: Count
    unused: Count
    duplicate: Count
    packs_kept: int
    packs_repacked: int
    packs_removed: int
    packs_written: int
    repacked_bytes: int
    freed_bytes: int
    kept_unused_bytes: int
    orphans_removed: int
    orphans_waiting: int
    orphans_waiting_bytes: int
    not_removed: tuple[str, ...] = ()
    why_not_removed: str = ""


@dataclass
class _Found:
    """Everything that the plan rests on; ``roots`` are the root trees of all snapshots."""

    roots: list[bytes]
    index: BlobIndex
    files: list[IndexFile]
    flags: bytearray
    plan: PrunePlan
    orphans: OrphanPlan


@dataclass
class _Done:
    """What has been changed so far."""

    packs_written: int = 0
    not_removed: list[str] = field(default_factory=list)
    why_not_removed: str = ""


class _Steps:
    """Progress through the trees first, then through what is repacked."""

    def __init__(self, progress: ExpectingProgress) -> None:
        self._progress = progress
        self._done = 0

    def advance(self, size_bytes: int) -> None:
        self._done += size_bytes
        self._progress.advance(size_bytes)

    def expect_more(self, size_bytes: int) -> None:
        self._progress.expect(self._done + size_bytes)


@rare_collections()
def prune(
    repository: Repository,
    options: PruneOptions,
    progress: ExpectingProgress,
    *,
    now: datetime,
) -> PruneReport:
    """Remove and repack packs; the caller holds the exclusive lock.

    Stops before anything is changed if an index, a snapshot, a tree or a pack that is needed is
    missing or damaged.
    """
    if not options.dry_run:
        repository.ensure_writable()
        repository.backend.remove_junk()
    steps = _Steps(progress)
    found = _look(repository, options, steps, now)
    done = _Done()
    if not options.dry_run:
        _refuse_append_only(repository)
        found.plan = _distrust(repository, found)
        _remove_orphans(repository, found.orphans, done)
        _carry_out(repository, found, options, steps, done)
    return _report(found, options, done)


def _look(repository: Repository, options: PruneOptions, steps: _Steps, now: datetime) -> _Found:
    # Snapshots before indexes: an index read first could miss what a newer snapshot needs.
    snapshots = _load_snapshots(repository, options)
    index, files = load_indexes(repository)
    steps.expect_more(sum(compress(index.lengths, index.kinds)))  # all trees, at most
    roots = [each.tree for each in snapshots]
    flags = find_used(repository, index, roots, steps)
    stored = {
        bytes.fromhex(file.id): file.size_bytes for file in repository.backend.files(FileKind.PACK)
    }
    plan = plan_packs(
        count_uses(index, flags),
        stored,
        max_unused=options.max_unused,
        max_repack_bytes=options.max_repack_bytes,
        repack_uncompressed=options.repack_uncompressed,
    )
    orphans = plan_orphans(plan.orphans, load_first_seen(repository), now)
    return _Found(roots, index, files, flags, plan, orphans)


def _refuse_append_only(repository: Repository) -> None:
    """Raise ``StorageRefused`` before packs are rewritten that could not be removed afterwards.

    A server says so of a file that is not there, too.
    """
    if scheme_of(repository.backend.location) != LOCAL:
        for kind in (FileKind.INDEX, FileKind.PACK):
            repository.backend.remove(file_name(kind, os.urandom(32).hex()))


def _load_snapshots(repository: Repository, options: PruneOptions) -> list[Snapshot]:
    """All that count; one that cannot be read raises, for its data would be deleted."""
    snapshots = []
    for snapshot_id in repository.files(FileKind.SNAPSHOT):
        if snapshot_id not in options.ignore:
            content = repository.load(FileKind.SNAPSHOT, snapshot_id)
            snapshots.append(parse_snapshot(content, snapshot_id))
    if not options.dry_run:
        _refuse_ignored(repository, options.ignore)
    return snapshots


def _refuse_ignored(repository: Repository, ignore: Iterable[str]) -> None:
    for snapshot_id in ignore:
        if repository.backend.exists(file_name(FileKind.SNAPSHOT, snapshot_id)):
            raise RepositoryError(
                f"snapshot {snapshot_id[:8]} is still there, its data cannot be removed",
                hint="lpse-ops backup forget removes it first; nothing was changed",
            )


def _distrust(repository: Repository, found: _Found) -> PrunePlan:
    """Before spare copies go, read those that stay: a pack with a bad one is repacked, too.

    What a pack lost is then taken from the spare copies, while they are there.
    """
    plan = found.plan
    if SPARE not in found.flags:
        return plan
    kept = {use.id for use in plan.keep}
    bad: set[bytes] = set()
    # A pack that turns out bad gives up its own spare copies: those that rely on them come next.
    while worse := find_unreadable(repository, _to_prove(found, kept)):
        bad |= worse
        kept -= worse
    return replace(
        plan,
        keep=tuple(use for use in plan.keep if use.id not in bad),
        repack=(*plan.repack, *(use for use in plan.keep if use.id in bad)),
    )


def _to_prove(found: _Found, kept: Collection[bytes]) -> Iterator[PackList]:
    """Of the packs that stay, the blobs of which a spare copy goes."""
    index, flags = found.index, found.flags
    spares = {
        (index.kinds[row], index.id_at(row))
        for pack_id, rows in index.pack_rows()
        for row in rows
        if flags[row] == SPARE and pack_id not in kept
    }
    for blob_type in BlobType:
        for pack_id, entries in _needed(found, kept, blob_type):
            yield pack_id, [each for each in entries if (each.type, each.id) in spares]


def _remove_orphans(repository: Repository, orphans: OrphanPlan, done: _Done) -> None:
    # Removed before noted: the disk may be full.
    _remove_packs(repository, sorted(orphans.remove), done)
    if orphans.is_news:
        save_first_seen(repository, orphans.waiting)


def _carry_out(
    repository: Repository,
    found: _Found,
    options: PruneOptions,
    steps: _Steps,
    done: _Done,
) -> None:
    plan = found.plan
    try:
        new_packs, new_indexes = _repack(repository, found, options, steps)
    except StorageError as error:
        if not _is_disk_full(error):
            raise
        raise StorageError(
            f"no room to rewrite packs, nothing was removed: {error.message}",
            hint="first lpse-ops backup prune --max-repack-size 0, which only deletes; then "
            "lpse-ops backup prune again",
        ) from error
    done.packs_written = len(new_packs)
    old = {use.id for use in (*plan.repack, *plan.remove)}
    gone = old | {use.id for use in plan.missing}
    # Storage may say that something is stored, and lose it: look before anything goes.
    refuse_lost(repository, FileKind.PACK, new_packs)
    replace_indexes(repository, found.index, found.files, gone, new=new_indexes)
    _remove_packs(repository, sorted(old), done)


def _is_disk_full(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False


def _repack(
    repository: Repository, found: _Found, options: PruneOptions, steps: _Steps
) -> tuple[dict[bytes, int], list[str]]:
    """Move what is needed out of the packs to repack; return new packs' sizes and indexes' ids."""
    repacked = {use.id for use in found.plan.repack}
    if not repacked:
        return {}, []
    expected = sum(use.used.blobs for use in found.plan.repack)
    steps.expect_more(sum(use.used.size_bytes for use in found.plan.repack))
    with NewPacks(repository) as target:
        for blob_type, wanted in _sorts(repository, found, repacked):
            repack(
                repository,
                found.index,
                wanted,
                target,
                steps,
                compress_data=options.repack_uncompressed,
            )
            # One sort at a time: a pack that is being filled is all in memory.
            target.finish(blob_type)
        target.flush()
    if target.blobs != expected:
        raise RepositoryError(
            f"only {target.blobs} of {expected} blobs were moved; nothing was removed",
            hint="run lpse-ops backup check, then report this as a bug",
        )
    return target.stored, target.indexes


def _sorts(
    repository: Repository, found: _Found, packs: Collection[bytes]
) -> Iterator[tuple[BlobType, Iterator[PackList]]]:
    """What is needed of the packs, by what shall be together in new ones."""
    dumps = mark_dumps(repository, found.index, found.roots)
    yield BlobType.DATA, _needed(found, packs, BlobType.DATA, lambda row: bool(dumps[row]))
    yield BlobType.DATA, _needed(found, packs, BlobType.DATA, lambda row: not dumps[row])
    yield BlobType.TREE, _needed(found, packs, BlobType.TREE)


def _needed(
    found: _Found,
    packs: Collection[bytes],
    blob_type: BlobType,
    chooses: Callable[[int], bool] = lambda _: True,
) -> Iterator[PackList]:
    """Some packs, of each only the needed blobs of a type, and of these the chosen rows."""
    index, flags = found.index, found.flags
    for pack_id, rows in index.pack_rows():
        if pack_id in packs:
            chosen = [r for r in rows if flags[r] == NEEDED and index.kinds[r] == blob_type]
            yield pack_id, [index.entry_at(row) for row in chosen if chooses(row)]


def _remove_packs(repository: Repository, packs: Iterable[bytes], done: _Done) -> None:
    """Remove what no index names any more; what cannot be removed harms nobody."""
    for pack_id in packs:
        try:
            repository.remove(FileKind.PACK, pack_id.hex())
        except StorageError as error:
            done.not_removed.append(pack_id.hex())
            done.why_not_removed = done.why_not_removed or error.message


def _report(found: _Found, options: PruneOptions, done: _Done) -> PruneReport:
    plan, orphans = found.plan, found.orphans
    uses = (*plan.keep, *plan.repack, *plan.remove, *plan.missing)
    freed = (
        _total_bytes(plan.remove)
        + sum(use.unused.size_bytes for use in plan.repack)
        + sum(plan.orphans[each] for each in orphans.remove)
    )
    return PruneReport(
        dry_run=options.dry_run,
        snapshots=len(found.roots),
        used=_sum(use.used for use in uses),
        unused=_sum(use.unused for use in uses),
        duplicate=_sum(use.duplicate for use in uses),
        packs_kept=len(plan.keep),
        packs_repacked=len(plan.repack),
        packs_removed=len(plan.remove),
        packs_written=done.packs_written,
        repacked_bytes=_total_bytes(plan.repack),
        freed_bytes=freed,
        kept_unused_bytes=sum(use.unused.size_bytes for use in plan.keep),
        orphans_removed=len(orphans.remove),
        orphans_waiting=len(orphans.waiting),
        orphans_waiting_bytes=sum(plan.orphans[each] for each in orphans.waiting),
        not_removed=tuple(done.not_removed),
        why_not_removed=done.why_not_removed,
    )


def _sum(counts: Iterable[Count]) -> Count:
    total = Count()
    for each in counts:
        total = total.plus(each)
    return total


def _total_bytes(uses: Iterable[PackUse]) -> int:
    return sum(use.size_bytes for use in uses)
