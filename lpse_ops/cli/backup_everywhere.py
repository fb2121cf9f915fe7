"""One backup to all destinations: the source is read once, every place gets the same files.

Those that are behind when the run begins are brought up to date after it, from the leader.
"""

import contextlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from lpse_ops.backup.backuprun import BackupRequest, BackupResult, run_backup
from lpse_ops.backup.blobsaver import open_pool
from lpse_ops.backup.clones import leading_first, update_clone
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.storage.mirror import Member, MirrorBackend
from lpse_ops.backup.storage.patience import SharedPatience
from lpse_ops.backup.storage.retry import RetryBackend
from lpse_ops.backup.sync import Place
from lpse_ops.backup.syncplan import Listing, is_caught_up, list_files
from lpse_ops.backup.workerpool import WorkerPool
from lpse_ops.cli.backup_places import (
    FAILED,
    WRITTEN,
    Outcome,
    Places,
    lock_all,
)
from lpse_ops.cli.prune_options import PruneBar
from lpse_ops.cli.repository_access import use_cache
from lpse_ops.cli.sync_report import record_sync
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError, RepositoryLocked

if TYPE_CHECKING:
    from lpse_ops.cli.console import ProgressBar

# Opens what is backed up while a block lasts.
Reading = Callable[[BackupRequest], contextlib.AbstractContextManager[BackupRequest]]
# A run beside this one goes the other way: what is listed needs nothing that is not.
_KNOWN_BY = (FileKind.SNAPSHOT, FileKind.INDEX, FileKind.PACK)


def back_up_everywhere(
    app: App,
    request: BackupRequest,
    places: Places,
    retry_lock: timedelta,
    patience: SharedPatience | None = None,
    reading: Reading = contextlib.nullcontext,
) -> tuple[BackupResult, dict[str, Outcome]]:
    """Take the snapshot; raises only if no place could get it, or the source failed."""
    keys = places.opened[0].repository.keys
    backends = [each.repository.backend for each in places.opened]
    patience = patience or SharedPatience(each.name for each in places.opened)
    _share(patience, places)
    with (
        # Before the locks, which have threads: processes are forked while there is only one.
        contextlib.closing(open_pool(keys, *backends)) as pool,
        reading(request) as opened,
        contextlib.ExitStack() as locks,
        app.console.progress_bar("backing up") as bar,
    ):
        lock_all(locks, places, retry_lock, read_meanwhile=True)
        ready, behind, known = _divide(places)
        patience.keep_only(each.name for each in ready)
        if request.dry_run:
            ready, behind = ready[:1], []
        result, dropped, leader = _mirror(app, opened, ready, known, bar, pool, patience)
        outcomes = places.outcomes()
        outcomes |= {name: _dropped(name, error) for name, error in dropped.items()}
        if not request.dry_run:
            outcomes |= {each.name: Outcome(WRITTEN) for each in ready if each.name not in dropped}
            patience.note_stored()
            source = next(each for each in ready if each.name == leader)
            for clone in behind:
                outcomes[clone.name] = _catch_up(app, source, clone, ready, bar, result.snapshot.id)
    return result, outcomes


def _share(patience: SharedPatience, places: Places) -> None:
    """A place that is silent is waited for as long as the run can do with the others."""
    for place in places.opened:
        if isinstance(place.repository.backend, RetryBackend):
            place.repository.backend.is_over = partial(patience.is_over, place.name)


def _dropped(name: str, error: OpsError) -> Outcome:
    """It was there when the run began, so it is not just away."""
    step = f"lpse-ops backup sync {name}, or the next run, brings it up to date"
    return Outcome(FAILED, error.message, f"{error.hint}; {step}")


def _divide(places: Places) -> tuple[list[Place], list[Place], Listing]:
    """The leader with those that have all it has, those that are behind it, and what it has."""
    for place in list(places.opened):
        if place not in leading_first([place]):
            places.fail(place.name, _cannot_list(place))
    listings = _list_all(places)
    ordered = [each for each in leading_first(places.opened) if each.name in listings]
    if not ordered:
        raise next(iter(places.errors.values()))
    leader = listings[ordered[0].name]
    ready = [each for each in ordered if is_caught_up(leader, listings[each.name])]
    return ready, [each for each in ordered if each not in ready], leader


def _cannot_list(place: Place) -> OpsError:
    try:
        place.repository.files(FileKind.SNAPSHOT)
    except OpsError as error:
        return error
    return RepositoryLocked(
        f"{place.name} answers only now and then", hint="look at its line, then run it again"
    )


def _list_all(places: Places) -> dict[str, Listing]:
    listings = {}
    with ThreadPoolExecutor(len(places.opened)) as threads:
        asked = {
            place.name: threads.submit(list_files, place.repository.backend, _KNOWN_BY)
            for place in places.opened
        }
        for name, answer in asked.items():
            try:
                listings[name] = answer.result()
            except OpsError as error:
                places.fail(name, error)
    return listings


def _mirror(
    app: App,
    request: BackupRequest,
    ready: list[Place],
    known: Listing,
    bar: "ProgressBar",
    pool: WorkerPool,
    patience: SharedPatience,
) -> tuple[BackupResult, dict[str, OpsError], str]:
    """Back up to all of these; also gives those that failed, and who led in the end."""
    first = ready[0].repository
    # What the leader's cache keeps is for this run; a sync asks the place itself.
    leader = Repository(first.backend, first.keys, first.config, first.key_id)
    use_cache(app, leader)
    mirror = MirrorBackend(
        [
            Member(
                place.name,
                leader.backend if place is ready[0] else place.repository.backend,
                place.repository.before_write,
                place.repository.before_commit,
                partial(patience.lose, place.name),
            )
            for place in ready
        ],
        known={kind: known.sizes[kind] for kind in (FileKind.SNAPSHOT, FileKind.INDEX)},
    )
    repository = Repository(mirror, first.keys, first.config, first.key_id)
    repository.tree_packs = leader.tree_packs
    try:
        result = run_backup(repository, request, PruneBar(bar), pool=pool)
        bar.update(description="storing")
        mirror.finish()
        return result, mirror.dropped, mirror.names[0]
    finally:
        mirror.close()


def _catch_up(
    app: App,
    source: Place,
    clone: Place,
    ready: Iterable[Place],
    bar: "ProgressBar",
    snapshot_id: str,
) -> Outcome:
    bar.update(description=f"syncing {clone.name}")
    others = [each for each in ready if each is not source]
    try:
        report = update_clone(source, clone, others, PruneBar(bar))
        record_sync(app, source, clone, report)
        if not report.problems and clone.repository.backend.exists(
            file_name(FileKind.SNAPSHOT, snapshot_id)
        ):
            return Outcome(WRITTEN)
    except OpsError as error:
        record_sync(app, source, clone, None, error)
        return _dropped(clone.name, error)
    return Outcome(FAILED, (*report.problems, "the snapshot is not there after a sync")[0])
