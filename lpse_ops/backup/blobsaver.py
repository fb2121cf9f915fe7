"""Stores the blobs of a running backup: deduplicates, packs, writes, and keeps the index current.

A disk is written by one thread, in order; to a remote place several packs are on their way at
once, which hides how long each waits for its answer.  An index file is put together only of packs
that are durable, so it never waits for one that it names.
"""

import contextlib
import hashlib
import mmap
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.crypto import Keys
from lpse_ops.backup.indexfile import encode_pack, join_packs
from lpse_ops.backup.laterepository import LateRepository
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.packer import Packer, buffer_bytes
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import Backend, FileKind
from lpse_ops.backup.storage.location import LOCAL, scheme_of
from lpse_ops.backup.workerpool import ReadyPack, Span, WorkerPool
from lpse_ops.backup.workmemory import READ_AGAIN, Looked

# A killed backup loses at most this much work: packs that no index names are not re-used.
_INDEX_EVERY_PACKS = 64
_INDEX_EVERY_BLOBS = 50_000
_INDEX_EVERY_SECONDS = 60.0
_MAX_WAITING_TREE_PACKS = 2
REMOTE_WRITERS = 6
# Folders need no input buffer: without a limit, those of a slow line's first minutes would pile up.
_LATE_TREE_BYTES = 16 << 20


def count_writers(backend: Backend) -> int:
    """How many files a backup stores in a place at once."""
    return 1 if scheme_of(backend.location) == LOCAL else REMOTE_WRITERS


def open_pool(keys: Keys | None, *places: Backend, workers: int = 0) -> WorkerPool:
    """Workers for a backup to these places, with room for the packs that are on their way there.

    Without keys, they get those of the repository that a ``BlobSaver`` is for.
    """
    return WorkerPool(keys, workers, spare_packs=max(map(count_writers, places)) - 1)


@dataclass
class SavedBlobs:
    """What this run added, as in restic's summary; sizes in bytes."""

    data_blobs: int = 0
    tree_blobs: int = 0
    data_added: int = 0
    data_added_packed: int = 0


class BlobSaver:
    """Used from one thread; ``close`` in any case, ``finish`` when all went well.

    Of a ``LateRepository``, nothing is stored until it is there; what went wrong with it is raised.
    """

    def __init__(
        self,
        repository: Repository | LateRepository,
        index: BlobIndex,
        pool: WorkerPool,
        *,
        dry_run: bool = False,
    ) -> None:
        self._late: LateRepository | None = None
        self._late_trees: list[tuple[bytes, bytes]] = []
        self._late_tree_bytes = 0
        self._late_junk = False
        self._repository: Repository
        self._trees: Packer
        self._index = index
        self._pool = pool
        self._dry_run = dry_run
        self._writer = Writer(count_writers(repository.backend))
        pool.watch(self._writer.wake_fd)
        self._waiting_tree_packs = 0
        self._unindexed: list[bytes] = []
        self._unindexed_blobs = 0
        self._last_index = time.monotonic()
        self.saved = SavedBlobs()
        if isinstance(repository, LateRepository):
            self._late = repository
            pool.watch(repository.wake_fd)
        else:
            self._use(repository)

    def _use(self, repository: Repository) -> None:
        """Store from now on, first what has waited for it."""
        self._repository, self._late = repository, None
        self._trees = Packer(BlobType.TREE, repository.crypter, repository.json_compressor)
        self._pool.use_keys(repository.keys)
        if self._late_junk:
            self.remove_junk()
        for blob_id, blob in self._late_trees:
            self._pack_tree(blob_id, blob)
        self._late_trees.clear()

    def remove_junk(self) -> None:
        """Remove what crashes left, beside other work; a dry run removes nothing."""

        def remove() -> None:
            # Waits if the lock has still to settle.
            self._repository.before_write()
            self._repository.backend.remove_junk()

        self._late_junk = self._late is not None
        if not (self._dry_run or self._late_junk):
            self._writer.submit(remove, _nothing)

    # -- data --------------------------------------------------------------------------------

    def take_input(self) -> tuple[int, memoryview]:
        """An input buffer to fill; waits until one is free."""
        self.pump(block=False)
        while (number := self._pool.take_input()) is None:
            self.pump(block=True)
        return number, self._pool.input(number)

    def submit(
        self, number: int, spans: list[Span], deliver: Callable[[Sequence[bytes]], None]
    ) -> None:
        """Store the spans of a buffer; ``deliver`` is told their ids, in a later call of ours."""

        def choose(ids: Sequence[bytes]) -> list[int]:
            new = self._index.add_all_pending(BlobType.DATA, ids)
            self.saved.data_blobs += len(new)
            self.saved.data_added += sum(spans[i][1] for i in new)
            deliver(ids)
            return [] if self._dry_run else new

        self._pool.submit(number, spans, choose)

    def submit_reads(
        self,
        number: int,
        request: bytes,
        spans: list[Span],
        deliver: Callable[[bytes, Sequence[bytes]], None],
    ) -> None:
        """Let a worker read small files into a buffer and store them; ``deliver`` as above."""

        def choose(flags: bytes, ids: Sequence[bytes]) -> list[int]:
            new = self._choose_read(flags, [size for _, size in spans], ids)
            deliver(flags, ids)
            return new

        self._pool.submit_reads(number, request, spans, choose)

    def submit_looks(self, number: int, request: bytes, deliver: Callable[[Looked], None]) -> None:
        """Let a worker look at files, too, and write their nodes; ``deliver`` is told of it."""

        def choose(looked: Looked) -> list[int]:
            new = self._choose_read(looked.flags, looked.sizes, looked.ids)
            deliver(looked)
            return new

        self._pool.submit_looks(number, request, choose)

    def _choose_read(self, flags: bytes, sizes: Sequence[int], ids: Sequence[bytes]) -> list[int]:
        """Which of the files that a worker read hold what is not stored yet."""
        # An empty file has no blob.
        full = [i for i, flag in enumerate(flags) if flag != READ_AGAIN and sizes[i]]
        added = self._index.add_all_pending(BlobType.DATA, [ids[i] for i in full])
        new = [full[i] for i in added]
        self.saved.data_blobs += len(new)
        self.saved.data_added += sum(sizes[i] for i in new)
        return [] if self._dry_run else new

    # -- trees -------------------------------------------------------------------------------

    def save_tree(self, blob: bytes) -> bytes:
        """Store a directory's blob and return its id."""
        blob_id = hashlib.sha256(blob).digest()
        if self._index.add_pending(BlobType.TREE, blob_id):
            self.saved.tree_blobs += 1
            self.saved.data_added += len(blob)
            if not self._dry_run:
                self._pack_tree(blob_id, blob)
        return blob_id

    def _pack_tree(self, blob_id: bytes, blob: bytes) -> None:
        if self._late is not None:
            self._late_trees.append((blob_id, blob))
            self._late_tree_bytes += len(blob)
            while self._late is not None and self._late_tree_bytes >= _LATE_TREE_BYTES:
                self.pump(block=True)
            return
        if self._trees.is_empty:
            # A mapping, unlike a bytearray, takes no memory for what is never written.
            self._trees.use_buffer(memoryview(mmap.mmap(-1, buffer_bytes(2 * len(blob)))))
        elif not self._trees.has_room(len(blob)):
            self._write_tree_pack()
            self._pack_tree(blob_id, blob)
            return
        self._trees.add(blob_id, blob)
        self._trees.verify()
        if self._trees.is_full:
            self._write_tree_pack()

    def _write_tree_pack(self) -> None:
        while self._waiting_tree_packs >= _MAX_WAITING_TREE_PACKS:
            self.pump(block=True)
        content, pack = self._trees.take()
        self._waiting_tree_packs += 1

        def done() -> None:
            self._waiting_tree_packs -= 1
            text = encode_pack(pack.id, pack.entries)
            self._packed(text, len(pack.entries), pack.size_bytes)

        self._writer.submit(lambda: self._repository.save_tree_pack(pack.id.hex(), content), done)

    # -- waiting -----------------------------------------------------------------------------

    def pump(self, *, block: bool) -> None:
        """Handle what workers and writer have finished; raises what went wrong there."""
        for pack in self._pool.pump(block=block):
            self._write_pack(pack)
        self._writer.collect()
        if self._late is not None and not self._late.is_running():
            repository = self._late.result()
            # Nobody rings any more.
            os.eventfd_read(self._late.wake_fd)
            self._use(repository)

    @property
    def is_idle(self) -> bool:
        """Whether every submitted span has an id and is sealed."""
        return self._pool.is_idle

    def wait_idle(self) -> None:
        while not self.is_idle:
            self.pump(block=True)

    def flush(self) -> None:
        """Until every pack, also a half-full one, is durable."""
        while self._late is not None:
            self.pump(block=True)
        self.wait_idle()
        self._pool.start_flush()
        if not self._trees.is_empty:
            self._write_tree_pack()
        while not (self._pool.is_flushed and self._writer.is_idle):
            self.pump(block=True)

    def finish(self) -> None:
        """Until every pack is durable and every index file that names it."""
        self.flush()
        self._save_index()
        while not self._writer.is_idle:
            self.pump(block=True)

    def close(self) -> None:
        self._writer.close()
        self._pool.close()

    def _write_pack(self, pack: ReadyPack) -> None:
        def done() -> None:
            self._pool.release_pack(pack.number)
            self._packed(pack.index_text, pack.blobs, len(pack.content))

        save = self._repository.save_pack
        self._writer.submit(lambda: save(pack.id.hex(), pack.content), done)

    def _packed(self, index_text: bytes, blobs: int, size_bytes: int) -> None:
        """A pack is durable: an index may name it."""
        self.saved.data_added_packed += size_bytes
        self._unindexed.append(index_text)
        self._unindexed_blobs += blobs
        if self._index_is_due():
            self._save_index()

    def _index_is_due(self) -> bool:
        return (
            len(self._unindexed) >= _INDEX_EVERY_PACKS
            or self._unindexed_blobs >= _INDEX_EVERY_BLOBS
            or time.monotonic() - self._last_index >= _INDEX_EVERY_SECONDS
        )

    def _save_index(self) -> None:
        if self._unindexed:
            texts, self._unindexed, self._unindexed_blobs = self._unindexed, [], 0
            self._last_index = time.monotonic()
            save, content = self._repository.save, join_packs(texts)
            self._writer.submit(lambda: save(FileKind.INDEX, content), _nothing)


class Writer:
    """Threads that store one thing after another; ``wake_fd`` is readable when there is news."""

    def __init__(self, threads: int = 1) -> None:
        self.wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._tasks: queue.SimpleQueue[tuple[Callable[[], object], Callable[[], None]] | None]
        self._tasks = queue.SimpleQueue()
        self._finished: deque[Callable[[], None] | BaseException] = deque()
        self._unfinished = 0
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for each in self._threads:
            each.start()

    @property
    def is_idle(self) -> bool:
        return self._unfinished == 0

    def submit(self, save: Callable[[], object], done: Callable[[], None]) -> None:
        """Run ``save`` in a thread; later, ``collect`` calls ``done`` in the caller's."""
        self._unfinished += 1
        self._tasks.put((save, done))

    def collect(self) -> None:
        """Call what is done; raise what failed."""
        # The thread may have finished something and not yet rung the bell for it.
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.wake_fd)
        while self._finished:
            outcome = self._finished.popleft()
            self._unfinished -= 1
            if isinstance(outcome, BaseException):
                raise outcome
            outcome()

    def close(self) -> None:
        """Let the tasks that run end, drop those that wait."""
        self._stopped.set()
        for _ in self._threads:
            self._tasks.put(None)
        for each in self._threads:
            each.join()
        os.close(self.wake_fd)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None and not self._stopped.is_set():
            save, done = task
            try:
                save()
            except BaseException as error:  # handed to the main thread
                self._finished.append(error)
            else:
                self._finished.append(done)
            os.eventfd_write(self.wake_fd, 1)


def _nothing() -> None:
    """For tasks that need no further step."""
