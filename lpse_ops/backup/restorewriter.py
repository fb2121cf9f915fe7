"""Fills files: a few threads read parts of packs, open the blobs in them and write them out.

A file has no name, or a temporary one, until its last blob is written and its metadata is set.
Memory is bounded by the threads: each holds one read and one blob, whatever is waiting holds none.
"""

import errno
import hashlib
import os
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.metadata import Rights, apply_to_descriptor
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.progress import Progress
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.restoredirect import DIRECT_BYTES, DirectWriter, open_direct, write_all
from lpse_ops.backup.restoreplan import PackRange, WantedBlob, Window
from lpse_ops.backup.restorereport import Ledger
from lpse_ops.backup.restoretarget import (
    OpenFolder,
    create_file,
    discard,
    name_file,
)
from lpse_ops.backup.scratch import Scratch
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.errors import DamagedRepository, OpsError, RestoreFailed, StorageError

_QUEUED_RANGES = 4
# Below this a thread spends its time in Python, where only one can run.
_SMALL_BLOB_BYTES = 32 * 1024
# Nothing else can be written either: going on would only make a list of the same failure.
_FATAL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


class FileJob:
    """A file that is being restored; ``done`` is told once, from any thread."""

    __slots__ = (
        "descriptor",
        "direct",
        "done",
        "failure",
        "folder",
        "is_named",
        "missing",
        "node",
        "path",
        "size",
        "temporary",
    )

    def __init__(
        self,
        path: bytes,
        node: Node,
        folder: OpenFolder,
        temporary: bytes,
        size: int,
        done: Callable[["FileJob"], None],
    ) -> None:
        self.path = path
        self.node = node
        self.folder = folder
        self.temporary = temporary
        self.size = size
        self.done = done
        self.missing = len(node.content)
        self.descriptor = -1
        # A second descriptor, for large pieces; None: not tried yet, -1: there is none.
        self.direct: int | None = None
        self.is_named = False
        self.failure = ""

    def close(self) -> None:
        """Close what is open of it."""
        # Forgotten first: a descriptor is gone even if closing it reports an error.
        direct, self.direct = self.direct, -1
        descriptor, self.descriptor = self.descriptor, -1
        try:
            if direct is not None and direct >= 0:
                os.close(direct)
        finally:
            if descriptor >= 0:
                os.close(descriptor)


Use = tuple[FileJob, int]


@dataclass(frozen=True)
class WriteSettings:
    rights: Rights
    sparse: bool
    threads: int
    unnamed: bool


class RestoreWriter:
    """Used from one thread; ``finish`` when all was submitted, ``close`` in any case."""

    def __init__(
        self,
        repository: Repository,
        index: BlobIndex,
        ledger: Ledger,
        settings: WriteSettings,
        progress: Progress,
    ) -> None:
        self._repository = repository
        self._index = index
        self._ledger = ledger
        self._settings = settings
        self._progress = progress
        self._lock = threading.Lock()
        self._small = threading.Lock()
        self._scratch = Scratch()
        self._direct = DirectWriter()
        self._open: set[FileJob] = set()
        self._tasks: queue.Queue[PackRange[Use] | None] = queue.Queue(_QUEUED_RANGES)
        self._failure: BaseException | None = None
        self._threads = [threading.Thread(target=self._run) for _ in range(settings.threads)]
        for thread in self._threads:
            thread.start()

    def submit(self, window: Window[Use]) -> None:
        """Read and write all of a window, some time."""
        for each in window.ranges():
            self._tasks.put(each)
            self._raise_failure()

    def finish_empty(self, job: FileJob) -> None:
        """Restore a file that has no blobs."""
        self._guard(lambda: self._finish(job))
        self._raise_failure()

    def check(self, error: OSError) -> None:
        """Raise ``RestoreFailed`` if after this error nothing else can be written either."""
        self._reason(error)

    def finish(self) -> None:
        """Until everything submitted is written."""
        self._stop()
        self._raise_failure()

    def close(self) -> None:
        """End the threads; files that are not complete disappear."""
        if self._failure is None:
            self._failure = InterruptedError()
        self._stop()
        for job in list(self._open):
            self._drop(job)

    def _stop(self) -> None:
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    # -- the threads -------------------------------------------------------------------------

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            if self._failure is None:
                self._guard(lambda task=task: self._restore_range(task))  # type: ignore[misc]

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # raised again in the main thread
            self._failure = self._failure or error

    def _restore_range(self, wanted: PackRange[Use]) -> None:
        name = file_name(FileKind.PACK, wanted.pack_id.hex())
        try:
            content = self._repository.backend.load(name, wanted.offset, wanted.length)
        except StorageError:
            content = b""  # each blob is then looked for by itself, also in other packs
        if wanted.length >= _SMALL_BLOB_BYTES * len(wanted.blobs):
            self._restore_blobs(wanted, memoryview(content))
        else:
            # Threads that take Python's lock from each other are slower than one.
            with self._small:
                self._restore_blobs(wanted, memoryview(content))

    def _restore_blobs(self, wanted: PackRange[Use], content: memoryview) -> None:
        for blob, opened in zip(wanted.blobs, self._open_all(wanted, content), strict=True):
            if self._failure is not None:
                return
            plaintext = None if opened is None else self._prove(blob.entry, opened)
            self._restore_blob(blob, plaintext)

    def _open_all(self, wanted: PackRange[Use], content: memoryview) -> Iterable[memoryview | None]:
        if not content:
            return [None] * len(wanted.blobs)
        spans = [(blob.entry.offset - wanted.offset, blob.entry.length) for blob in wanted.blobs]
        scratch = self._scratch.room(max(length for _, length in spans))
        return self._repository.crypter.open_each(content, spans, scratch)

    def _prove(self, entry: PackEntry, opened: Buffer) -> Buffer | None:
        plaintext = opened
        if entry.uncompressed_length:
            try:
                decompress = self._repository.compressor.decompress
                plaintext = decompress(opened, entry.uncompressed_length, "a blob")
            except DamagedRepository:
                return None
        return plaintext if hashlib.sha256(plaintext).digest() == entry.id else None

    def _restore_blob(self, blob: WantedBlob[Use], plaintext: Buffer | None) -> None:
        if plaintext is None:
            try:
                plaintext = self._repository.load_blob(self._index, BlobType.DATA, blob.entry.id)
            except (DamagedRepository, StorageError) as error:
                for job, _ in blob.uses:
                    self._fail(job, error.message)
                    self._blob_done(job)
                return
        for job, offset in blob.uses:
            if not job.failure:
                self._write(job, offset, plaintext)
            self._blob_done(job)

    def _write(self, job: FileJob, offset: int, plaintext: Buffer) -> None:
        try:
            descriptor = self._descriptor(job)
            if not (self._settings.sparse and is_zero(plaintext)):
                self._write_at(job, descriptor, plaintext, offset)
        except OSError as error:
            self._fail(job, self._reason(error))
        else:
            self._progress.advance(len(plaintext))

    def _write_at(self, job: FileJob, descriptor: int, plaintext: Buffer, offset: int) -> None:
        direct = self._direct_descriptor(job) if len(plaintext) >= DIRECT_BYTES else -1
        if direct >= 0:
            self._direct.write(descriptor, direct, plaintext, offset)
        else:
            write_all(descriptor, plaintext, offset)

    def _direct_descriptor(self, job: FileJob) -> int:
        if job.direct is None:
            with self._lock:
                if job.direct is None:
                    job.direct = open_direct(job.descriptor)
        return job.direct

    def _descriptor(self, job: FileJob) -> int:
        """The job's file, made at its first blob."""
        if job.descriptor < 0:
            with self._lock:
                if job.descriptor < 0:
                    self._create(job)
        return job.descriptor

    def _create(self, job: FileJob) -> None:
        job.descriptor, job.is_named = create_file(
            job.folder, job.temporary, unnamed=self._settings.unnamed
        )
        self._open.add(job)
        if self._settings.sparse:
            os.ftruncate(job.descriptor, job.size)

    def _blob_done(self, job: FileJob) -> None:
        with self._lock:
            job.missing -= 1
            is_last = job.missing == 0
        if is_last:
            self._finish(job)

    def _finish(self, job: FileJob) -> None:
        """Put a complete file in its place, or take away what a failed one left."""
        if not job.failure:
            try:
                self._place(job)
            except OSError as error:
                self._fail(job, self._reason(error))
        self._drop(job)
        if job.failure:
            self._ledger.fail(job.path, job.failure)
        else:
            self._ledger.file_restored(job.size)
        job.done(job)

    def _place(self, job: FileJob) -> None:
        descriptor = self._descriptor(job)
        problems = apply_to_descriptor(
            descriptor, job.node, self._settings.rights, drops_acls=job.folder.gives_acls
        )
        name_file(job.folder, descriptor, job.temporary, job.node.name, is_named=job.is_named)
        self._open.discard(job)
        job.close()
        for problem in problems:
            self._ledger.fail(job.path, problem)

    def _drop(self, job: FileJob) -> None:
        if job.descriptor >= 0:
            self._open.discard(job)
            job.close()
            if job.is_named:
                discard(job.folder, job.temporary)

    def _fail(self, job: FileJob, message: str) -> None:
        job.failure = job.failure or message

    def _reason(self, error: OSError) -> str:
        if error.errno in _FATAL:
            raise cannot_write(error) from error
        return error.strerror or str(error)


def cannot_write(error: OSError) -> OpsError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return RestoreFailed(
        f"cannot go on writing to the target: {error.strerror}",
        hint="free some space (df -h) and run the same restore again: what is there already "
        "and whole is not written twice"
        if full
        else "see dmesg for errors of the disk, then restore to another one",
    )


def is_zero(plaintext: Buffer) -> bool:
    return not bytes(plaintext[:1]).strip(b"\0") and not bytes(plaintext).lstrip(b"\0")
