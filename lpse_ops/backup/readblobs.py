"""Opens blobs that lie one behind the other in a piece of a pack, and proves each by its id.

Small blobs are many: what is done for each is kept short.
"""

import hashlib
import threading
from collections.abc import Iterator, Sequence

import zstandard

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.pack import MAX_BLOB_BYTES, PackEntry
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.scratch import Scratch
from lpse_ops.errors import DamagedRepository


class BlobReader:
    """May be used from several threads."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._scratch = Scratch()
        self._local = threading.local()

    def open_each(
        self, content: memoryview, start: int, entries: Sequence[PackEntry]
    ) -> Iterator[tuple[Buffer | None, str]]:
        """Each blob's plaintext, or None and what is wrong; ``content`` begins at ``start``.

        A plaintext may only be used until the next one is asked for.
        """
        spans = [(entry.offset - start, entry.length) for entry in entries]
        room = self._scratch.room(max([length for _, length in spans]))
        opened = self._repository.crypter.open_each(content, spans, room)
        sha256, decompress = hashlib.sha256, self._decompress
        for entry, envelope_text in zip(entries, opened, strict=True):
            if envelope_text is None:
                yield None, "its MAC does not match"
                continue
            length = entry.uncompressed_length
            plaintext = decompress(envelope_text, length) if length else envelope_text
            if plaintext is None:
                yield None, _frame_problem(length)
            elif sha256(plaintext).digest() != entry.id:
                yield None, "its content does not match its id"
            else:
                yield plaintext, ""

    def _decompress(self, frame: Buffer, length: int) -> bytes | None:
        """Exactly ``length`` bytes, or None."""
        try:
            # The short way for what nearly all frames are; the other one takes all.
            if zstandard.frame_content_size(frame) == length <= MAX_BLOB_BYTES:
                return self._decompressor.decompress(frame, allow_extra_data=False)
            if length <= MAX_BLOB_BYTES:
                return self._repository.compressor.decompress(frame, length, "a blob")
        except (zstandard.ZstdError, DamagedRepository):
            pass
        return None

    @property
    def _decompressor(self) -> zstandard.ZstdDecompressor:
        """This thread's own."""
        try:
            decompressor: zstandard.ZstdDecompressor = self._local.decompressor
        except AttributeError:
            decompressor = self._local.decompressor = zstandard.ZstdDecompressor()
        return decompressor


def _frame_problem(length: int) -> str:
    if length > MAX_BLOB_BYTES:
        return "it is larger than any blob may be"
    return "it does not decompress to what was stored"
