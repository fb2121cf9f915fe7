"""Compressed data of a package made plain, with bounds on memory, and with nothing behind it.

One gzip member, one xz stream or one zstd frame: a second one behind the first, which the tools
would unpack as if it were one, is refused.
"""

import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import zstandard

from lpse_ops.spse.packageentry import BadArchive
from lpse_ops.spse.packagesource import STEP_BYTES, Source

# What comes out at a time.
_CHUNK_BYTES = 1 << 20
_MAX_MEMORY_BYTES = 128 << 20
# zstandard has no limit for what comes out; of so much input it is 43 MB at most.
_ZSTD_STEP_BYTES = 1 << 10
_GZIP_FLAGS_AT, _GZIP_HEAD_BYTES, _GZIP_HAS_NAME = 3, 10, b"\x08"
_MAX_GZIP_NAME_BYTES = 256
CUT_OFF = "its compressed data is cut off"
_DAMAGED = "its compressed data is damaged"


class Plain:
    """What comes out, to be read like a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._chunk = b""
        self._at = 0

    def chunks(self, size_bytes: int) -> Iterator[bytes]:
        """Give exactly so many bytes, in parts."""
        left = size_bytes
        while left:
            chunk = self.some(left)
            if not chunk:
                raise BadArchive("it is cut off")
            left -= len(chunk)
            yield chunk

    def take(self, size_bytes: int) -> bytes:
        return b"".join(self.chunks(size_bytes))

    def some(self, limit_bytes: int) -> bytes:
        """Give at most so many bytes; none at the end."""
        while self._at == len(self._chunk):
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._chunk, self._at = chunk, 0
        taken = self._chunk[self._at : self._at + limit_bytes]
        self._at += len(taken)
        return taken


def open_plain(source: Source, compression: str) -> Plain:
    """The plain data of ``gz``, ``xz``, ``zst`` or ``""``; to be read to its end."""
    return Plain(_OPENERS[compression](source))


def inflate(inflater: Any, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Run zlib's decompressor to the end of its stream; what lies behind is the caller's."""
    while not inflater.eof:
        data = inflater.unconsumed_tail or next(chunks, b"")
        try:
            plain = inflater.decompress(data, _CHUNK_BYTES)
        except zlib.error as error:
            raise BadArchive(_DAMAGED) from error
        if not (data or plain or inflater.eof):
            raise BadArchive(CUT_OFF)
        yield plain


def _uncompressed(source: Source) -> Iterator[bytes]:
    return source.chunks(source.size_bytes)


def _gzip(source: Source) -> Iterator[bytes]:
    head = source.peek(0, _GZIP_HEAD_BYTES + _MAX_GZIP_NAME_BYTES)
    flags, name = head[_GZIP_FLAGS_AT : _GZIP_FLAGS_AT + 1], head[_GZIP_HEAD_BYTES:]
    if flags not in (b"\0", _GZIP_HAS_NAME) or (flags != b"\0" and b"\0" not in name):
        raise BadArchive("its gzip header holds more than a name")
    inflater = zlib.decompressobj(wbits=31)
    yield from inflate(inflater, source.chunks(source.size_bytes))
    _refuse_more(inflater.unused_data, source)


def _xz(source: Source) -> Iterator[bytes]:
    decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_MEMORY_BYTES)
    while not decompressor.eof:
        data = source.read(STEP_BYTES) if decompressor.needs_input else b""
        if decompressor.needs_input and not data:
            raise BadArchive(CUT_OFF)
        try:
            yield decompressor.decompress(data, _CHUNK_BYTES)
        except lzma.LZMAError as error:
            raise BadArchive(_DAMAGED) from error
    _refuse_more(decompressor.unused_data, source)


def _zstd(source: Source) -> Iterator[bytes]:
    frame = zstandard.ZstdDecompressor(max_window_size=_MAX_MEMORY_BYTES).decompressobj()
    data = b""
    while not frame.eof:
        data = data or source.read(STEP_BYTES)
        if not data:
            raise BadArchive(CUT_OFF)
        step, data = data[:_ZSTD_STEP_BYTES], data[_ZSTD_STEP_BYTES:]
        try:
            yield frame.decompress(step)
        except zstandard.ZstdError as error:
            raise BadArchive(_DAMAGED) from error
    _refuse_more(frame.unused_data + data, source)


def _refuse_more(rest: bytes, source: Source) -> None:
    more = len(rest) + source.size_bytes - source.position
    if more:
        raise BadArchive(f"{more} bytes follow the end of its compressed data")


_OPENERS: dict[str, Callable[[Source], Iterator[bytes]]] = {
    "": _uncompressed,
    "gz": _gzip,
    "xz": _xz,
    "zst": _zstd,
}
