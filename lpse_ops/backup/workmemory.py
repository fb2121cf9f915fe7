"""The memory that the main process and its workers share, and the messages between them.

Input buffers carry file contents to the workers; pack buffers carry finished packs back to the
writer.  Messages are small (``SOCK_SEQPACKET`` keeps their borders) and say where to look.
"""

import contextlib
import mmap
import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lpse_ops.backup.packer import MAX_ENTRIES, buffer_bytes

# The largest chunk; a batch of small files fills a buffer of the same size.
INPUT_BYTES = 4 * 1024 * 1024
# Keeps a message of a batch well under a socket's buffer.
MAX_SPANS = 1024
# What an index says of a pack: two ids and some numbers in JSON.
INDEX_TEXT_ROOM = MAX_ENTRIES * 192 + 256

SPAN = struct.Struct("<II")
ITEM = struct.Struct("<II32s")
PACK = struct.Struct("<cBIII32s")
# A request to read: size in bytes, inode, mtime and ctime in nanoseconds, length of the path.
READ_ITEM = struct.Struct("<IQqqH")
MAX_READ_MESSAGE = 64 * 1024
# A request to look: groups of a folder's path, its identity, and names in it.  No path holds a NUL.
NO_FOLDER = (0, 0)
END_OF_NAME = b"\0"
END_OF_GROUP = b"\0\0"
# What was found: files, where the nodes begin in the buffer, and their bytes.  No JSON holds a
# line end.
_LOOKED = struct.Struct("<III")
END_OF_TEXT = "\n"
MAX_MESSAGE = max(2 + MAX_SPANS * ITEM.size, 2 + MAX_READ_MESSAGE)

# What became of a file: read and plain, with extended attributes, or not as it looked.
PLAIN = 0
HAS_XATTRS = 1
READ_AGAIN = 2

# main -> worker
KEYS = b"K"
HASH = b"H"
READ = b"R"
LOOK = b"L"
STORE = b"S"
USE_PACK = b"B"
FLUSH = b"F"
# worker -> main
HASHED = b"h"
READ_DONE = b"r"
LOOK_DONE = b"l"
STORED = b"s"
PACKED = b"P"
FLUSHED = b"f"
FAILED = b"E"

_PAGE = mmap.PAGESIZE
_ID_BYTES = 32


class Looked(NamedTuple):
    """What became of the first files of a request to look, by its order.

    ``texts`` are nodes, whole or, of a file with extended attributes, up to these.
    """

    flags: bytes
    sizes: Sequence[int]
    ids: list[bytes]
    texts: list[str]


def encode_identity(identity: tuple[int, int]) -> bytes:
    return b"%d:%d" % identity


def encode_looked(
    text_start: int,
    text_bytes: int,
    flags: bytes | bytearray,
    sizes: Sequence[int],
    ids: Sequence[bytes],
) -> bytes:
    """The worker's answer; the texts stand in the buffer."""
    numbers = array("I", sizes).tobytes()
    return _LOOKED.pack(len(ids), text_start, text_bytes) + flags + numbers + b"".join(ids)


def read_looked(message: bytes, start: int, content: memoryview) -> Looked:
    """The answer that begins at ``start``, with the texts from the buffer."""
    count, text_start, text_bytes = _LOOKED.unpack_from(message, start)
    flags = start + _LOOKED.size
    sizes = array("I")
    first = flags + count
    last = first + count * sizes.itemsize
    sizes.frombytes(message[first:last])
    text = str(content[text_start : text_start + text_bytes], "utf-8")
    return Looked(message[flags:first], sizes, cut_ids(message, last), text.split(END_OF_TEXT))


def cut_ids(message: bytes, start: int) -> list[bytes]:
    """Ids of blobs that stand from ``start`` to the end."""
    return [message[i : i + _ID_BYTES] for i in range(start, len(message), _ID_BYTES)]


def finish_node(head: str, xattrs: str, size_bytes: int, blob_id: bytes) -> str:
    """The node of a file of one blob at most."""
    return f'{head}{xattrs},"content":[' + (f'"{blob_id.hex()}"]}}' if size_bytes else "]}")


@dataclass(frozen=True)
class Layout:
    """How the shared memory is cut."""

    inputs: int
    packs: int

    @property
    def pack_bytes(self) -> int:
        wanted = buffer_bytes(INPUT_BYTES) + INDEX_TEXT_ROOM
        return (wanted + _PAGE - 1) // _PAGE * _PAGE

    @property
    def total_bytes(self) -> int:
        return self.inputs * INPUT_BYTES + self.packs * self.pack_bytes


class SharedMemory:
    """Memory that forked processes share; pages nobody touched cost nothing."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._map = mmap.mmap(-1, layout.total_bytes)
        self._view = memoryview(self._map)

    def input(self, number: int) -> memoryview:
        start = number * INPUT_BYTES
        return self._view[start : start + INPUT_BYTES]

    def give_up_input(self, number: int) -> None:
        """Let the kernel have the pages again; whatever stood there is gone."""
        with contextlib.suppress(OSError):  # locked into memory
            self._map.madvise(mmap.MADV_REMOVE, number * INPUT_BYTES, INPUT_BYTES)

    def pack(self, number: int) -> memoryview:
        start = self._layout.inputs * INPUT_BYTES + number * self._layout.pack_bytes
        return self._view[start : start + self._layout.pack_bytes]

    def close(self) -> None:
        # After an error somebody may still look at a buffer; the memory goes with the last view.
        with contextlib.suppress(BufferError):
            self._view.release()
            self._map.close()
