"""Worker processes that read a repository: what comes back, and what becomes of them."""

import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lpse_ops.backup.readpool import Answered, ReadPool
from lpse_ops.backup.readworker import Handler
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import OpsError, ProcessFailed
from tests.backup.repositories import make_local, make_repository


def telling(repository: Repository) -> Handler:
    """Answers with what it has been asked for."""

    def handle(message: bytes, descriptors: list[int]) -> Iterator[bytes]:
        if message == b"location":
            yield os.fsencode(repository.backend.location)
        elif message == b"keys":
            yield repository.keys.to_bytes()
        elif message == b"descriptors":
            for each in descriptors:
                yield os.pread(each, 100, 0)
        elif message == b"count":
            yield b"%d" % len(os.listdir("/proc/self/fd"))
        elif message == b"refuse":
            raise OpsError("no such thing", hint="ask for another")
        elif message == b"bug":
            raise KeyError("of ours")
        elif message == b"die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif message == b"pid":
            yield b"%d" % os.getpid()
        elif message == b"tell":
            yield from (b"one", b"two", b"three")
        elif message == b"write":
            os.write(descriptors[0], b".")

    return handle


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return make_local(tmp_path / "repo")


@pytest.fixture
def pool(repository: Repository) -> Iterator[ReadPool]:
    with closing(ReadPool(lambda: telling, 1)) as pool:
        assert pool.open(repository)
        yield pool


def ask(pool: ReadPool, *messages: bytes) -> list[list[bytes]]:
    found: list[Answered] = []
    for token, message in enumerate(messages):
        assert pool.submit(token, message)
    while not pool.is_idle:
        found += pool.collect(block=True)
    assert [each.token for each in found] == list(range(len(messages)))
    return [each.answers for each in found]


def test_a_worker_reads_the_same_repository(pool: ReadPool, repository: Repository):
    location = os.fsencode(repository.backend.location)
    assert ask(pool, b"location", b"keys") == [[location], [repository.keys.to_bytes()]]


def test_a_worker_takes_one_request_more_than_it_serves(pool: ReadPool):
    assert [pool.submit(number, b"pid") for number in range(3)] == [True, True, False]


def test_all_that_is_answered_is_collected_at_once(pool: ReadPool):
    """Otherwise a worker would wait for requests while its answers lie about."""
    wait_for, write_to = os.pipe()
    assert pool.submit(0, b"tell")
    assert pool.submit(1, b"write", [write_to])
    # The second request is served, so the first is answered whole.
    assert os.read(wait_for, 1) == b"."
    assert pool.collect(block=False)[0] == Answered(0, [b"one", b"two", b"three"])
    os.close(wait_for)
    os.close(write_to)


def test_descriptors_travel_and_are_closed_afterwards(pool: ReadPool, tmp_path: Path):
    (tmp_path / "f").write_bytes(b"content")
    before = ask(pool, b"count")
    descriptor = os.open(tmp_path / "f", os.O_RDONLY)
    for token in range(5):
        assert pool.submit(token, b"descriptors", [descriptor, descriptor])
        answered: list[Answered] = []
        while not answered:
            answered = pool.collect(block=True)
        assert answered == [Answered(token, [b"content", b"content"])]
    os.close(descriptor)
    assert ask(pool, b"count") == before


def test_an_error_is_told_with_its_hint(pool: ReadPool):
    pool.submit(0, b"refuse")
    with pytest.raises(OpsError, match="no such thing") as refused:
        pool.collect(block=True)
    assert refused.value.hint == "ask for another"


def test_a_bug_in_a_worker_is_no_error_of_the_user(pool: ReadPool):
    pool.submit(0, b"bug")
    with pytest.raises(RuntimeError, match="KeyError: 'of ours'"):
        pool.collect(block=True)


def test_a_worker_that_is_killed_is_an_error(pool: ReadPool):
    pool.submit(0, b"die")
    with pytest.raises(ProcessFailed, match="worker process ended"):
        pool.collect(block=True)


def test_several_workers_end_with_the_pool(repository: Repository):
    pool = ReadPool(lambda: telling, 3)
    assert pool.open(repository)
    for token in range(3):
        assert pool.submit(token, b"pid")
    pids: set[int] = set()
    while not pool.is_idle:
        pids |= {int(each.answers[0]) for each in pool.collect(block=True)}
    assert len(pids) == 3
    pool.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_end_when_the_main_process_is_killed(tmp_path: Path, repository: Repository):
    """Even while another worker, forked later, was given copies of what was open."""
    told = tmp_path / "pids"
    child = os.fork()
    if child == 0:
        pool = ReadPool(lambda: telling, 2)
        pool.open(repository)
        pids = [each for token in range(2) for each in _one_answer(pool, token)]
        told.write_bytes(b" ".join(pids))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    pids = [int(each) for each in told.read_text().split()]
    assert len(pids) == 2
    for pid in pids:
        _wait_for_end(pid)


def _one_answer(pool: ReadPool, token: int) -> list[bytes]:
    pool.submit(token, b"pid")
    while not (answered := pool.collect(block=True)):
        pass
    return answered[0].answers


def _wait_for_end(pid: int) -> None:
    """Until a process that is not our child is gone, or a zombie that nobody waits for."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    ended = poll.poll(20_000)
    os.close(descriptor)
    assert ended


def test_only_local_repositories_have_workers():
    with closing(ReadPool(lambda: telling, 1)) as pool:
        assert not pool.open(make_repository(MemoryBackend()))


def test_without_workers_nothing_is_taken(repository: Repository):
    with closing(ReadPool(lambda: telling, 0)) as pool:
        assert not pool.open(repository)
        assert pool.is_idle


def test_a_worker_that_hangs_is_not_waited_for(repository: Repository):
    pool = ReadPool(lambda: telling, 1)
    assert pool.open(repository)
    [[answer]] = ask(pool, b"pid")
    worker = int(answer)
    os.kill(worker, signal.SIGSTOP)
    # So that a pool that does wait ends the test, too.
    waking = threading.Timer(20, os.kill, (worker, signal.SIGCONT))
    waking.start()
    pool.close(patience_seconds=0.05)
    waking.cancel()
    _, status = os.waitpid(worker, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
