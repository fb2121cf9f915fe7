"""Frames between controller and agent: what one side writes, the other takes apart.

``u32 length | u8 kind | u32 id | u16 count | u32 size of each segment | segments``; the first
segment is a JSON object, the others are raw bytes.  ``length`` counts what follows it; the highest
bit of ``kind`` says that everything after ``id`` is compressed.  Whoever sends is not trusted.

Used by the agent and by the controller: pure, standard library, Python 3.6.
"""

import json
import struct
import zlib
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

VERSION = 1
MAX_BYTES = 64 * 1024 * 1024
COMPRESS_FROM_BYTES = 1024

# From the controller.
RUN = 1
CANCEL = 2
START = 3
# From the agent.
HELLO = 16
DONE = 17
FAILED = 18
EXIT = 19
# From the process of a task to its agent only.
READY = 20
# Both ways.
CONTENT = 32
CREDIT = 33
BEAT = 34
DATA = 35

_COMPRESSED = 0x80
_PREFIX = struct.Struct(">IBI")
_AFTER_LENGTH = _PREFIX.size - 4
_COUNT = struct.Struct(">H")
_SIZE = struct.Struct(">I")
# Of a frame of content: the number of its parts, the size of its empty header, that of the content.
_CONTENT_TABLE = struct.Struct(">HII")
PREFIX_BYTES = _PREFIX.size
CONTENT_HEAD_BYTES = _PREFIX.size + _CONTENT_TABLE.size + 2


class FrameError(Exception):
    """Bytes that no frame can be: the other side is broken or not what it says."""


class FrameTooLarge(Exception):
    """A frame that we were asked to send is over the limit; nothing was sent."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(f"{size_bytes} bytes, the limit is {MAX_BYTES}")
        self.size_bytes = size_bytes


class Frame(NamedTuple):
    """One frame, its body still as it came; ``raw`` is the whole of it, to be passed on."""

    kind: int
    id: int
    raw: bytes

    def open(self) -> Tuple[Dict[str, Any], List[bytes]]:
        """Return header and segments; raises ``FrameError``."""
        return _open_body(self.raw)


def encode(
    kind: int,
    number: int,
    header: Dict[str, Any],
    segments: Sequence[bytes] = (),
    *,
    compress: bool = True,
) -> bytes:
    """Return one frame; what is no JSON in the header becomes text, bytes keep their value."""
    parts = [_ENCODER.encode(header).encode("ascii"), *segments]
    sizes = b"".join(_SIZE.pack(min(len(part), 0xFFFFFFFF)) for part in parts)
    size = sum(map(len, parts)) + len(sizes) + _COUNT.size + _AFTER_LENGTH
    if size > MAX_BYTES:
        raise FrameTooLarge(size)
    table = _COUNT.pack(len(parts)) + sizes
    if compress and size - _AFTER_LENGTH >= COMPRESS_FROM_BYTES:
        packed = zlib.compress(b"".join([table, *parts]), 1)
        if len(packed) < size - _AFTER_LENGTH:
            kind |= _COMPRESSED
            return _PREFIX.pack(len(packed) + _AFTER_LENGTH, kind, number) + packed
    return b"".join([_PREFIX.pack(size, kind, number), table, *parts])


def content_head(number: int, size: int) -> bytes:
    """What comes before ``size`` bytes of content, so that they need not be moved for it."""
    length = CONTENT_HEAD_BYTES - 4 + size
    return _PREFIX.pack(length, CONTENT, number) + _CONTENT_TABLE.pack(2, 2, size) + b"{}"


def content_size(head: bytes) -> Optional[int]:
    """How much content follows this head; None if it is the beginning of some other frame."""
    _, kind, number = _PREFIX.unpack_from(head)
    (size,) = _SIZE.unpack_from(head, CONTENT_HEAD_BYTES - 2 - _SIZE.size)
    return size if kind == CONTENT and head == content_head(number, size) else None


def parse_prefix(prefix: bytes) -> Tuple[int, int]:
    """Kind of a frame and how much of it follows its prefix; raises ``FrameError``."""
    length, kind, _ = _PREFIX.unpack(prefix)
    if not _AFTER_LENGTH < length <= MAX_BYTES:
        raise FrameError(f"a frame of {length} bytes")
    return kind & ~_COMPRESSED, length - _AFTER_LENGTH


class Decoder:
    """Cuts a stream into frames, however it is torn; keeps at most one frame that is not whole.

    Frames before a broken one are returned first; the next ``feed``, also of nothing, raises.
    A frame of a kind in ``parted`` does not wait for its end: ``raw`` is what there is of it, and
    further frames of the same number have the rest.
    """

    def __init__(self, parted: Sequence[int] = ()) -> None:
        self._pieces: List[bytes] = []
        self._held = 0
        self._wanted = _PREFIX.size
        self._broken: Optional[FrameError] = None
        self._parted = parted
        self._open: Optional[Frame] = None
        # Bytes of the open frame that have not come yet.
        self._missing = 0

    def feed(self, received: bytes) -> List[Frame]:
        """Return the frames that are whole now; raises ``FrameError``."""
        if self._broken:
            raise self._broken
        if self._open is None:
            return self._take(received)
        part = received[: self._missing]
        self._missing -= len(part)
        more = [self._open._replace(raw=part)] if part else []
        if not self._missing:
            self._open = None
            try:
                more += self._take(received[len(part) :])
            except FrameError:
                if not more:
                    raise
        return more

    def _take(self, received: bytes) -> List[Frame]:
        self._pieces.append(received)
        self._held += len(received)
        if self._held < self._wanted:
            return []
        return self._cut(b"".join(self._pieces))

    def _cut(self, held: bytes) -> List[Frame]:
        frames = []
        start = 0
        self._wanted = _PREFIX.size
        while len(held) - start >= _PREFIX.size:
            length, kind, number = _PREFIX.unpack_from(held, start)
            if not _AFTER_LENGTH < length <= MAX_BYTES:
                self._broken = FrameError(f"a frame of {length} bytes")
                break
            end = start + 4 + length
            if end > len(held):
                if kind in self._parted:
                    frames.append(self._begin(Frame(kind, number, held[start:]), end - len(held)))
                    start = len(held)
                else:
                    self._wanted = end - start
                break
            frames.append(Frame(kind & ~_COMPRESSED, number, held[start:end]))
            start = end
        if self._broken and not frames:
            raise self._broken
        self._held = len(held) - start
        self._pieces = [held[start:]] if self._held else []
        return frames

    def _begin(self, frame: Frame, missing: int) -> Frame:
        self._open, self._missing = frame._replace(raw=b""), missing
        return frame

    @property
    def is_empty(self) -> bool:
        """Whether nothing of a frame is waiting for its rest."""
        return not self._held and self._open is None


def as_json(value: Any) -> Any:
    """Text for what JSON does not have: bytes keep their value, everything else is described."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "surrogateescape")
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return str(value)


# Made once: ``json.dumps`` would make one each time.
_ENCODER = json.JSONEncoder(default=as_json)


def _open_body(raw: bytes) -> Tuple[Dict[str, Any], List[bytes]]:
    body = memoryview(raw)[_PREFIX.size :]
    if raw[4] & _COMPRESSED:
        body = memoryview(_decompress(body))
    count = _COUNT.unpack_from(body)[0] if len(body) >= _COUNT.size else 0
    if not count:
        raise FrameError("a frame without a header")
    start = _COUNT.size + count * _SIZE.size
    if start > len(body):
        raise FrameError("a frame shorter than its table")
    segments = []
    for index in range(count):
        (size,) = _SIZE.unpack_from(body, _COUNT.size + index * _SIZE.size)
        segments.append(bytes(body[start : start + size]))
        start += size
    if start != len(body):
        raise FrameError("sizes in a frame do not add up")
    return _parse_header(segments[0]), segments[1:]


def _decompress(body: memoryview) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        # One byte over the limit is enough to know that it is too much.
        unpacked = unpacker.decompress(body, MAX_BYTES + 1)
    except zlib.error as error:
        raise FrameError("a frame that cannot be decompressed") from error
    if len(unpacked) > MAX_BYTES or not unpacker.eof or unpacker.unused_data:
        raise FrameError("a compressed frame that is too large, or torn")
    return unpacked


def _parse_header(text: bytes) -> Dict[str, Any]:
    try:
        header = json.loads(text.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise FrameError("a frame whose header is no JSON") from error
    if not isinstance(header, dict):
        raise FrameError("a frame whose header is no object")
    return header
