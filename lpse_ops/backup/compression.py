"""zstd as the format uses it: one frame with its content size, no dictionary, no checksum.

Lengths come from the index or the pack header and are checked before anything is allocated.
"""

import zstandard

from lpse_ops.backup.crypto import Buffer
from lpse_ops.errors import DamagedRepository

# zstd's own default: on the SQL text of a dump it stores about what restic's default stores.
LEVEL = 3
# For JSON full of ids, in which level 3 finds nothing more: a quarter less time, and smaller.
JSON_LEVEL = 1
_PIECE_BYTES = 1024 * 1024


class Compressor:
    """Keeps zstd's contexts between calls: one for each thread and process."""

    def __init__(self, level: int = LEVEL) -> None:
        self._compressor = zstandard.ZstdCompressor(
            level=level, write_content_size=True, write_checksum=False
        )
        self._decompressor = zstandard.ZstdDecompressor()

    def compress(self, plaintext: Buffer) -> bytes:
        return self._compressor.compress(plaintext)

    def decompress(self, frame: Buffer, length: int, what: str) -> bytes:
        """Return exactly ``length`` bytes or raise ``DamagedRepository``."""
        try:
            if length and zstandard.frame_content_size(frame) == length:
                plaintext = self._decompressor.decompress(frame, allow_extra_data=False)
            else:
                plaintext = self._bounded(frame, length, what)
        except zstandard.ZstdError as error:
            raise _damaged(what) from error
        if len(plaintext) != length:
            raise _damaged(what)
        return plaintext

    def decompress_at_most(self, frame: Buffer, limit: int, what: str) -> bytes:
        """For unpacked files, whose length is nowhere else recorded."""
        return self._bounded(frame, limit, what)

    def holds(self, frame: Buffer, plaintext: Buffer) -> bool:
        """Whether a frame decompresses to this, looked at piece by piece."""
        expected, position = memoryview(plaintext), 0
        try:
            with self._decompressor.stream_reader(frame, read_across_frames=True) as reader:
                while piece := reader.read(_PIECE_BYTES):
                    if expected[position : position + len(piece)] != piece:
                        return False
                    position += len(piece)
        except zstandard.ZstdError:
            return False
        return position == len(expected)

    def _bounded(self, frame: Buffer, limit: int, what: str) -> bytes:
        try:
            # A frame may claim any size; without the claim only a growing buffer is safe.
            if not 0 < zstandard.frame_content_size(frame) <= limit:
                return _stream(self._decompressor, frame, limit, what)
            return self._decompressor.decompress(frame, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise _damaged(what) from error


def _stream(
    decompressor: zstandard.ZstdDecompressor, frame: Buffer, limit: int, what: str
) -> bytes:
    pieces: list[bytes] = []
    left = limit
    with decompressor.stream_reader(frame, read_across_frames=True) as reader:
        while piece := reader.read(_PIECE_BYTES):
            left -= len(piece)
            if left < 0:
                raise _damaged(what)
            pieces.append(piece)
    return b"".join(pieces)


def _damaged(what: str) -> DamagedRepository:
    return DamagedRepository(
        f"{what} is damaged: it does not decompress to what was stored",
        hint="run lpse-ops backup check --read-data, and keep the other copies of the repository",
    )
