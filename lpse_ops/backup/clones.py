"""Several copies of one repository: which of them leads, and how the others are brought up to it.

The copy with the newest snapshot leads, the order of the settings decides between equals: so
nobody adds to a copy that misses what another one has.  Deletions reach a clone only when asked
for, and only

* if what the leader lacks can have gone by a policy (``syncplan.refuse_loss``),
* if the leader's structure is sound, and
* if every snapshot that is kept is whole at the clone itself, without the files that are to go.
"""

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from lpse_ops.backup.check import check_structure
from lpse_ops.backup.progress import ExpectingProgress
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot, parse_snapshot
from lpse_ops.backup.storage.backend import Backend, FileKind, StoredFile
from lpse_ops.backup.storage.wrapper import BackendWrapper
from lpse_ops.backup.sync import Place, SyncReport, copy_missing
from lpse_ops.backup.syncplan import SyncPlan, list_files, newest_first, plan_sync, refuse_loss
from lpse_ops.errors import DamagedRepository, OpsError


def plan_clone(source: Place, target: Place) -> SyncPlan:
    """What ``update_clone`` would do; nothing is changed."""
    return plan_sync(list_files(source.repository.backend), list_files(target.repository.backend))


def update_clone(
    source: Place,
    target: Place,
    others: Sequence[Place],
    progress: ExpectingProgress,
    *,
    delete: bool = False,
    threads: int = 4,
    told: Callable[[SyncPlan], None] = lambda _: None,
) -> SyncReport:
    """Copy what the target lacks; with ``delete`` also remove what the source has no more.

    The caller holds a lock on both, an exclusive one on both for ``delete``.
    """
    there = list_files(target.repository.backend)
    plan = plan_sync(list_files(source.repository.backend), there)
    told(plan)
    deletes = delete and bool(plan.extra)
    if deletes:
        refuse_deletion(source, target, plan)
    target.repository.before_write()
    target.repository.backend.remove_junk()
    report = copy_missing(source, target, others, plan, there, progress, threads=threads)
    if deletes and not report.problems:
        prove_kept(target, plan)
        for file in plan.extra:
            target.repository.remove(file.kind, file.id)
            report.removed += 1
    return report


def refuse_deletion(source: Place, target: Place, plan: SyncPlan) -> None:
    """Raise unless the source is sound, and lost no more than a policy would remove."""
    going = [each.id for each in plan.extra if each.kind is FileKind.SNAPSHOT]
    refuse_loss(
        source.repository.snapshots(),
        [_load_snapshot(target.repository, each) for each in going],
        source.name,
    )
    _refuse_errors(source.repository, source.name)


def prove_kept(target: Place, plan: SyncPlan) -> None:
    """Raise unless all that stays at the target is whole without what is to go."""
    clone = target.repository
    rest = _Without(clone.backend, {(each.kind, each.id) for each in plan.extra})
    _refuse_errors(Repository(rest, clone.keys, clone.config, clone.key_id), target.name)


def leading_first(places: Sequence[Place]) -> list[Place]:
    """The places, the one with the newest snapshot first; else as they stand.

    Snapshots are looked into only if not all have the same.  A place that cannot list is left out.
    """
    holders: dict[str, list[str]] = {}
    for place in places:
        try:
            holders[place.name] = place.repository.files(FileKind.SNAPSHOT)
        except OpsError:
            continue
    times = _snapshot_times({each.name: each for each in places}, holders)
    by_name = {each.name: each for each in places}
    return [by_name[name] for name in newest_first(holders, times)]


def newest_snapshot(place: Place) -> Snapshot | None:
    """The newest that can be read."""
    return max(
        place.repository.snapshots(damaged=lambda _: None),
        key=lambda each: (each.time, each.id),
        default=None,
    )


def _snapshot_times(
    places: Mapping[str, Place], holders: Mapping[str, Collection[str]]
) -> dict[str, float]:
    """When each was taken; empty if all have the same, as nearly always."""
    if len({frozenset(each) for each in holders.values()}) < 2:
        return {}
    times: dict[str, float] = {}
    for name, ids in holders.items():
        for snapshot_id in set(ids) - times.keys():
            # One that is damaged makes nobody the leader.
            with contextlib.suppress(OpsError):
                snapshot = _load_snapshot(places[name].repository, snapshot_id)
                times[snapshot_id] = snapshot.time.timestamp()
    return times


def _load_snapshot(repository: Repository, snapshot_id: str) -> Snapshot:
    return parse_snapshot(repository.load(FileKind.SNAPSHOT, snapshot_id), snapshot_id)


def _refuse_errors(repository: Repository, name: str) -> None:
    errors = check_structure(repository).errors
    if errors:
        raise DamagedRepository(
            f"nothing is deleted: {name} is damaged: {errors[0].message}"
            + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""),
            hint=f"lpse-ops backup check --destination {name}, then lpse-ops backup repair",
        )


class _Without(BackendWrapper):
    """A backend as it will be when some files are gone: they are not listed."""

    def __init__(self, inner: Backend, gone: Collection[tuple[FileKind, str]]) -> None:
        super().__init__(inner)
        self._gone = gone

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        return (each for each in self._inner.files(kind) if (kind, each.id) not in self._gone)
