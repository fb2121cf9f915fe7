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
    parts = [json.dumps(header, default=as_json, check_circular=True).encode("ascii"), *segments]
    sizes = b"".join(_SIZE.pack(min(len(part), 0xFFFFFFFF)) for part in parts)
    size = sum(map(len, parts)) + len(sizes) + _COUNT.size + _AFTER_LENGTH
    if size > MAX_BYTES:
        raise FrameTooLarge(size)
    body = b"".join([_COUNT.pack(len(parts)), sizes, *parts])
    if compress and len(body) >= COMPRESS_FROM_BYTES:
        packed = zlib.compress(body, 1)
        if len(packed) < len(body):
            kind, body = kind | _COMPRESSED, packed
    return _PREFIX.pack(len(body) + _AFTER_LENGTH, kind, number) + body


class Decoder:
    """Cuts a stream into frames, however it is torn; keeps at most one frame that is not whole.

    Frames before a broken one are returned first; the next ``feed``, also of nothing, raises.
    """

    def __init__(self) -> None:
        self._pieces: List[bytes] = []
        self._held = 0
        self._wanted = _PREFIX.size
        self._broken: Optional[FrameError] = None

    def feed(self, received: bytes) -> List[Frame]:
        """Return the frames that are whole now; raises ``FrameError``."""
        if self._broken:
            raise self._broken
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
                self._wanted = end - start
                break
            frames.append(Frame(kind & ~_COMPRESSED, number, held[start:end]))
            start = end
        if self._broken and not frames:
            raise self._broken
        self._pieces = [held[start:]]
        self._held = len(held) - start
        return frames

    @property
    def is_empty(self) -> bool:
        """Whether nothing of a frame is waiting for its rest."""
        return not self._held


def as_json(value: Any) -> Any:
    """Text for what JSON does not have: bytes keep their value, everything else is described."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "surrogateescape")
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return str(value)


def _open_body(raw: bytes) -> Tuple[Dict[str, Any], List[bytes]]:
    body = raw[_PREFIX.size :]
    if raw[4] & _COMPRESSED:
        body = _decompress(body)
    count = _COUNT.unpack_from(body)[0] if len(body) >= _COUNT.size else 0
    if not count:
        raise FrameError("a frame without a header")
    start = _COUNT.size + count * _SIZE.size
    if start > len(body):
        raise FrameError("a frame shorter than its table")
    segments = []
    for index in range(count):
        (size,) = _SIZE.unpack_from(body, _COUNT.size + index * _SIZE.size)
        segments.append(body[start : start + size])
        start += size
    if start != len(body):
        raise FrameError("sizes in a frame do not add up")
    return _parse_header(segments[0]), segments[1:]


def _decompress(body: bytes) -> bytes:
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
