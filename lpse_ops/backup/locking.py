"""Holds a lock on a repository while a command runs, and keeps it fresh.

The protocol is restic's (spec/restic-format.md, section 13), so both tools respect each other.
"""

import contextlib
import os
import pwd
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lpse_ops.backup.lockfile import (
    REFRESH_EVERY,
    REFRESH_WITHIN,
    Lock,
    encode_lock,
    is_running,
    is_stale,
    is_surely_dead,
    parse_lock,
    read_identity,
    read_start_ticks,
)
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.unpacked import encode_unpacked, stored_id
from lpse_ops.errors import FileMissing, OpsError, RepositoryLocked, StorageError

_SETTLE_SECONDS = 0.2
_FIRST_RETRY_SECONDS = 5.0
_LAST_RETRY_SECONDS = 60.0

# Ids with what is in them; None for one that cannot be read.
Locks = list[tuple[str, Lock | None]]


@dataclass(frozen=True)
class LockTiming:
    """``now`` gives aware wall-clock time, which is what others judge a lock by."""

    now: Callable[[], datetime] = lambda: datetime.now().astimezone()
    sleep: Callable[[float], None] = time.sleep
    refresh_every: timedelta = REFRESH_EVERY
    # Goes on while the machine is suspended, too, and nobody can set it back.
    monotonic: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)


@contextlib.contextmanager
def hold_lock(
    repository: Repository,
    *,
    exclusive: bool = False,
    retry_for: timedelta = timedelta(),
    timing: LockTiming = LockTiming(),
    read_meanwhile: bool = False,
    saw_none: bool = False,
) -> Iterator["HeldLock"]:
    """Lock for the time of the block; every write in it first makes sure the lock is still ours.

    With ``read_meanwhile`` the block begins while the lock settles, and may read: the first write,
    or the end of the block, waits for the second look and raises if there is a conflict after all.
    ``saw_none`` spares the look at those who were there before: the caller has just done it.
    """
    guards = repository.before_write, repository.before_commit
    with hangup_ignored():
        # Who waits for a lock wants it whole.
        settles = not read_meanwhile or bool(retry_for)
        lock = _acquire(
            repository, exclusive, retry_for, timing, settles=settles, saw_none=saw_none
        )
        held = HeldLock(repository, lock, timing, is_settled=settles)
        held.start()
        repository.before_write, repository.before_commit = held.ensure, held.confirm
        try:
            yield held
            held.settle()
        finally:
            repository.before_write, repository.before_commit = guards
            held.release()


@contextlib.contextmanager
def hangup_ignored() -> Iterator[None]:
    """restic unlock sends SIGHUP to the process that a lock names; its default action is death.

    Only the main thread can do something about it: it does so for a lock that another one takes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, previous)


class HeldLock:
    """Refreshes its file from a thread; ``ensure`` raises once it can no longer be relied on."""

    def __init__(
        self, repository: Repository, lock: Lock, timing: LockTiming, *, is_settled: bool = True
    ) -> None:
        self._is_settled = is_settled
        self._written_at = timing.monotonic()
        self._settled_at = self._written_at + _SETTLE_SECONDS
        self._confirmed_at = float("-inf")
        self._repository = repository
        self._timing = timing
        self._lock = lock
        self._leftovers: list[str] = []
        self._mutex = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._refresh_forever, daemon=True)
        self._lost = False

    def start(self) -> None:
        self._thread.start()

    def ensure(self) -> None:
        """Raise ``RepositoryLocked`` if the lock was lost; refresh it if it is overdue."""
        self.settle()
        with self._mutex:
            if not self._lost and self._age() > REFRESH_WITHIN:
                self._recover()
            if self._lost:
                raise _lost("suspended, or a disk away too long")

    def confirm(self) -> None:
        """Raise ``RepositoryLocked`` if somebody removed our lock file, and maybe pruned since."""
        with self._mutex:
            asked_at = self._timing.monotonic()
            # Who has removed it since, and prunes, has waited so long, or has begun just now.
            is_fresh = asked_at - self._confirmed_at < _SETTLE_SECONDS
            if is_fresh and not self._lock.exclusive:
                return
            if not self._is_listed(self._lock.id):
                self._lost = True
                raise _lost("somebody removed it: unlock --remove-all?")
            self._confirmed_at = asked_at

    def settle_when_due(self) -> None:
        """The same as ``settle``, but never waits: call it from time to time."""
        if self._timing.monotonic() >= self._settled_at:
            self.settle()

    def settle(self) -> None:
        """Take the second look, once it is time for it; raises if somebody is there."""
        with self._mutex:
            if self._is_settled:
                return
            left = self._settled_at - self._timing.monotonic()
            if left > 0:
                self._timing.sleep(left)
            others = _load_locks(self._repository, but=self._lock.id)
            _refuse_conflict(others, exclusive=self._lock.exclusive)
            self._is_settled = True

    def refresh(self) -> None:
        """Write a new lock file, then remove the previous one."""
        with self._mutex:
            if self._lost:
                return
            if self._age() > REFRESH_WITHIN:
                self._recover()
            else:
                self._replace()

    def release(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        for lock_id in (*self._leftovers, self._lock.id):
            with contextlib.suppress(OpsError):
                self._repository.remove(FileKind.LOCK, lock_id)

    def _age(self) -> timedelta:
        # By the clock that says more: one may have been set back.
        since = timedelta(seconds=self._timing.monotonic() - self._written_at)
        return max(since, self._timing.now() - self._lock.time)

    def _replace(self) -> None:
        old, written_at = self._lock, self._timing.monotonic()
        self._lock = _save(self._repository, replace(old, time=self._timing.now()))
        self._written_at = written_at
        self._discard(old.id)

    def _discard(self, lock_id: str) -> None:
        """Remove a lock file of ours; if that fails now, at the latest on release."""
        try:
            self._repository.remove(FileKind.LOCK, lock_id)
        except OpsError:
            self._leftovers.append(lock_id)

    def _recover(self) -> None:
        """After too long a silence: go on only if nobody took our lock for stale meanwhile."""
        old = self._lock
        self._lost = True
        if not self._is_listed(old.id):
            return
        written_at = self._timing.monotonic()
        fresh = _save(self._repository, replace(old, time=self._timing.now()))
        self._timing.sleep(_SETTLE_SECONDS)
        if self._is_listed(old.id):
            self._lock, self._lost, self._written_at = fresh, False, written_at
            self._discard(old.id)
        else:
            self._discard(fresh.id)

    def _is_listed(self, lock_id: str) -> bool:
        return lock_id in self._repository.files(FileKind.LOCK)

    def _refresh_forever(self) -> None:
        while not self._stop.wait(self._timing.refresh_every.total_seconds()):
            # A disk away for a moment: the next round, or ensure(), decides.
            with contextlib.suppress(OpsError):
                self.refresh()


def _lost(why: str) -> RepositoryLocked:
    return RepositoryLocked(
        f"the lock on the repository was lost ({why})",
        hint="run the command again; what was stored is kept and used",
    )


def unlock(repository: Repository, now: datetime, *, remove_all: bool = False) -> list[str]:
    """Remove stale locks, or all; return the ids removed."""
    if remove_all:
        removed = repository.files(FileKind.LOCK)
    else:
        locks = _load_locks(repository)
        removed = [each for each, lock in locks if lock and _may_be_unlocked(lock, now)]
    for lock_id in removed:
        repository.remove(FileKind.LOCK, lock_id)
    return removed


def _may_be_unlocked(lock: Lock, now: datetime) -> bool:
    ticks = read_start_ticks(lock.pid)
    if is_surely_dead(lock, read_identity(), ticks):
        return True
    # Mounted with hidepid, /proc does not show the processes of other users.
    alive = ticks is not None or is_running(lock.pid)
    return is_stale(lock, now, socket.gethostname(), alive=alive)


def _acquire(
    repository: Repository,
    exclusive: bool,
    retry_for: timedelta,
    timing: LockTiming,
    *,
    settles: bool,
    saw_none: bool,
) -> Lock:
    deadline = timing.now() + retry_for
    pause = _FIRST_RETRY_SECONDS
    while True:
        try:
            return _try_to_acquire(
                repository, exclusive, timing, settles=settles, saw_none=saw_none
            )
        except RepositoryLocked:
            saw_none = False
            if timing.now() + timedelta(seconds=pause) > deadline:
                raise
        timing.sleep(pause)
        pause = min(2 * pause, _LAST_RETRY_SECONDS)


def _try_to_acquire(
    repository: Repository, exclusive: bool, timing: LockTiming, *, settles: bool, saw_none: bool
) -> Lock:
    # Of those who are there already; who comes from now on sees our file, or we his.
    there = [] if saw_none else _remove_own_dead(repository, _load_locks(repository))
    _refuse_conflict(there, exclusive=exclusive)
    lock = _save(repository, _new_lock(exclusive, timing.now()))
    try:
        # Two who look at the same moment must both see the other's file.
        if settles:
            timing.sleep(_SETTLE_SECONDS)
        # Without the pause, too: whoever begins after this look sees our file and stops, and
        # whoever removed something before it has also removed it from what is read from now on.
        _refuse_conflict(_load_locks(repository, but=lock.id), exclusive=exclusive)
    except BaseException:
        repository.remove(FileKind.LOCK, lock.id)
        raise
    return lock


def _remove_own_dead(repository: Repository, locks: Locks) -> Locks:
    """Remove the locks of processes of this machine that are gone; return the others."""
    here = read_identity()
    left: Locks = []
    for lock_id, lock in locks:
        if lock is not None and is_surely_dead(lock, here, read_start_ticks(lock.pid)):
            # Where nothing can be removed, nothing can be locked either: that is what to report.
            with contextlib.suppress(StorageError):
                repository.remove(FileKind.LOCK, lock_id)
                continue
        left.append((lock_id, lock))
    return left


def _refuse_conflict(locks: Locks, *, exclusive: bool) -> None:
    for lock_id, lock in locks:
        if lock is None:
            raise RepositoryLocked(
                f"lock {lock_id[:10]} cannot be read",
                hint="if no other backup runs: lpse-ops backup unlock --remove-all",
            )
        if exclusive or lock.exclusive:
            kind = "exclusively " if lock.exclusive else ""
            raise RepositoryLocked(
                f"the repository is {kind}locked by PID {lock.pid} on {lock.hostname} "
                f"({lock.username}) since {lock.time:%Y-%m-%d %H:%M:%S %z}",
                hint="wait with --retry-lock 10m; if that process is gone: lpse-ops backup unlock",
            )


def _load_locks(repository: Repository, but: str = "") -> Locks:
    """Every lock with its id, except our own."""
    found: Locks = []
    # The whole list before the first of them is read: they come and go.
    for file in list(repository.backend.files(FileKind.LOCK)):
        # Empty: a crash of an old restic; every version ignores it.
        if file.size_bytes == 0 or file.id == but:
            continue
        try:
            found.append((file.id, parse_lock(repository.load(FileKind.LOCK, file.id), file.id)))
        except FileMissing:  # released since it was listed
            continue
        except OpsError:
            found.append((file.id, None))
    return found


def _new_lock(exclusive: bool, now: datetime) -> Lock:
    return Lock(
        time=now,
        exclusive=exclusive,
        hostname=socket.gethostname(),
        username=_user_name(),
        pid=os.getpid(),
        uid=os.getuid(),
        gid=os.getgid(),
        owner=read_identity(),
    )


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _save(repository: Repository, lock: Lock) -> Lock:
    """Store a lock; not through ``Repository.save``, whose guard asks for this very lock."""
    stored = encode_unpacked(encode_lock(lock), repository.crypter, repository.compressor)
    lock_id = stored_id(stored)
    try:
        repository.backend.save(file_name(FileKind.LOCK, lock_id), stored)
    except StorageError as error:
        with contextlib.suppress(OpsError):  # reported as failed, but there after all
            repository.remove(FileKind.LOCK, lock_id)
        if lock.exclusive:
            raise
        raise StorageError(
            f"cannot lock the repository: {error.message}",
            hint=f"{error.hint}; a command that only reads can do without: --no-lock",
        ) from error
    return replace(lock, id=lock_id)
