"""The saver over real workers: nothing twice, and nothing named before it is durable."""

import contextlib
import hashlib
import os
import random
import select
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.blobsaver import BlobSaver, SavedBlobs, Writer
from lpse_ops.backup.config import Config
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.packer import TARGET_BYTES
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.storage.fault import Fault, FaultBackend, fault_at
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.backup.tree import EMPTY_TREE
from lpse_ops.backup.workerpool import WorkerPool
from lpse_ops.errors import StorageError
from tests.backup.cheap_repository import KEYS
from tests.backup.packs import read_back

NOISE = random.Random(3).randbytes(1 << 20)


@dataclass
class Saving:
    """A saver on a backend in memory, with a short way to store blobs."""

    saver: BlobSaver
    repository: Repository
    index: BlobIndex
    backend: FaultBackend
    delivered: list[bytes] = field(default_factory=list)

    def store(self, *blobs: bytes) -> None:
        number, buffer = self.saver.take_input()
        spans = []
        fill = 0
        for blob in blobs:
            buffer[fill : fill + len(blob)] = blob
            spans.append((fill, len(blob)))
            fill += len(blob)
        self.saver.submit(number, spans, self._deliver)

    def _deliver(self, ids: Sequence[bytes]) -> None:
        self.delivered += ids

    def kinds(self) -> list[str]:
        """What was saved, in its order."""
        return [name.partition("/")[0] for _, name in self.backend.operations]

    def packs(self) -> list[list[bytes]]:
        files = self.backend.files(FileKind.PACK)
        return [read_back(self.backend.load(f"data/{file.id[:2]}/{file.id}")) for file in files]


@contextlib.contextmanager
def saving(
    backend: FaultBackend | None = None, index: BlobIndex | None = None, *, dry_run: bool = False
) -> Iterator[Saving]:
    backend = backend or FaultBackend(MemoryBackend())
    repository = Repository(backend, KEYS, Config("", 0))
    index = index or BlobIndex()
    saver = BlobSaver(repository, index, WorkerPool(KEYS, 1), dry_run=dry_run)
    try:
        yield Saving(saver, repository, index, backend)
    finally:
        saver.close()


def id_of(blob: bytes) -> bytes:
    return hashlib.sha256(blob).digest()


def test_what_is_stored_is_indexed_and_can_be_loaded() -> None:
    with saving() as it:
        it.store(b"one", NOISE)
        tree_id = it.saver.save_tree(EMPTY_TREE)
        it.saver.finish()
        loaded = it.repository.load_index()
        for blob in (b"one", NOISE):
            assert it.repository.load_blob(loaded, BlobType.DATA, id_of(blob)) == blob
        assert it.repository.load_blob(loaded, BlobType.TREE, tree_id) == EMPTY_TREE
        assert it.delivered == [id_of(b"one"), id_of(NOISE)]
        assert len(it.index) == len(loaded) == 3


def test_the_index_comes_after_every_pack_that_it_names() -> None:
    with saving() as it:
        for number in range(20):
            it.store(NOISE[number:])
            it.saver.save_tree(b'{"nodes":[]}%d\n' % number)
        it.saver.finish()
        assert it.kinds() == ["data"] * (len(it.backend.operations) - 1) + ["index"]
        named = {pack_id.hex() for pack_id, _ in it.repository.index_packs()}
        assert named == {file.id for file in it.backend.files(FileKind.PACK)}


def test_data_and_trees_lie_in_packs_of_their_own() -> None:
    with saving() as it:
        it.store(b"data")
        it.saver.save_tree(EMPTY_TREE)
        it.saver.finish()
        assert sorted(it.packs()) == [[b"data"], [EMPTY_TREE]]


def test_nothing_is_stored_twice() -> None:
    with saving() as it:
        for _ in range(3):
            it.store(b"same", b"same", b"other")
            it.saver.save_tree(EMPTY_TREE)
        it.saver.finish()
        assert sorted(blob for pack in it.packs() for blob in pack) == [
            b"other",
            b"same",
            EMPTY_TREE,
        ]
        packed = sum(file.size_bytes for file in it.backend.files(FileKind.PACK))
        added = len(b"same") + len(b"other") + len(EMPTY_TREE)
        assert it.saver.saved == SavedBlobs(2, 1, added, packed)
    with saving(it.backend, it.index) as again:
        again.store(b"same", b"other")
        again.saver.save_tree(EMPTY_TREE)
        again.saver.finish()
        assert again.saver.saved == SavedBlobs()
        assert len(again.delivered) == 2


def test_a_dry_run_counts_and_stores_nothing() -> None:
    with saving(dry_run=True) as it:
        it.store(b"one", b"two", b"one")
        it.saver.save_tree(EMPTY_TREE)
        it.saver.finish()
        assert it.backend.operations == []
        assert it.saver.saved == SavedBlobs(2, 1, 6 + len(EMPTY_TREE), 0)
        assert len(it.delivered) == 3


def test_trees_larger_than_a_pack_have_one_for_themselves() -> None:
    huge = random.Random(4).randbytes(TARGET_BYTES + 1000)
    trees = [b"small", huge, b"another", huge[1:]]
    with saving() as it:
        for tree in trees:
            it.saver.save_tree(tree)
        it.saver.finish()
        assert sorted(it.packs()) == sorted([tree] for tree in trees)


def test_many_trees_share_a_pack() -> None:
    with saving() as it:
        for number in range(2000):
            it.saver.save_tree(b"tree %d" % number)
        it.saver.finish()
        assert [len(pack) for pack in it.packs()] == [2000]


def test_an_index_is_written_every_so_many_packs_for_a_run_that_is_killed() -> None:
    with saving() as it:
        for number in range(70):
            it.saver.save_tree(b"%d" % number)
            it.saver.flush()
        assert it.kinds().count("index") == 1
        assert it.kinds().index("index") == 64
        it.saver.finish()
        assert it.kinds().count("index") == 2


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.ERROR_AFTER])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_full_disk_stops_the_run_and_no_index_names_what_is_missing(
    fault: Fault, number: int
) -> None:
    with saving(FaultBackend(MemoryBackend(), fault_at(number, fault))) as it:
        it.store(NOISE)
        it.saver.save_tree(EMPTY_TREE)
        with pytest.raises(StorageError, match=fault.value):
            it.saver.finish()
        stored = {file.id for file in it.backend.files(FileKind.PACK)}
        named = {pack_id.hex() for pack_id, _ in it.repository.index_packs()}
        assert named <= stored
        assert number == 2 or not named


def test_a_blob_is_not_known_as_stored_before_its_pack_is() -> None:
    with saving() as it:
        it.store(b"blob")
        it.saver.wait_idle()
        assert it.index.has(BlobType.DATA, id_of(b"blob"))
        assert list(it.index.locations(BlobType.DATA, id_of(b"blob"))) == []
        assert not it.repository.load_index().has(BlobType.DATA, id_of(b"blob"))
        it.saver.finish()
        assert it.repository.load_index().has(BlobType.DATA, id_of(b"blob"))


def test_a_lost_lock_stops_the_run_before_anything_is_written() -> None:
    def lost() -> None:
        raise StorageError("the lock is lost", hint="again")

    with saving() as it:
        it.repository.before_write = lost
        it.store(b"x")
        with pytest.raises(StorageError, match="lock is lost"):
            it.saver.finish()
        assert it.backend.operations == []


def test_junk_is_removed_only_under_a_lock_that_holds() -> None:
    class Junk(MemoryBackend):
        removals = 0

        def remove_junk(self) -> None:
            self.removals += 1

    def lost() -> None:
        raise StorageError("the lock is lost", hint="again")

    backend = Junk()
    with saving(FaultBackend(backend)) as it:
        it.saver.remove_junk()
        it.saver.finish()
    assert backend.removals == 1
    with saving(FaultBackend(backend)) as it:
        it.repository.before_write = lost
        it.saver.remove_junk()
        with pytest.raises(StorageError, match="lock is lost"):
            it.saver.finish()
    with saving(FaultBackend(backend), dry_run=True) as it:
        it.saver.remove_junk()
        it.saver.finish()
    assert backend.removals == 1


def test_closing_in_the_middle_leaves_no_descriptor_open() -> None:
    before = os.listdir("/proc/self/fd")
    with saving() as it:
        for _ in range(3):
            it.store(NOISE)
    assert os.listdir("/proc/self/fd") == before


def test_the_writer_works_in_order_and_tells_it_in_the_callers_thread() -> None:
    writer = Writer()
    seen: list[str] = []
    for name in ("a", "b"):
        writer.submit(
            lambda name=name: seen.append(f"save {name}"),
            lambda name=name: seen.append(f"done {name}"),
        )  # type: ignore[misc]
    while not writer.is_idle:
        writer.collect()
        time.sleep(0.001)
    writer.close()
    assert [each for each in seen if "save" in each] == ["save a", "save b"]
    assert [each for each in seen if "done" in each] == ["done a", "done b"]


def test_a_writer_that_is_closed_drops_what_waits() -> None:
    writer = Writer()
    seen: list[int] = []
    writer.submit(lambda: time.sleep(0.05), lambda: None)
    for number in range(5):
        writer.submit(lambda number=number: seen.append(number), lambda: None)  # type: ignore[misc]
    writer.close()
    assert seen == []


def test_several_writers_store_at_the_same_time_and_tell_each_result() -> None:
    writer = Writer(3)
    # Each waits for the others: with fewer threads the barrier would break.
    meeting = threading.Barrier(3, timeout=60)
    told: list[int] = []
    for number in range(3):
        writer.submit(meeting.wait, lambda number=number: told.append(number))  # type: ignore[misc]
    with contextlib.closing(writer):
        while not writer.is_idle:
            select.select([writer.wake_fd], [], [], 60)
            writer.collect()
    assert sorted(told) == [0, 1, 2]
