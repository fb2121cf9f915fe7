"""Proves one pack: its name, its header against the index, and each blob against its id.

Runs in several threads.  Packs of many small blobs take their turn: nearly all their time is
spent in Python, where threads only hinder each other.
"""

import hashlib
import threading
from collections.abc import Iterator

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.pack import (
    LENGTH_BYTES,
    MAX_BLOB_BYTES,
    PackEntry,
    parse_entries,
    parse_header_length,
)
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.scratch import Scratch
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.errors import DamagedRepository, OpsError

_SMALL_BLOB_BYTES = 32 * 1024
# restic writes at most 128 MiB; larger ones are read one at a time.
_LARGE_PACK_BYTES = 192 * 1024 * 1024
# Room for one blob of the greatest size and a header.
_MAX_PACK_BYTES = MAX_BLOB_BYTES + 32 * 1024 * 1024


class PackProver:
    """``problems`` may be called from several threads."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._scratch = Scratch()
        self._large = threading.Lock()
        self._small = threading.Lock()

    def problems(self, pack_id: bytes, size_bytes: int, header_digest: bytes) -> list[str]:
        """What is wrong with a pack, nothing if all is well."""
        name = f"pack {pack_id.hex()[:10]}"
        if size_bytes > _MAX_PACK_BYTES:
            return [f"{name} has {size_bytes} bytes, more than any pack may have"]
        if size_bytes > _LARGE_PACK_BYTES:
            with self._large:
                return list(self._prove(pack_id, header_digest, name))
        return list(self._prove(pack_id, header_digest, name))

    def _prove(self, pack_id: bytes, header_digest: bytes, name: str) -> Iterator[str]:
        try:
            content = self._repository.backend.load(file_name(FileKind.PACK, pack_id.hex()))
        except OpsError as error:
            yield f"{name}: {error.message}"
            return
        if hashlib.sha256(content).digest() != pack_id:
            yield f"{name} is damaged: its content does not match its name"
        view = memoryview(content)
        try:
            header = self._open_header(view, pack_id.hex())
            entries = parse_entries(header, pack_id.hex())
        except DamagedRepository as error:
            yield error.message
            return
        if hashlib.sha256(header).digest() != header_digest:
            yield f"{name}: its header and the index differ"
        if len(content) >= _SMALL_BLOB_BYTES * len(entries):
            yield from self._blob_problems(view, entries, name)
        else:
            with self._small:
                yield from self._blob_problems(view, entries, name)

    def _open_header(self, content: memoryview, pack_id: str) -> bytes:
        length = parse_header_length(bytes(content[-LENGTH_BYTES:]), len(content), pack_id)
        sealed = content[-LENGTH_BYTES - length : -LENGTH_BYTES]
        return self._repository.crypter.open(sealed, f"the header of pack {pack_id[:10]}")

    def _blob_problems(
        self, content: memoryview, entries: list[PackEntry], name: str
    ) -> Iterator[str]:
        spans = [(entry.offset, entry.length) for entry in entries]
        if spans and sum(spans[-1]) > len(content):
            yield f"{name} is damaged: its header lists more than it holds"
            return
        largest = max((length for _, length in spans), default=0)
        opened = self._repository.crypter.open_each(content, spans, self._scratch.room(largest))
        for entry, plaintext in zip(entries, opened, strict=True):
            problem = "its MAC does not match"
            if plaintext is not None:
                problem = self._blob_problem(entry, plaintext)
            if problem:
                yield f"blob {entry.id.hex()[:10]} in {name} is damaged: {problem}"

    def _blob_problem(self, entry: PackEntry, plaintext: Buffer) -> str:
        if entry.uncompressed_length:
            if entry.uncompressed_length > MAX_BLOB_BYTES:
                return "it is larger than any blob may be"
            try:
                plaintext = self._repository.compressor.decompress(
                    plaintext, entry.uncompressed_length, ""
                )
            except DamagedRepository:
                return "it does not decompress to what was stored"
        if hashlib.sha256(plaintext).digest() != entry.id:
            return "its content does not match its id"
        return ""
