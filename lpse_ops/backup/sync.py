"""Brings a clone up to date: what it lacks is copied file by file, as it is, never sealed anew.

* Packs, then index files, then snapshots, then keys, ``config`` last: the clone is valid at every
  moment, and a run that was stopped is taken up where it ended.
* Every file is proved by its name, the SHA-256 of its bytes, before it is stored.  What is rotten
  at the source is fetched from another clone that has it whole, or else told; never spread.
* An index file whose packs are not all there is held back, and then all snapshots are, too.
* A file of the right name and another size is replaced only once it is proved to be wrong.
"""

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import NamedTuple

from lpse_ops.backup.config import parse_config
from lpse_ops.backup.indexfile import parse_index
from lpse_ops.backup.progress import ExpectingProgress
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import CONFIG, Backend, FileKind, file_name
from lpse_ops.backup.syncplan import CloneFile, Listing, SyncPlan
from lpse_ops.backup.unpacked import decode_unpacked, stored_id
from lpse_ops.errors import DamagedRepository, FileMissing, OpsError, RepositoryError, StorageError

_SEALED = (FileKind.INDEX, FileKind.SNAPSHOT)
_THREADS = 4
_BYTES_AT_ONCE = 128 << 20
# No tool makes larger files: a listing that says so is not believed.
_LARGEST_BYTES = 1 << 30
# A source that is going away fails each file: say so after a few.
_MAX_PROBLEMS = 20


class Place(NamedTuple):
    """A clone by its name in the settings, opened with the keys that all clones share."""

    name: str
    repository: Repository


@dataclass
class SyncReport:
    """``healed`` tells of files that came from another clone, ``problems`` of what is wrong still.

    ``held_back`` are ids of index files whose packs could not be had whole.
    """

    files: int = 0
    bytes: int = 0
    removed: int = 0
    repaired: list[str] = field(default_factory=list)
    healed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    held_back: list[str] = field(default_factory=list)


def open_clone(backend: Backend, source: Repository, name: str) -> Repository:
    """The repository at a place that is, or is about to be, a clone of ``source``.

    ``RepositoryError`` if another one is there, or what is left of another one.
    """
    clone = Repository(backend, source.keys, source.config, source.key_id)
    if backend.exists(CONFIG):
        _refuse_other(backend, source, name)
    else:
        _refuse_strangers(clone, source, name)
    return clone


def _refuse_other(backend: Backend, source: Repository, name: str) -> None:
    try:
        found = parse_config(backend.load(CONFIG), source.crypter).id
    except DamagedRepository:
        found = ""
    if found != source.config.id:
        raise RepositoryError(
            f"{name} ({backend.location}) holds another repository"
            + (f", {found[:10]}," if found else "")
            + f" than {source.config.id[:10]}, or its config is damaged",
            hint="is another disk plugged in? a clone is made in an empty folder; snapshots of "
            "another repository come by lpse-ops backup copy",
        )


def _refuse_strangers(clone: Repository, source: Repository, name: str) -> None:
    """Files without a config are of a clone that was begun, or of another repository."""
    known = {kind: set(source.files(kind)) for kind in (FileKind.KEY, *_SEALED)}
    strange = any(each not in known[FileKind.KEY] for each in clone.files(FileKind.KEY))
    for kind in _SEALED:
        for file_id in clone.files(kind):
            if file_id not in known[kind] and not strange:
                try:
                    clone.load(kind, file_id)
                except DamagedRepository:
                    strange = True
    if strange:
        raise RepositoryError(
            f"{name} ({clone.backend.location}) holds files of another repository, whose config "
            "is gone",
            hint="give the clone an empty folder; lpse-ops backup key recover brings a config back",
        )


def copy_missing(
    source: Place,
    target: Place,
    others: Sequence[Place],
    plan: SyncPlan,
    there: Listing,
    progress: ExpectingProgress,
    *,
    threads: int = _THREADS,
) -> SyncReport:
    """Carry the plan out, but for ``extra``; the caller holds a lock on both repositories.

    ``there`` is the listing of the target that the plan was made from.  ``StorageError`` if the
    target cannot be written; what is wrong with the source is in the report.
    """
    return _Sync(source, target, others, plan, there, progress, threads).run()


class _Sync:
    def __init__(
        self,
        source: Place,
        target: Place,
        others: Sequence[Place],
        plan: SyncPlan,
        there: Listing,
        progress: ExpectingProgress,
        threads: int,
    ) -> None:
        self._source = source
        self._target = target
        self._others = others
        self._plan = plan
        self._progress = progress
        self._threads = threads
        self._report = SyncReport()
        self._given_up: StorageError | None = None
        self._mutex = threading.Lock()
        self._room = _Room(_BYTES_AT_ONCE)
        differing = {file.id for file in plan.differing}
        # Packs that are known to be whole at the target, as far as a listing knows.
        self._packs = {each for each in there.sizes[FileKind.PACK] if each not in differing}

    def run(self) -> SyncReport:
        plan, report = self._plan, self._report
        self._progress.expect(plan.missing_bytes)
        if plan.needs_config:
            self._target.repository.before_write()
            self._target.repository.backend.prepare()
        wrong = {kind: [each for each in plan.differing if each.kind is kind] for kind in FileKind}
        self._each(self._repair, wrong[FileKind.PACK])
        self._each(self._copy_pack, plan.of(FileKind.PACK))
        for file in (*wrong[FileKind.INDEX], *plan.of(FileKind.INDEX)):
            self._copy_index(file)
        for file in (*wrong[FileKind.SNAPSHOT], *wrong[FileKind.KEY]):
            self._repair(file)
        if not report.held_back:
            for file in plan.of(FileKind.SNAPSHOT):
                self._copy(file)
        for file in plan.of(FileKind.KEY):
            self._copy(file)
        if plan.needs_config and not report.held_back:
            self._copy_config()
        return report

    # -- kinds of files ----------------------------------------------------------------------

    def _copy_pack(self, file: CloneFile) -> None:
        if self._copy(file):
            with self._mutex:
                self._packs.add(file.id)

    def _copy_index(self, file: CloneFile) -> None:
        """Copy or repair an index file once every pack that it names is at the target."""
        is_there = file in self._plan.differing
        if is_there and self._is_right_at_target(file):
            return
        content = self._fetch(file)
        if content is None or not self._has_packs(file.id, content):
            self._report.held_back.append(file.id)
        elif is_there:
            self._replace(file, content)
        else:
            self._store(file, content)

    def _has_packs(self, index_id: str, stored: bytes) -> bool:
        source = self._source.repository
        name = f"index {index_id[:10]}"
        text = decode_unpacked(stored, source.crypter, source.compressor, name)
        lacking = [
            pack_id.hex()
            for pack_id, _ in parse_index(text, index_id)
            if pack_id.hex() not in self._packs
        ]
        for pack_id in lacking:
            # Named, but gone from the source: another clone may have it still.
            self._copy_pack(CloneFile(FileKind.PACK, pack_id, 0))
        return self._packs.issuperset(lacking)

    def _copy_config(self) -> None:
        """Last of all: from now on it is a repository."""
        source = self._source.repository
        content = source.backend.load(CONFIG)
        if parse_config(content, source.crypter).id != source.config.id:
            raise DamagedRepository(
                f"the config of {self._source.name} changed meanwhile",
                hint="run lpse-ops backup sync again",
            )
        self._target.repository.before_write()
        self._target.repository.backend.save(CONFIG, content)
        self._report.files += 1
        self._report.bytes += len(content)

    def _copy(self, file: CloneFile) -> bool:
        with self._room.taken(file.size_bytes):
            content = self._fetch(file)
            if content is not None:
                self._store(file, content)
        return content is not None

    def _repair(self, file: CloneFile) -> None:
        """Replace a file of another size, if it is the target's that is wrong."""
        with self._room.taken(file.size_bytes):
            if not self._is_right_at_target(file):
                content = self._fetch(file)
                if content is None:
                    return
                self._replace(file, content)
        if file.kind is FileKind.PACK:
            with self._mutex:
                self._packs.add(file.id)

    def _is_right_at_target(self, file: CloneFile) -> bool:
        name = file_name(file.kind, file.id)
        if not _is_whole(self._target.repository.backend, name, file.id):
            return False
        self._problem(f"{name} at {self._source.name} is not whole; {self._target.name} has it")
        return True

    def _replace(self, file: CloneFile, content: bytes) -> None:
        """Store over a file that was proved to be wrong, and look."""
        name = file_name(file.kind, file.id)
        backend = self._target.repository.backend
        self._store(file, content)
        if not _is_whole(backend, name, file.id):
            # A place that never replaces a file.
            backend.remove(name)
            self._store(file, content)
        with self._mutex:
            self._report.repaired.append(name)

    # -- one file ----------------------------------------------------------------------------

    def _fetch(self, file: CloneFile) -> bytes | None:
        """The bytes that the name proves, from whoever has them; None if nobody has."""
        if self._given_up is not None:
            raise self._given_up
        name = file_name(file.kind, file.id)
        reasons = []
        for place in (self._source, *self._others):
            reason, content = _load_whole(place.repository.backend, name, file)
            if content is None:
                reasons.append(f"{place.name}: {reason}")
                continue
            if reasons:
                with self._mutex:
                    self._report.healed.append(f"{name} came from {place.name}; {reasons[0]}")
            return content
        self._problem(f"{name} cannot be had whole; " + "; ".join(reasons))
        return None

    def _problem(self, text: str) -> None:
        with self._mutex:
            self._report.problems.append(text)
            if len(self._report.problems) < _MAX_PROBLEMS:
                return
            self._given_up = StorageError(
                f"{_MAX_PROBLEMS} files of {self._source.name} cannot be copied; the last: {text}",
                hint=f"lpse-ops backup check --read-data --destination {self._source.name}",
            )
        raise self._given_up

    def _store(self, file: CloneFile, content: bytes) -> None:
        repository = self._target.repository
        repository.before_write()
        if file.kind in _SEALED:
            repository.before_commit()
        repository.backend.save(file_name(file.kind, file.id), content)
        with self._mutex:
            self._report.files += 1
            self._report.bytes += len(content)
        self._progress.advance(len(content))

    def _each(self, act: Callable[[CloneFile], object], files: Iterable[CloneFile]) -> None:
        """Several at once; the first error stops what is not begun."""
        if self._threads == 1:
            for file in files:
                act(file)
            return
        with ThreadPoolExecutor(self._threads) as pool:
            futures = [pool.submit(act, file) for file in files]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _load_whole(backend: Backend, name: str, file: CloneFile) -> tuple[str, bytes | None]:
    if file.size_bytes > _LARGEST_BYTES:
        return f"it is said to have {file.size_bytes} bytes", None
    try:
        content = backend.load(name)
    except FileMissing:
        return "it is missing", None
    except StorageError as error:
        return error.message, None
    if stored_id(content) != file.id:
        return "it is damaged: its content does not match its name", None
    return "", content


def _is_whole(backend: Backend, name: str, file_id: str) -> bool:
    try:
        return stored_id(backend.load(name)) == file_id
    except OpsError:
        return False


class _Room:
    """Bytes that may be in memory at once; one file always may."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._taken = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def taken(self, size_bytes: int) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(
                lambda: not self._taken or self._taken + size_bytes <= self._limit
            )
            self._taken += size_bytes
        try:
            yield
        finally:
            with self._changed:
                self._taken -= size_bytes
                self._changed.notify_all()
