"""The lock protocol with a clock that jumps and a disk that fails; a live restic is in
``test_locking_against_restic.py``."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.config import Config
from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.lockfile import Lock, encode_lock, parse_lock, read_identity
from lpse_ops.backup.locking import LockTiming, hangup_ignored, hold_lock, unlock
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import Backend, FileKind, StoredFile
from lpse_ops.backup.storage.fault import Fault, FaultBackend, Plan, fault_at
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import OpsError, RepositoryLocked, StorageError
from tests.backup.cheap_repository import KEYS
from tests.backup.smalldisk import make_read_only, mount_small_disk
from tests.fakes import FixedClock

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOST = socket.gethostname()


class Sleeper:
    """Sleeps by moving the clock; ``meanwhile`` is what others do in that time."""

    def __init__(self, clock: FixedClock) -> None:
        self.clock = clock
        self.pauses: list[float] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock.advance(timedelta(seconds=seconds))
        self.meanwhile()


@pytest.fixture
def sleeper() -> Sleeper:
    return Sleeper(FixedClock(NOON))


@pytest.fixture
def timing(sleeper: Sleeper) -> LockTiming:
    return LockTiming(
        sleeper.clock.now, sleeper.sleep, monotonic=lambda: sleeper.clock.now().timestamp()
    )


@pytest.fixture
def repository() -> Repository:
    return open_at(MemoryBackend())


def open_at(backend: Backend) -> Repository:
    return Repository(backend, KEYS, Config("", 0))


def locks(repository: Repository) -> list[Lock]:
    ids = repository.files(FileKind.LOCK)
    return [parse_lock(repository.load(FileKind.LOCK, each), each) for each in ids]


def another_lock(**changes: object) -> Lock:
    """As a restic on another machine writes it."""
    return replace(Lock(NOON, False, "other", "budi", 4711), **changes)  # type: ignore[arg-type]


def save_lock(repository: Repository, lock: Lock) -> str:
    return repository.save(FileKind.LOCK, encode_lock(lock))


def save_lock_unguarded(repository: Repository, lock: Lock) -> None:
    """As another process does, which asks our lock nothing."""
    save_lock(open_at(repository.backend), lock)


def remove_locks(repository: Repository) -> None:
    for lock_id in repository.files(FileKind.LOCK):
        repository.remove(FileKind.LOCK, lock_id)


# --- taking and releasing -------------------------------------------------------------------------


@pytest.mark.parametrize("exclusive", [True, False])
def test_the_lock_is_there_for_the_time_of_the_block(
    repository: Repository, timing: LockTiming, exclusive: bool
) -> None:
    with hold_lock(repository, exclusive=exclusive, timing=timing):
        (lock,) = locks(repository)
        assert (lock.exclusive, lock.hostname, lock.pid) == (exclusive, HOST, os.getpid())
        assert lock.owner == read_identity()
        assert lock.time == NOON
    assert locks(repository) == []


def test_who_was_seen_not_to_be_there_is_found_by_the_look_behind_the_lock(
    repository: Repository, timing: LockTiming
) -> None:
    save_lock(repository, another_lock(exclusive=True))
    with pytest.raises(RepositoryLocked), hold_lock(repository, timing=timing, saw_none=True):
        pass
    assert [lock.hostname for lock in locks(repository)] == ["other"]


def test_who_tries_again_looks_at_all_locks_again(
    repository: Repository, timing: LockTiming, sleeper: Sleeper
) -> None:
    save_lock(repository, another_lock(exclusive=True))

    def leave_after_a_while() -> None:
        if len(sleeper.pauses) == 3:
            remove_locks(repository)

    sleeper.meanwhile = leave_after_a_while
    with hold_lock(repository, timing=timing, retry_for=10 * MINUTE, saw_none=True):
        assert [lock.hostname for lock in locks(repository)] == [HOST]


def test_hangup_is_ignored_for_a_lock_that_a_thread_takes(repository: Repository) -> None:
    before = signal.getsignal(signal.SIGHUP)
    with hangup_ignored():
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    assert signal.getsignal(signal.SIGHUP) == before


def test_the_lock_is_released_after_an_error(repository: Repository, timing: LockTiming) -> None:
    with pytest.raises(KeyboardInterrupt), hold_lock(repository, timing=timing):
        raise KeyboardInterrupt
    assert locks(repository) == []


@pytest.mark.parametrize(
    ("theirs", "ours", "conflict"),
    [(False, False, False), (False, True, True), (True, False, True), (True, True, True)],
)
def test_only_shared_locks_go_together(
    repository: Repository, timing: LockTiming, theirs: bool, ours: bool, conflict: bool
) -> None:
    save_lock(repository, another_lock(exclusive=theirs))
    if not conflict:
        with hold_lock(repository, exclusive=ours, timing=timing):
            assert len(locks(repository)) == 2
    else:
        with pytest.raises(RepositoryLocked), hold_lock(repository, exclusive=ours, timing=timing):
            raise AssertionError
    assert len(locks(repository)) == 1


def test_who_holds_it_is_named_and_what_to_do(repository: Repository, timing: LockTiming) -> None:
    save_lock(repository, another_lock(exclusive=True))
    expected = r"exclusively locked by PID 4711 on other \(budi\) since 2026-03-09 12:00:00 \+0000"
    with (
        pytest.raises(RepositoryLocked, match=expected) as refused,
        hold_lock(repository, timing=timing),
    ):
        raise AssertionError
    assert "--retry-lock" in refused.value.hint
    assert "lpse-ops backup unlock" in refused.value.hint


def test_of_two_at_the_same_moment_the_one_that_sees_the_other_gives_way(
    repository: Repository, timing: LockTiming, sleeper: Sleeper
) -> None:
    sleeper.meanwhile = lambda: save_lock(repository, another_lock(exclusive=True))
    with pytest.raises(RepositoryLocked), hold_lock(repository, timing=timing):
        raise AssertionError
    assert [lock.hostname for lock in locks(repository)] == ["other"]
    assert sleeper.pauses == [0.2]


def test_an_old_lock_still_counts(repository: Repository, timing: LockTiming) -> None:
    save_lock(repository, another_lock(exclusive=True, time=NOON - timedelta(days=400)))
    with pytest.raises(RepositoryLocked), hold_lock(repository, timing=timing):
        raise AssertionError


def test_with_retry_it_waits_until_the_other_is_done(
    repository: Repository, timing: LockTiming, sleeper: Sleeper
) -> None:
    save_lock(repository, another_lock(exclusive=True))
    sleeper.meanwhile = lambda: len(sleeper.pauses) == 3 and remove_locks(repository)
    with hold_lock(repository, retry_for=10 * MINUTE, timing=timing):
        assert sleeper.pauses == [5.0, 10.0, 20.0, 0.2]


def test_with_retry_it_gives_up_in_time(
    repository: Repository, timing: LockTiming, sleeper: Sleeper
) -> None:
    save_lock(repository, another_lock(exclusive=True))
    with (
        pytest.raises(RepositoryLocked),
        hold_lock(repository, retry_for=5 * MINUTE, timing=timing),
    ):
        raise AssertionError
    assert sleeper.pauses == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 60.0]
    assert sleeper.clock.now() <= NOON + 5 * MINUTE


class Vanishing(MemoryBackend):
    """Lists a lock that is released before it can be loaded."""

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        yield StoredFile("ab" * 32, 100)
        yield from super().files(kind)


def test_a_lock_released_since_it_was_listed_does_not_count(timing: LockTiming) -> None:
    repository = open_at(Vanishing())
    with hold_lock(repository, exclusive=True, timing=timing):
        pass


# --- reading while the lock settles ---------------------------------------------------------------


def test_reading_may_begin_at_once_and_the_first_write_waits(
    repository: Repository, timing: LockTiming, sleeper: Sleeper
) -> None:
    with hold_lock(repository, timing=timing, read_meanwhile=True):
        assert repository.files(FileKind.SNAPSHOT) == []
        sleeper.clock.advance(timedelta(seconds=0.05))
        assert sleeper.pauses == []
        repository.save(FileKind.SNAPSHOT, b"{}")
        repository.save(FileKind.SNAPSHOT, b"[]")
        assert sleeper.pauses == [pytest.approx(0.15)]
    assert sleeper.pauses == [pytest.approx(0.15)]


def test_work_that_took_long_enough_waits_no_longer(
    repository: Repository, timing: LockTiming, sleeper: Sleeper
) -> None:
    with hold_lock(repository, timing=timing, read_meanwhile=True):
        sleeper.clock.advance(timedelta(seconds=0.3))
        repository.save(FileKind.SNAPSHOT, b"{}")
    assert sleeper.pauses == []


def test_one_who_came_at_the_same_moment_is_seen_before_anything_is_written(
    repository: Repository, timing: LockTiming
) -> None:
    def read_and_write() -> None:
        with hold_lock(repository, timing=timing, read_meanwhile=True):
            save_lock_unguarded(repository, another_lock(exclusive=True))
            repository.save(FileKind.SNAPSHOT, b"{}")

    with pytest.raises(RepositoryLocked):
        read_and_write()
    assert repository.files(FileKind.SNAPSHOT) == []
    assert [lock.hostname for lock in locks(repository)] == ["other"]


def test_what_was_only_read_counts_only_if_nobody_came(
    repository: Repository, timing: LockTiming, sleeper: Sleeper
) -> None:
    with (
        pytest.raises(RepositoryLocked),
        hold_lock(repository, timing=timing, read_meanwhile=True),
    ):
        save_lock_unguarded(repository, another_lock(exclusive=True))
    assert sleeper.pauses == [pytest.approx(0.2)]


def test_one_who_was_there_before_is_seen_before_anything_is_read(
    repository: Repository, timing: LockTiming
) -> None:
    save_lock(repository, another_lock(exclusive=True))
    with (
        pytest.raises(RepositoryLocked),
        hold_lock(repository, timing=timing, read_meanwhile=True),
    ):
        raise AssertionError


class CountingBackend(MemoryBackend):
    """Notes what is asked of the locks."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        self.asked.append(f"list {kind}")
        return super().files(kind)

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        self.asked.append(f"load {name}")
        return super().load(name, offset, length)


def test_three_looks_at_a_place_that_is_far_and_nobody_reads_his_own_lock(
    timing: LockTiming,
) -> None:
    backend = CountingBackend()
    repository = open_at(backend)
    other = save_lock(repository, another_lock())
    with hold_lock(repository, timing=timing, read_meanwhile=True) as held:
        held.settle()
        assert backend.asked == ["list locks", f"load locks/{other}"] * 3


class LateLister(MemoryBackend):
    """An exclusive lock appears once ours is written."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[tuple[str, bytes]] = []

    def save(self, name: str, content: Buffer) -> None:
        super().save(name, content)
        if self.late and name.startswith("locks/"):
            super().save(*self.late.pop())


def test_one_who_came_while_our_lock_was_written_is_seen_before_anything_is_read(
    timing: LockTiming, sleeper: Sleeper
) -> None:
    backend = LateLister()
    repository = open_at(backend)
    other = save_lock(repository, another_lock(exclusive=True))
    backend.late = [(f"locks/{other}", backend.load(f"locks/{other}"))]
    remove_locks(repository)
    with (
        pytest.raises(RepositoryLocked),
        hold_lock(repository, timing=timing, read_meanwhile=True),
    ):
        raise AssertionError
    assert sleeper.pauses == []


def test_who_waits_for_a_lock_waits_until_it_has_settled(
    repository: Repository, timing: LockTiming, sleeper: Sleeper
) -> None:
    with hold_lock(repository, retry_for=MINUTE, timing=timing, read_meanwhile=True):
        assert sleeper.pauses == [0.2]


# --- locks of the dead ----------------------------------------------------------------------------


def dead_pid() -> int:
    with subprocess.Popen(["true"]) as process:
        pass
    return process.pid


def own_lock(*, exclusive: bool = True, **changes: object) -> Lock:
    owner = replace(read_identity(), **changes)  # type: ignore[arg-type]
    return another_lock(exclusive=exclusive, hostname=HOST, pid=owner.pid, owner=owner)


@pytest.mark.parametrize(
    "changes",
    [
        {"pid": dead_pid()},
        {"boot_id": "another boot", "pid": 1},
        {"start_ticks": 1},
    ],
    ids=["killed", "before the last boot", "its PID belongs to another now"],
)
def test_our_own_dead_locks_are_cleared_without_asking(
    repository: Repository, timing: LockTiming, changes: dict[str, object]
) -> None:
    save_lock(repository, own_lock(**changes))
    with hold_lock(repository, exclusive=True, timing=timing):
        assert len(locks(repository)) == 1


@pytest.mark.parametrize(
    "lock",
    [
        own_lock(pid=dead_pid(), machine_id="a clone/1234"),
        own_lock(pid=dead_pid(), pid_namespace="pid:[1]"),
        another_lock(exclusive=True, hostname=HOST, pid=dead_pid()),
        own_lock(),
    ],
    ids=["another machine", "another container", "a restic of this host", "alive"],
)
def test_locks_that_may_be_alive_are_left_alone(
    repository: Repository, timing: LockTiming, lock: Lock
) -> None:
    save_lock(repository, lock)
    with pytest.raises(RepositoryLocked), hold_lock(repository, timing=timing):
        raise AssertionError
    assert len(locks(repository)) == 1


def test_an_empty_lock_file_is_ignored(repository: Repository, timing: LockTiming) -> None:
    repository.backend.save(f"locks/{'ab' * 32}", b"")
    with hold_lock(repository, exclusive=True, timing=timing):
        pass


@pytest.mark.parametrize("content", [b"\0" * 200, b"x"])
def test_a_lock_that_cannot_be_read_blocks_and_the_hint_says_how_to_remove_it(
    repository: Repository, timing: LockTiming, content: bytes
) -> None:
    repository.backend.save(f"locks/{'ab' * 32}", content)
    with pytest.raises(RepositoryLocked, match="lock ababababab cannot be read") as refused:
        hold_lock(repository, timing=timing).__enter__()
    assert "unlock --remove-all" in refused.value.hint


# --- unlock ---------------------------------------------------------------------------------------


def test_unlock_removes_what_is_stale_and_nothing_else(repository: Repository) -> None:
    stale = {
        save_lock(repository, another_lock(time=NOON - 31 * MINUTE)),
        save_lock(repository, another_lock(hostname=HOST, pid=dead_pid())),
        save_lock(repository, own_lock(boot_id="another boot")),
    }
    kept = {
        save_lock(repository, another_lock(time=NOON - 29 * MINUTE)),
        save_lock(repository, another_lock(hostname=HOST, pid=os.getpid())),
    }
    repository.backend.save(f"locks/{'ab' * 32}", b"cannot be read")
    assert set(unlock(repository, NOON)) == stale
    assert set(repository.files(FileKind.LOCK)) == kept | {"ab" * 32}


def test_unlock_all_removes_also_what_cannot_be_read(repository: Repository) -> None:
    save_lock(repository, another_lock())
    repository.backend.save(f"locks/{'ab' * 32}", b"cannot be read")
    repository.backend.save(f"locks/{'cd' * 32}", b"")
    assert len(unlock(repository, NOON, remove_all=True)) == 3
    assert repository.files(FileKind.LOCK) == []


# --- refreshing -----------------------------------------------------------------------------------


def test_a_refresh_writes_a_new_file_and_then_removes_the_old(
    timing: LockTiming, sleeper: Sleeper
) -> None:
    backend = FaultBackend(MemoryBackend())
    repository = open_at(backend)
    with hold_lock(repository, exclusive=True, timing=timing) as held:
        (before,) = locks(repository)
        sleeper.clock.advance(5 * MINUTE)
        held.refresh()
        (after,) = locks(repository)
        assert after == replace(before, time=sleeper.clock.now(), id=after.id)
        assert backend.operations[1:] == [
            ("save", f"locks/{after.id}"),
            ("remove", f"locks/{before.id}"),
        ]
    assert locks(repository) == []


def test_it_is_refreshed_from_a_thread(repository: Repository) -> None:
    quick = LockTiming(refresh_every=timedelta(milliseconds=10))
    with hold_lock(repository, timing=quick):
        seen: set[str] = set()
        deadline = time.monotonic() + 20
        while len(seen) < 3:
            assert time.monotonic() < deadline
            seen |= set(repository.files(FileKind.LOCK))
            time.sleep(0.001)
    assert locks(repository) == []


def fail_some_saves(number: int, operation: str, _name: str) -> Fault | None:
    return Fault.ERROR if operation == "save" and number in (1, 2, 3) else None


def test_the_thread_goes_on_after_a_disk_was_away_for_a_moment() -> None:
    backend = FaultBackend(MemoryBackend(), fail_some_saves)
    repository = open_at(backend)
    quick = LockTiming(refresh_every=timedelta(milliseconds=5))
    with hold_lock(repository, timing=quick) as held:
        first = repository.files(FileKind.LOCK)
        deadline = time.monotonic() + 20
        while not set(first).isdisjoint(repository.files(FileKind.LOCK)):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        held.ensure()


def remove_fails(number: int, operation: str, _name: str) -> Fault | None:
    return Fault.ERROR if (number, operation) == (2, "remove") else None


@pytest.mark.parametrize(
    "plan", [remove_fails, fault_at(1, Fault.ERROR_AFTER)], ids=["remove fails", "save half fails"]
)
def test_no_lock_stays_behind_when_a_refresh_fails(
    timing: LockTiming, sleeper: Sleeper, plan: Plan
) -> None:
    repository = open_at(FaultBackend(MemoryBackend(), plan))
    with hold_lock(repository, timing=timing) as held:
        for _ in range(3):
            sleeper.clock.advance(5 * MINUTE)
            try:
                held.refresh()
            except StorageError:
                continue
        held.ensure()
    assert repository.files(FileKind.LOCK) == []


# --- after a long silence -------------------------------------------------------------------------


def test_up_to_22_minutes_of_silence_nothing_is_asked(timing: LockTiming, sleeper: Sleeper) -> None:
    backend = FaultBackend(MemoryBackend())
    with hold_lock(open_at(backend), timing=timing) as held:
        sleeper.clock.advance(22 * MINUTE)
        held.ensure()
        assert len(backend.operations) == 1


@pytest.mark.parametrize("how", ["ensure", "refresh"])
def test_after_a_suspend_it_goes_on_if_nobody_took_the_lock_away(
    repository: Repository, timing: LockTiming, sleeper: Sleeper, how: str
) -> None:
    with hold_lock(repository, timing=timing) as held:
        sleeper.clock.advance(45 * MINUTE)
        getattr(held, how)()
        (lock,) = locks(repository)
        assert lock.time == NOON + 45 * MINUTE + timedelta(seconds=0.2)
        repository.save_index([])
    assert locks(repository) == []


@pytest.mark.parametrize("is_taken_late", [True, False])
def test_after_a_suspend_nothing_is_written_if_the_lock_was_taken_away(
    repository: Repository, timing: LockTiming, sleeper: Sleeper, is_taken_late: bool
) -> None:
    with hold_lock(repository, timing=timing) as held:
        (ours,) = repository.files(FileKind.LOCK)
        take_away = lambda: repository.remove(FileKind.LOCK, ours)  # noqa: E731
        if is_taken_late:
            sleeper.meanwhile = take_away
        else:
            take_away()
        sleeper.clock.advance(45 * MINUTE)
        for write in (
            held.ensure,
            lambda: repository.save_index([]),
            lambda: repository.save_pack("ab" * 32, b"x"),
            lambda: repository.remove(FileKind.PACK, "ab" * 32),
        ):
            with pytest.raises(RepositoryLocked, match="lock on the repository was lost") as lost:
                write()
            assert "run the command again" in lost.value.hint
        held.refresh()
        assert contents(repository) == {}


def contents(repository: Repository) -> dict[str, bytes]:
    assert isinstance(repository.backend, MemoryBackend)
    return repository.backend.contents


def test_a_clock_set_back_does_not_lose_the_lock(
    repository: Repository, timing: LockTiming, sleeper: Sleeper
) -> None:
    with hold_lock(repository, timing=timing) as held:
        sleeper.clock.advance(-24 * 60 * MINUTE)
        held.ensure()
        held.refresh()
        (lock,) = locks(repository)
        assert lock.time == sleeper.clock.now()


def test_the_guard_is_in_place_only_while_the_lock_is_held(
    repository: Repository, timing: LockTiming, sleeper: Sleeper
) -> None:
    before = repository.before_write
    with hold_lock(repository, timing=timing) as held:
        assert repository.before_write == held.ensure
    assert repository.before_write == before
    sleeper.clock.advance(60 * MINUTE)
    repository.save_index([])


# --- signals and read-only media ------------------------------------------------------------------


def test_hangup_is_ignored_while_locked_and_only_then(
    repository: Repository, timing: LockTiming
) -> None:
    before = signal.getsignal(signal.SIGHUP)
    with hold_lock(repository, timing=timing):
        os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    assert signal.getsignal(signal.SIGHUP) == before
    save_lock(repository, another_lock(exclusive=True))
    with pytest.raises(RepositoryLocked), hold_lock(repository, timing=timing):
        raise AssertionError
    assert signal.getsignal(signal.SIGHUP) == before


def test_a_lock_may_be_held_by_another_thread(repository: Repository, timing: LockTiming) -> None:
    seen: list[int] = []

    def hold() -> None:
        with hold_lock(repository, timing=timing):
            seen.append(len(locks(repository)))

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert seen == [1]


@pytest.mark.parametrize("leftover", [None, own_lock(boot_id="another boot", exclusive=False)])
def test_on_a_read_only_disk_the_hint_names_no_lock(
    tmp_path: Path, timing: LockTiming, leftover: Lock | None
) -> None:
    with mount_small_disk(tmp_path / "disk") as disk:
        repository = open_at(LocalBackend(disk))
        if leftover is not None:
            save_lock(repository, leftover)
        make_read_only(disk)
        error = error_of(repository, timing, exclusive=False)
        assert "cannot lock the repository" in error.message
        assert "Read-only file system" in error.message
        assert "--no-lock" in error.hint
        assert "--no-lock" not in error_of(repository, timing, exclusive=True).hint


def error_of(repository: Repository, timing: LockTiming, *, exclusive: bool) -> OpsError:
    with pytest.raises(OpsError) as refused:
        hold_lock(repository, exclusive=exclusive, timing=timing).__enter__()
    return refused.value


@pytest.mark.parametrize("kind", [FileKind.INDEX, FileKind.SNAPSHOT])
def test_who_lost_the_lock_file_neither_names_nor_forgets_anything(
    repository: Repository, sleeper: Sleeper, timing: LockTiming, kind: FileKind
) -> None:
    """After ``unlock --remove-all`` somebody else may have pruned what this run relies on."""
    stored = repository.save(kind, b"{}")
    with hold_lock(repository, timing=timing):
        repository.save(kind, b'{"a":1}')
        remove_locks(repository)
        sleeper.sleep(0.2)
        before = repository.files(kind)
        with pytest.raises(RepositoryLocked, match="somebody removed it"):
            repository.save(kind, b'{"b":2}')
        with pytest.raises(RepositoryLocked):
            repository.remove(kind, stored)
        assert repository.files(kind) == before
        with pytest.raises(RepositoryLocked):  # and from then on nothing at all
            repository.save_pack("00" * 32, b"x")


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_lock_that_was_seen_just_now_is_not_looked_for_again_by_who_removes_nothing(
    repository: Repository, timing: LockTiming, exclusive: bool
) -> None:
    with hold_lock(repository, exclusive=exclusive, timing=timing):
        repository.save(FileKind.INDEX, b"{}")
        remove_locks(repository)
        if exclusive:
            with pytest.raises(RepositoryLocked, match="somebody removed it"):
                repository.save(FileKind.SNAPSHOT, b"{}")
        else:
            repository.save(FileKind.SNAPSHOT, b"{}")


def test_a_second_look_is_taken_when_it_is_due_and_not_before(
    repository: Repository, sleeper: Sleeper, timing: LockTiming
) -> None:
    held = hold_lock(repository, exclusive=True, timing=timing, read_meanwhile=True)
    lock = held.__enter__()
    save_lock_unguarded(repository, another_lock())
    lock.settle_when_due()
    sleeper.sleep(1)
    with pytest.raises(RepositoryLocked, match="locked by PID 4711 on other") as conflict:
        lock.settle_when_due()
    held.__exit__(RepositoryLocked, conflict.value, None)
    assert [each.hostname for each in locks(repository)] == ["other"]


def test_a_clock_that_was_set_back_does_not_hide_a_long_silence(
    repository: Repository, sleeper: Sleeper
) -> None:
    seconds = [0.0]
    timing = LockTiming(sleeper.clock.now, sleeper.sleep, monotonic=lambda: seconds[0])
    with hold_lock(repository, timing=timing) as held:
        seconds[0] = 3600
        sleeper.clock.advance(-10 * MINUTE)
        remove_locks(repository)
        with pytest.raises(RepositoryLocked):
            held.ensure()
