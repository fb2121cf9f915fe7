"""Builds packs out of blobs that were stored before, stores them, and lists them in indexes.

For prune and copy.  A thread writes one pack while the next is filled, if that takes long; an
index file names a pack only once it is durable.
"""

import contextlib
import mmap
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.indexwriter import IndexWriter
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.packer import FinishedPack, Packer, buffer_bytes
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.errors import OpsError

# What is stopped loses at most this much work: packs that no index names are not re-used.
_INDEX_EVERY_PACKS = 64
_INDEX_EVERY_BLOBS = 20_000
_QUICK_SECONDS = 0.1
# Most blobs are no larger; a buffer for a larger one is made when it comes.
_USUAL_BLOB_BYTES = 1024 * 1024


class NewPacks:
    """Leave the block with ``flush`` called, or with what is unfinished given up.

    After an error, packs that no index can name are removed: the disk may be full of them.
    ``stored`` maps the packs that are durable to their sizes; ``blobs`` is how many they hold.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._packers = {
            blob_type: Packer(blob_type, repository.crypter, repository.compressor)
            for blob_type in BlobType
        }
        self._free: list[memoryview] = []
        self._buffers: dict[BlobType, memoryview] = {}
        self._indexes = IndexWriter(repository)
        self._unindexed_packs = self._unindexed_blobs = 0
        self._pool = ThreadPoolExecutor(1)
        self._writing: tuple[Future[None], FinishedPack, memoryview] | None = None
        # No index that names one of these was even begun.
        self._removable: list[bytes] = []
        self.stored: dict[bytes, int] = {}
        self.blobs = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        if isinstance(error, OpsError):
            for pack_id in self._removable:
                with contextlib.suppress(OpsError):
                    self._repository.remove(FileKind.PACK, pack_id.hex())

    @property
    def indexes(self) -> list[str]:
        """Ids of the index files that name these packs."""
        return self._indexes.saved

    def add_sealed(self, entry: PackEntry, envelope: Buffer) -> None:
        """Take over an envelope of the same repository; it was proved."""
        self._packer(entry.type, len(envelope)).add_sealed(entry, envelope)
        self._finish_if_full(entry.type)

    def add_frame(self, entry: PackEntry, frame: Buffer) -> None:
        """Seal a blob that is compressed already, from another repository."""
        packer = self._packer(entry.type, len(frame))
        packer.add_frame(entry.id, frame, entry.uncompressed_length)
        packer.verify()
        self._finish_if_full(entry.type)

    def add_plaintext(self, entry: PackEntry, plaintext: Buffer) -> None:
        """Compress and seal a blob."""
        packer = self._packer(entry.type, len(plaintext))
        packer.add(entry.id, plaintext)
        packer.verify()
        self._finish_if_full(entry.type)

    def flush(self) -> None:
        """Until every pack is durable, and every index file that names it."""
        for blob_type in BlobType:
            self.finish(blob_type)
        self._wait()
        self._free.clear()
        self._save_index()

    def _packer(self, blob_type: BlobType, blob_bytes: int) -> Packer:
        packer = self._packers[blob_type]
        if not packer.is_empty and not packer.has_room(blob_bytes):
            self.finish(blob_type)
        if packer.is_empty:
            packer.use_buffer(self._take_buffer(blob_type, blob_bytes))
        return packer

    def _take_buffer(self, blob_type: BlobType, blob_bytes: int) -> memoryview:
        size = buffer_bytes(2 * max(blob_bytes, _USUAL_BLOB_BYTES))
        buffer = self._buffers.pop(blob_type, None) or (self._free.pop() if self._free else None)
        if buffer is None or len(buffer) < size:
            # A mapping, unlike a bytearray, takes no memory for what is never written.
            buffer = memoryview(mmap.mmap(-1, size))
        self._buffers[blob_type] = buffer
        return buffer

    def _finish_if_full(self, blob_type: BlobType) -> None:
        if self._packers[blob_type].is_full:
            self.finish(blob_type)

    def finish(self, blob_type: BlobType) -> None:
        """Close the pack of a type, so that its memory can serve for another."""
        packer = self._packers[blob_type]
        if packer.is_empty:
            return
        self._wait()
        content, pack = packer.take()
        self._removable.append(pack.id)
        future = self._pool.submit(self._repository.save_pack, pack.id.hex(), content)
        self._writing = (future, pack, self._buffers.pop(blob_type))
        # A good disk has it in a moment; then no second buffer is needed.
        wait([future], timeout=_QUICK_SECONDS)
        if future.done():
            self._wait()

    def _wait(self) -> None:
        """Until the pack that is being written is durable."""
        if self._writing is None:
            return
        future, pack, buffer = self._writing
        self._writing = None
        future.result()
        self._free.append(buffer)
        self.stored[pack.id] = pack.size_bytes
        self.blobs += len(pack.entries)
        self._unindexed_packs += 1
        self._unindexed_blobs += len(pack.entries)
        is_due = (
            self._unindexed_blobs >= _INDEX_EVERY_BLOBS
            or self._unindexed_packs >= _INDEX_EVERY_PACKS
        )
        if is_due:
            self._removable.clear()
        self._indexes.add(pack.id, pack.entries)
        if is_due:
            self._save_index()

    def _save_index(self) -> None:
        self._removable.clear()
        self._indexes.flush()
        self._unindexed_packs = self._unindexed_blobs = 0
