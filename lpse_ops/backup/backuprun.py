"""One backup: choose the parent, store the sources, and save the snapshot last of all.

spec/restic-format.md, section 15: packs, then indexes, then the snapshot, each durable before the
next.  A failed dump or a lost lock raises before the snapshot: nothing that looks complete is kept.
"""

import os
import pwd
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from lpse_ops.backup.archiver import Archiver, Stream
from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.blobsaver import BlobSaver, SavedBlobs, open_pool
from lpse_ops.backup.collector import rare_collections
from lpse_ops.backup.exclusions import NO_EXCLUSIONS, Exclusions
from lpse_ops.backup.filereader import ArchiveCounts
from lpse_ops.backup.gotime import format_datetime
from lpse_ops.backup.laterepository import LateRepository, opened
from lpse_ops.backup.localsource import LocalSource
from lpse_ops.backup.progress import ExpectingProgress
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot, as_stored
from lpse_ops.backup.source import Source
from lpse_ops.backup.targets import plan_targets
from lpse_ops.backup.unfinished import UnfinishedRuns
from lpse_ops.backup.workerpool import WorkerPool
from lpse_ops.errors import HostUnreachable, SourceUnreadable, UsageError

# The folder of a snapshot that holds dumps and the manifest.
OWN_FOLDER = b"/lpse-ops"


@dataclass(frozen=True)
class BackupRequest:
    """``paths`` are absolute, as ``source`` has them.

    ``manifest`` makes the last file from what was met, or None.
    """

    paths: tuple[bytes, ...]
    hostname: str
    time: datetime
    source: Source = field(default_factory=LocalSource)
    unfinished: UnfinishedRuns = field(default_factory=UnfinishedRuns)
    exclusions: Exclusions = NO_EXCLUSIONS
    streams: Sequence[Stream] = ()
    manifest: Callable[[ArchiveCounts], Stream | None] = field(default=lambda _: None)
    has_own_folder: bool = False
    excludes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    parent: str | None = None
    force: bool = False
    one_file_system: bool = False
    dry_run: bool = False
    program_version: str = ""
    warn: Callable[[str], None] = field(default=lambda _: None)
    now: Callable[[], datetime] = field(default=lambda: datetime.now().astimezone())


@dataclass(frozen=True)
class BackupResult:
    """``snapshot.id`` is empty after a dry run."""

    snapshot: Snapshot
    counts: ArchiveCounts
    saved: SavedBlobs
    bytes_read: int


@dataclass(frozen=True)
class _Known:
    """What a backup goes by: ``tree`` is the parent's, or what a lost host left of one.

    ``repository`` is that of the tree.
    """

    index: BlobIndex
    parent: Snapshot | None = None
    tree: bytes | None = None
    repository: Repository | None = None


@rare_collections()
def run_backup(
    repository: Repository | LateRepository,
    request: BackupRequest,
    progress: ExpectingProgress,
    *,
    workers: int = 0,
    pool: WorkerPool | None = None,
) -> BackupResult:
    """Make one snapshot; the caller holds a lock on the repository.

    A ``pool`` that is given may start while the lock is being taken; it is closed in the end.
    A late repository is one with nothing in it, whose lock is taken by the time it is there.
    """
    _refuse_nothing(request)
    _refuse_own_folder(request)
    started = request.now()
    paths = snapshot_paths(request)
    known = _load(repository, request, paths)
    parent = known.parent
    if parent is not None:
        # What there was last time is the best guess of what there is to do.
        progress.expect(int(parent.summary.get("total_bytes_processed", 0)))
    saver = BlobSaver(
        repository,
        known.index,
        pool or open_pool(None, repository.backend, workers=workers),
        dry_run=request.dry_run,
    )
    archiver = Archiver(
        request.source,
        known.repository,
        known.index,
        saver,
        request.exclusions,
        progress,
        one_file_system=request.one_file_system,
        time_ns=int(request.time.timestamp()) * 1_000_000_000,
    )
    try:
        saver.remove_junk()
        tree = archiver.store(
            request.streams,
            plan_targets(request.paths),
            known.tree,
            lambda: request.manifest(archiver.counts),
        )
        saver.finish()
    except HostUnreachable:
        # What came over the line is kept: the next run finds it in an index.
        saver.finish()
        if archiver.unfinished_tree and not request.dry_run:
            key = _run_key(opened(repository), request, paths)
            request.unfinished.keep(archiver.unfinished_tree, *key)
        raise
    finally:
        saver.close()
    snapshot = Snapshot(
        time=request.time,
        tree=tree,
        paths=paths,
        hostname=request.hostname,
        username=_user_name(),
        uid=os.getuid(),
        gid=os.getgid(),
        excludes=request.excludes,
        tags=request.tags,
        parent=parent.id if parent else "",
        program_version=request.program_version,
        summary={
            "backup_start": format_datetime(started),
            "backup_end": format_datetime(request.now()),
            **archiver.summary(),
            **vars(saver.saved),
        },
    )
    if not request.dry_run:
        snapshot = replace(snapshot, id=opened(repository).save_snapshot(snapshot))
        request.unfinished.forget(*_run_key(opened(repository), request, paths))
    return BackupResult(snapshot, archiver.counts, saver.saved, archiver.counts.bytes_read)


def _load(
    repository: Repository | LateRepository, request: BackupRequest, paths: tuple[str, ...]
) -> _Known:
    if isinstance(repository, LateRepository):
        return _Known(BlobIndex())
    repository.ensure_writable()
    # Snapshots before indexes: an index read first could miss what a newer snapshot needs.
    parent = choose_parent(repository.snapshots(request.warn), request, paths)
    tree = parent.tree if parent else _unfinished_tree(repository, request, paths)
    return _Known(repository.load_index(), parent, tree, repository)


def snapshot_paths(request: BackupRequest) -> tuple[str, ...]:
    """What the snapshot records as its paths; they never change for a site."""
    paths = {os.path.normpath(path) for path in request.paths}
    if request.has_own_folder:
        paths.add(OWN_FOLDER)
    return tuple(as_stored(os.fsdecode(path)) for path in sorted(paths))


def choose_parent(
    snapshots: Sequence[Snapshot], request: BackupRequest, paths: tuple[str, ...]
) -> Snapshot | None:
    """The newest snapshot of the same host and paths, as restic chooses."""
    if request.force:
        return None
    if request.parent is not None:
        return next(each for each in snapshots if each.id == request.parent)
    same = [
        each
        for each in snapshots
        if each.hostname == request.hostname and each.paths == paths and each.time <= request.time
    ]
    return max(same, key=lambda each: each.time, default=None)


def _unfinished_tree(
    repository: Repository, request: BackupRequest, paths: tuple[str, ...]
) -> bytes | None:
    """What there is of the first backup of all, if the host was lost while it was made."""
    if request.force or request.parent is not None:
        return None
    return request.unfinished.find(*_run_key(repository, request, paths))


def _run_key(
    repository: Repository, request: BackupRequest, paths: tuple[str, ...]
) -> tuple[str, str, tuple[str, ...]]:
    return repository.config.id, request.hostname, paths


def _refuse_own_folder(request: BackupRequest) -> None:
    """Dumps and the manifest stand in a folder that a real one must not meet."""
    if not request.has_own_folder:
        return
    for path in map(os.path.normpath, request.paths):
        meets = path == b"/" and request.source.exists(OWN_FOLDER)
        if meets or path == OWN_FOLDER or path.startswith(OWN_FOLDER + b"/"):
            raise UsageError(
                f"{os.fsdecode(path)} cannot be backed up: {os.fsdecode(OWN_FOLDER)} is where the "
                "snapshot keeps dumps and manifest",
                hint=f"move {os.fsdecode(OWN_FOLDER)} on this machine to another name",
            )


def _refuse_nothing(request: BackupRequest) -> None:
    """A backup of paths that are all gone would look like a good one of an empty server."""
    if request.paths and not any(map(request.source.exists, request.paths)):
        listed = ", ".join(os.fsdecode(path) for path in request.paths)
        raise SourceUnreadable(
            f"none of the paths exists: {listed}",
            hint="is the disk with the documents mounted? see backup.paths in lpse-ops.yml",
        )


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""
