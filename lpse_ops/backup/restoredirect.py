"""Writes large pieces of restored files past the page cache.

A restore must not push out what the server works with, and where fresh memory is dear (virtual
machines) it takes a tenth of the CPU.  Only whole blocks can be written so; what sticks out at
both ends goes the ordinary way.
"""

import errno
import mmap
import os
import threading

from lpse_ops.backup.crypto import Buffer

# Below this an ordinary write is no slower.
DIRECT_BYTES = 256 * 1024
# A block of any disk, and never part of a page that an ordinary write has in the cache.
_BLOCK_BYTES = max(4096, mmap.PAGESIZE)
_PIECE_BYTES = 4 * 1024 * 1024


def open_direct(descriptor: int) -> int:
    """A second descriptor of an open file, for direct writes; -1 where there are none."""
    try:
        path = b"/proc/self/fd/%d" % descriptor
        return os.open(path, os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)
    except OSError:
        return -1


class DirectWriter:
    """May be used from several threads; keeps a buffer for each, since disks want it aligned."""

    def __init__(self) -> None:
        self._local = threading.local()

    def write(self, descriptor: int, direct: int, plaintext: Buffer, offset: int) -> None:
        """Write all of it; ``direct`` is from ``open_direct`` of ``descriptor``."""
        view = memoryview(plaintext)
        start = min(-offset % _BLOCK_BYTES, len(view))
        end = start + (len(view) - start) // _BLOCK_BYTES * _BLOCK_BYTES
        write_all(descriptor, view[:start], offset)
        done = start
        while done < end:
            written = self._write_piece(direct, view[done:end], offset + done)
            if not written:
                break
            done += written
        write_all(descriptor, view[done:], offset + done)

    def _write_piece(self, direct: int, view: memoryview, offset: int) -> int:
        """Write a first part; 0 if the disk wants it otherwise."""
        buffer = self._buffer()
        size = min(len(view), len(buffer))
        buffer[:size] = view[:size]
        try:
            return os.pwrite(direct, buffer[:size], offset)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return 0

    def _buffer(self) -> memoryview:
        if not hasattr(self._local, "buffer"):
            self._local.buffer = memoryview(mmap.mmap(-1, _PIECE_BYTES))
        buffer: memoryview = self._local.buffer
        return buffer


def write_all(descriptor: int, plaintext: Buffer, offset: int) -> None:
    view = memoryview(plaintext)
    written = 0
    while written < len(view):
        written += os.pwrite(descriptor, view[written:], offset + written)
