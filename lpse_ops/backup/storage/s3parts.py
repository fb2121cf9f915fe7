"""How content crosses to S3: parts of a large file, and memory that is sent without a copy."""

import io
from typing import NamedTuple

# What is larger goes in parts; packs are smaller, so nearly nothing does.
MULTIPART_BYTES = 64 << 20
_PART_BYTES = 16 << 20
# Amazon's own limit.
_MAX_PARTS = 10_000
_PIECE_BYTES = 1 << 20


class Part(NamedTuple):
    """``number`` counts from 1."""

    number: int
    offset: int
    size_bytes: int


def plan_parts(size_bytes: int) -> list[Part]:
    """Parts of 16 MiB, larger ones where there would be too many."""
    least = -(-size_bytes // _MAX_PARTS)
    each = max(_PART_BYTES, -(-least // _PIECE_BYTES) * _PIECE_BYTES)
    offsets = range(0, size_bytes, each)
    return [
        Part(number, offset, min(each, size_bytes - offset))
        for number, offset in enumerate(offsets, 1)
    ]


class MemoryBody(io.RawIOBase):
    """A piece of memory as a file, read in large views of it, however little was asked for.

    http.client asks for 16 KiB at a time, which is slow; whatever it gets, it sends.
    """

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._position = 0

    def __len__(self) -> int:
        return len(self._view)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._view)}
        self._position = min(max(base[whence] + offset, 0), len(self._view))
        return self._position

    def read(self, size: int = -1) -> memoryview:
        """At least ``size`` bytes, as long as there are any; all for a negative size."""
        start = self._position
        end = len(self._view) if size < 0 else start + max(size, _PIECE_BYTES)
        piece = self._view[start:end] if size else self._view[:0]
        self._position += len(piece)
        return piece
