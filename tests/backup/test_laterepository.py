"""A repository that comes late: work begins without it, nothing is stored before it is there."""

import contextlib
import hashlib
import os
import random
import threading
from collections.abc import Iterator

import pytest

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.blobsaver import BlobSaver
from lpse_ops.backup.config import Config
from lpse_ops.backup.laterepository import LateRepository, opened
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.workerpool import WorkerPool
from lpse_ops.errors import RepositoryLocked
from tests.backup.cheap_repository import KEYS

NOISE = random.Random(5).randbytes(1 << 16)
TREE = b'{"nodes":[]}\n'


class Gate:
    """Opens a repository once it is told to; notes when it is given back."""

    def __init__(self) -> None:
        self.repository = Repository(MemoryBackend(), KEYS, Config("", 0))
        self.go_on = threading.Event()
        self.error: Exception | None = None
        self.ends: list[str] = []

    def open(self, held: contextlib.ExitStack) -> Repository:
        self.go_on.wait(30)
        if self.error is not None:
            raise self.error
        held.callback(self.ends.append, "released")
        return self.repository

    def late(self) -> LateRepository:
        return LateRepository(self.repository.backend, self.open)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.go_on.set()


@contextlib.contextmanager
def saving(late: LateRepository) -> Iterator[BlobSaver]:
    with contextlib.closing(BlobSaver(late, BlobIndex(), WorkerPool(None, 1))) as saver:
        yield saver


def store(saver: BlobSaver, blob: bytes) -> list[bytes]:
    """Give a blob away; its id is in the list as soon as it is known."""
    number, buffer = saver.take_input()
    buffer[: len(blob)] = blob
    ids: list[bytes] = []
    saver.submit(number, [(0, len(blob))], ids.extend)
    return ids


def test_what_is_hashed_before_is_stored_once_the_repository_is_there(gate: Gate) -> None:
    with gate.late() as late, saving(late) as saver:
        ids = store(saver, NOISE)
        tree_id = saver.save_tree(TREE)
        saver.remove_junk()
        while not ids:
            saver.pump(block=True)
        assert ids == [hashlib.sha256(NOISE).digest()]
        assert gate.repository.backend.contents == {}  # type: ignore[attr-defined]
        gate.go_on.set()
        saver.finish()
        repository = opened(late)
        index = repository.load_index()
        assert repository.load_blob(index, BlobType.DATA, ids[0]) == NOISE
        assert repository.load_blob(index, BlobType.TREE, tree_id) == TREE
        assert gate.ends == []
    assert gate.ends == ["released"]


def test_no_more_trees_wait_than_memory_is_meant_for(gate: Gate) -> None:
    with gate.late() as late, saving(late) as saver:
        saver.save_tree(bytes(15 << 20))
        assert late.is_running()
        threading.Timer(0.05, gate.go_on.set).start()
        saver.save_tree(b"x" * (1 << 20))
        assert not late.is_running()
        saver.finish()
        assert len(opened(late).load_index()) == 2


def test_a_backup_of_nothing_waits_for_the_repository_too(gate: Gate) -> None:
    with gate.late() as late, saving(late) as saver:
        threading.Timer(0.05, gate.go_on.set).start()
        saver.finish()
        assert not late.is_running()


def test_what_went_wrong_is_raised_where_something_waits_for_it(gate: Gate) -> None:
    gate.error = RepositoryLocked("somebody is there", hint="wait")
    with gate.late() as late, saving(late) as saver:
        store(saver, NOISE)
        gate.go_on.set()
        for _ in range(2):
            with pytest.raises(RepositoryLocked):
                saver.finish()
    assert gate.ends == []


def test_an_error_elsewhere_gives_the_lock_back(gate: Gate) -> None:
    gate.go_on.set()
    with pytest.raises(ValueError, match="elsewhere"), gate.late():
        raise ValueError("elsewhere")
    assert gate.ends == ["released"]


def test_the_bell_is_silent_again_once_it_was_heard(gate: Gate) -> None:
    with gate.late() as late, saving(late) as saver:
        gate.go_on.set()
        saver.flush()
        with pytest.raises(BlockingIOError):
            os.eventfd_read(late.wake_fd)


def test_one_that_is_there_is_itself(gate: Gate) -> None:
    assert opened(gate.repository) is gate.repository
