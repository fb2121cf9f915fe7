"""Worker processes: the packs they make, and what happens when somebody is killed."""

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpse_ops.backup.indexfile import join_packs, parse_index
from lpse_ops.backup.pack import pack_bytes
from lpse_ops.backup.packer import MAX_ENTRIES
from lpse_ops.backup.workerpool import ReadyPack, WorkerPool
from lpse_ops.backup.workmemory import INPUT_BYTES, MAX_SPANS
from lpse_ops.errors import OpsError, ProcessFailed
from tests.backup.cheap_repository import KEYS
from tests.backup.packs import read_back, read_header

NOISE = random.Random(7).randbytes(INPUT_BYTES)


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    workers = WorkerPool(KEYS, 2)
    yield workers
    workers.close()


class Driver:
    """Feeds a pool and keeps copies of the packs it makes."""

    def __init__(self, pool: WorkerPool) -> None:
        self.pool = pool
        self.packs: list[bytes] = []
        self.hashed: list[bytes] = []

    def store(self, blobs: list[bytes], *, chosen: bool = True) -> None:
        while (number := self.pool.take_input()) is None:
            self.pump()
        buffer = self.pool.input(number)
        spans = []
        fill = 0
        for blob in blobs:
            buffer[fill : fill + len(blob)] = blob
            spans.append((fill, len(blob)))
            fill += len(blob)

        def choose(ids: object) -> list[int]:
            assert isinstance(ids, list)
            self.hashed += ids
            return list(range(len(ids))) if chosen else []

        self.pool.submit(number, spans, choose)

    def store_all(self, blobs: list[bytes]) -> None:
        for blob in blobs:
            self.store([blob])
            self.pump()

    def pump(self) -> None:
        for pack in self.pool.pump(block=True):
            self.keep(pack)

    def keep(self, pack: ReadyPack) -> None:
        content = bytes(pack.content)
        assert hashlib.sha256(content).digest() == pack.id
        entries = read_header(content)
        assert list(parse_index(join_packs([pack.index_text]), "test")) == [(pack.id, entries)]
        assert (len(entries), pack_bytes(entries)) == (pack.blobs, len(content))
        self.packs.append(content)
        self.pool.release_pack(pack.number)

    def finish(self) -> list[bytes]:
        """Every stored blob, from the packs."""
        while not self.pool.is_idle:
            self.pump()
        self.pool.start_flush()
        while not self.pool.is_flushed:
            self.pump()
        return [blob for pack in self.packs for blob in read_back(pack)]


def children() -> list[int]:
    """The running workers: neither programs that other tests of this process left, nor the dead."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return [pid for pid in found if command_line(pid) == command_line(os.getpid())]


def command_line(pid: int) -> bytes:
    """Empty for the dead; for a moment also while a program is being started."""
    while is_running(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if shown := Path(f"/proc/{pid}/cmdline").read_bytes():
                return shown
    return b""


def test_what_goes_in_comes_out_in_packs_that_open(pool: WorkerPool) -> None:
    driver = Driver(pool)
    blobs = [[b"text %d\n" % (10 * i + j) * 500 for j in range(10)] for i in range(5)]
    for batch in blobs:
        driver.store(batch)
    flat = [blob for batch in blobs for blob in batch]
    assert sorted(driver.finish()) == sorted(flat)
    assert sorted(driver.hashed) == sorted(hashlib.sha256(blob).digest() for blob in flat)
    assert len(driver.packs) <= 2


def test_more_tiny_blobs_than_a_pack_may_hold(pool: WorkerPool) -> None:
    driver = Driver(pool)
    count = 3 * MAX_ENTRIES // MAX_SPANS * MAX_SPANS
    numbers = iter(range(count))
    for _ in range(count // MAX_SPANS):
        driver.store([b"%d" % next(numbers) for _ in range(MAX_SPANS)])
    assert sorted(driver.finish()) == sorted(b"%d" % number for number in range(count))
    assert max(len(read_header(pack)) for pack in driver.packs) <= MAX_ENTRIES


def test_blobs_as_large_as_a_buffer(pool: WorkerPool) -> None:
    driver = Driver(pool)
    blobs = [bytes([number]) + NOISE[1:] for number in range(10)] + [bytes(INPUT_BYTES)]
    for blob in blobs:
        driver.store([blob])
    assert sorted(driver.finish()) == sorted(blobs)


def test_packs_on_their_way_leave_room_for_as_many_as_were_asked_for() -> None:
    with contextlib.closing(WorkerPool(KEYS, 1, spare_packs=2)) as pool:
        driver = Driver(pool)
        waiting: list[ReadyPack] = []
        # Four blobs make a pack; nobody gives one back.
        for number in range(4 * 4):
            driver.store([bytes([number]) + NOISE[1:]])
            while not pool.is_idle:
                waiting += pool.pump(block=True)
        assert len(waiting) == 4
        for pack in waiting:
            driver.keep(pack)
        assert len(driver.finish()) == 4 * 4


def test_what_is_not_chosen_is_hashed_only(pool: WorkerPool) -> None:
    driver = Driver(pool)
    for _ in range(20):
        driver.store([b"known"], chosen=False)
    assert driver.finish() == []
    assert set(driver.hashed) == {hashlib.sha256(b"known").digest()}


def test_a_buffer_without_blobs_is_free_again(pool: WorkerPool) -> None:
    driver = Driver(pool)
    for _ in range(50):
        driver.store([])
    assert driver.finish() == []


def test_memory_that_changes_under_us_is_found(pool: WorkerPool) -> None:
    number = pool.take_input()
    assert number is not None
    buffer = pool.input(number)
    buffer[:1000] = bytes(1000)

    def choose(ids: object) -> list[int]:
        buffer[500] ^= 1  # after it was hashed, before it is stored
        return [0]

    pool.submit(number, [(0, 1000)], choose)
    with pytest.raises(OpsError, match="memory may fail") as found:
        Driver(pool).finish()
    assert found.value.hint


@pytest.mark.parametrize("is_working", [True, False])
def test_a_killed_worker_is_an_error_and_no_hang(pool: WorkerPool, is_working: bool) -> None:
    driver = Driver(pool)
    for pid in children():
        os.kill(pid, signal.SIGSTOP)
    if is_working:
        for _ in range(4):
            driver.store([NOISE])
    for pid in children():
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(ProcessFailed, match="status -9") as failed:
        driver.store_all([NOISE] * 10)
    assert "dmesg" in failed.value.hint


def test_a_worker_killed_before_the_flush_is_an_error(pool: WorkerPool) -> None:
    for pid in children():
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(ProcessFailed):
        Driver(pool).finish()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_workers_leave_signals_to_the_main_process(pool: WorkerPool, number: int) -> None:
    driver = Driver(pool)
    for blob in (b"the first runs", b"the second, too"):
        driver.store([blob])
    while not pool.is_idle:
        driver.pump()
    for pid in children():
        os.kill(pid, number)
    driver.store([b"and both still do"])
    assert len(driver.finish()) == 3


MAIN = """
import os, sys, time
from lpse_ops.backup.crypto import keys_from_bytes
from lpse_ops.backup.workerpool import WorkerPool

pool = WorkerPool(keys_from_bytes(bytes(range(1, 65))), 2)
pool.submit(pool.take_input(), [(0, 4_000_000)], lambda ids: [0])
print(open(f"/proc/self/task/{os.getpid()}/children").read(), flush=True)
time.sleep(60)
"""


def test_workers_end_with_the_main_process() -> None:
    with subprocess.Popen([sys.executable, "-c", MAIN], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        workers = list(map(int, process.stdout.readline().split()))
        process.kill()
    assert len(workers) == 2
    deadline = time.monotonic() + 20
    while any(is_running(pid) for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_keys_are_in_no_command_line_and_no_environment(pool: WorkerPool) -> None:
    assert len(children()) == 2
    for pid in children():
        shown = command_line(pid) + Path(f"/proc/{pid}/environ").read_bytes()
        for key in (KEYS.encrypt, KEYS.mac_k, KEYS.mac_r):
            assert key not in shown
            assert key.hex().encode() not in shown


def test_a_worker_keeps_nothing_of_the_main_process_open(tmp_path: Path) -> None:
    with (
        (tmp_path / "open").open("wb"),
        contextlib.closing(WorkerPool(KEYS, 1)),
        contextlib.closing(WorkerPool(KEYS, 1)) as other,
    ):
        driver = Driver(other)
        driver.store([b"x"])
        assert driver.finish() == [b"x"]
        for pid in children()[-1:]:  # which certainly runs by now
            shown = {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()}
            assert len([each for each in shown if each.startswith("socket:")]) == 1
            assert str(tmp_path / "open") not in shown


def test_workers_do_not_run_the_handlers_of_the_main_process() -> None:
    def never(*_: object) -> None:
        raise AssertionError("a handler of the main process ran in a worker")

    before = signal.signal(signal.SIGTERM, never)
    try:
        with contextlib.closing(WorkerPool(KEYS, 1)) as other:
            for pid in children():
                os.kill(pid, signal.SIGTERM)
            with pytest.raises(ProcessFailed, match="status -15"):
                Driver(other).store_all([b"x"] * 10)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_a_worker_is_called_in_a_list_of_processes(pool: WorkerPool) -> None:
    driver = Driver(pool)
    for blob in (b"the first runs", b"the second, too"):
        driver.store([blob])
    driver.finish()
    names = [Path(f"/proc/{pid}/comm").read_text() for pid in children()]
    assert names == ["lpse-ops worker\n"] * 2


def test_modules_in_the_current_folder_are_not_imported(tmp_path: Path) -> None:
    (tmp_path / "hashlib.py").write_text("raise SystemExit(9)")
    (tmp_path / "lpse_ops").mkdir()
    with contextlib.chdir(tmp_path), contextlib.closing(WorkerPool(KEYS, 1)) as pool:
        driver = Driver(pool)
        driver.store([b"x"])
        assert driver.finish() == [b"x"]


def test_closing_ends_the_workers_and_closes_every_descriptor() -> None:
    before = os.listdir("/proc/self/fd")
    pool = WorkerPool(KEYS, 2)
    driver = Driver(pool)
    driver.store([NOISE])
    pids = children()
    pool.close()
    assert os.listdir("/proc/self/fd") == before
    assert not any(map(is_running, pids))


def test_where_the_end_of_children_is_ignored_closing_ends_them_too() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with contextlib.closing(WorkerPool(KEYS, 2)) as pool:
            pids = children()
            os.kill(pids[0], signal.SIGKILL)
            with pytest.raises(ProcessFailed):
                Driver(pool).store_all([NOISE] * 10)
        assert not any(map(is_running, pids))
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_closing_works_while_somebody_looks_at_a_buffer() -> None:
    pool = WorkerPool(KEYS, 1)
    number = pool.take_input()
    assert number is not None
    view = pool.input(number)
    view[:4] = b"look"
    pool.close()
    assert bytes(view[:4]) == b"look"


def test_waiting_ends_when_a_watched_descriptor_has_news(pool: WorkerPool) -> None:
    descriptor = os.eventfd(0)
    pool.watch(descriptor)
    timer = threading.Timer(0.05, os.eventfd_write, (descriptor, 1))
    timer.start()
    assert pool.pump(block=True) == []
    timer.join()
    os.close(descriptor)


def test_without_a_number_there_is_a_worker_for_each_core_up_to_four() -> None:
    with contextlib.closing(WorkerPool(KEYS)):
        assert len(children()) == min(os.cpu_count() or 1, 4)


def test_without_keys_files_are_hashed_and_wait_for_them() -> None:
    with contextlib.closing(WorkerPool(None, 1)) as pool:
        driver = Driver(pool)
        blobs = [NOISE[number : number + 1000] for number in range(10)]
        for blob in blobs:
            driver.store([blob])
        while len(driver.hashed) < len(blobs):
            driver.pump()
        assert not pool.is_idle
        pool.use_keys(KEYS)
        pool.use_keys(KEYS)
        driver.finish()
        stored = [blob for pack in driver.packs for blob in read_back(pack)]
        assert sorted(stored) == sorted(blobs)
        # As many buffers as there would have been with keys.
        taken = [pool.take_input(), pool.take_input()]
        assert None not in taken
        assert pool.take_input() is None


@pytest.mark.parametrize("is_early", [False, True], ids=["after the keys", "before the keys"])
def test_without_keys_large_files_fill_little_more_memory_and_give_it_back(is_early: bool) -> None:
    with contextlib.closing(WorkerPool(None, 1)) as pool:
        before = shared_memory_kib()
        taken = 0
        while (number := pool.take_input()) is not None:
            pool.input(number)[:] = bytes(INPUT_BYTES)
            pool.submit(number, [(0, INPUT_BYTES)], lambda _: [])
            taken += 1
        # Two as ever, and what fits into the room that there is without keys.
        assert taken == 3
        assert shared_memory_kib() - before >= taken * INPUT_BYTES // 1024
        if is_early:
            await_idle(pool)
            pool.use_keys(KEYS)
        else:
            pool.use_keys(KEYS)
            await_idle(pool)
        assert shared_memory_kib() - before <= 2 * INPUT_BYTES // 1024


def await_idle(pool: WorkerPool) -> None:
    while not pool.is_idle:
        pool.pump(block=True)


def shared_memory_kib() -> int:
    """What this process has of memory that it shares."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssShmem:")[2].split()[0])
