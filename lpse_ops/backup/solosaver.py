"""Stores blobs one after another in this process: for repairs, which store few.

A backup's ``BlobSaver`` starts workers, which cost more than a few hundred trees are worth.
"""

import hashlib

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.indexwriter import IndexWriter
from lpse_ops.backup.pack import BlobType, damaged_pack
from lpse_ops.backup.packer import Packer, buffer_bytes
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.unpacked import stored_id
from lpse_ops.errors import OpsError

_USUAL_BLOB_BYTES = 1024 * 1024


class SoloSaver:
    """``index`` says what is stored already; ``finish`` before anything refers to what is new."""

    def __init__(self, repository: Repository, index: BlobIndex) -> None:
        self._repository = repository
        self._index = index
        self._writer = IndexWriter(repository)
        self._saved: set[tuple[BlobType, bytes]] = set()
        self._packers: dict[BlobType, Packer] = {}
        self._buffers: dict[BlobType, memoryview] = {}
        self.packs = 0

    def save(self, blob_type: BlobType, plaintext: Buffer) -> bytes:
        """Store a blob unless a copy that can be read is there; return its id."""
        blob_id = hashlib.sha256(plaintext).digest()
        if not self._is_readable(blob_type, blob_id):
            self.save_copy(blob_type, blob_id, plaintext)
        return blob_id

    def save_copy(self, blob_type: BlobType, blob_id: bytes, plaintext: Buffer) -> None:
        """Store a blob wherever else it lies; once in each run."""
        if (blob_type, blob_id) in self._saved:
            return
        self._packer_for(blob_type, len(plaintext)).add(blob_id, plaintext)
        self._saved.add((blob_type, blob_id))
        if self._packers[blob_type].is_full:
            self._save_pack(blob_type)

    def finish(self) -> None:
        """Make all of it durable, packs before the index that names them."""
        for blob_type in self._packers:
            self._save_pack(blob_type)
        self._writer.flush()

    def _is_readable(self, blob_type: BlobType, blob_id: bytes) -> bool:
        """What is repaired may itself be what is damaged: an index alone proves nothing."""
        if not self._index.has(blob_type, blob_id):
            return False
        try:
            self._repository.load_blob(self._index, blob_type, blob_id)
        except OpsError:
            return False
        return True

    def _packer_for(self, blob_type: BlobType, plaintext_bytes: int) -> Packer:
        packer = self._packers.get(blob_type)
        if packer is None:
            packer = Packer(blob_type, self._repository.crypter, self._repository.compressor)
            self._packers[blob_type] = packer
            self._use_buffer(blob_type, _USUAL_BLOB_BYTES)
        if not packer.has_room(plaintext_bytes):
            self._save_pack(blob_type)
            if not packer.has_room(plaintext_bytes):
                self._use_buffer(blob_type, plaintext_bytes + plaintext_bytes // 64)
        return packer

    def _use_buffer(self, blob_type: BlobType, largest_bytes: int) -> None:
        self._buffers[blob_type] = memoryview(bytearray(buffer_bytes(largest_bytes)))
        self._packers[blob_type].use_buffer(self._buffers[blob_type])

    def _save_pack(self, blob_type: BlobType) -> None:
        packer = self._packers[blob_type]
        if packer.is_empty:
            return
        pack = packer.finish()
        content = self._buffers[blob_type][: pack.size_bytes]
        self._repository.save_pack(pack.id.hex(), content)
        self._prove_stored(pack.id.hex())
        self._writer.add(pack.id, pack.entries)
        self.packs += 1

    def _prove_stored(self, pack_id: str) -> None:
        """Read back: what a repair removes afterwards may be the last other copy."""
        if stored_id(self._repository.backend.load(file_name(FileKind.PACK, pack_id))) != pack_id:
            raise damaged_pack(pack_id, "it was just written, and reads back differently")
