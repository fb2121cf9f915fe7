"""How content crosses to S3: parts of a large file, and memory that is sent without a copy."""

import io
from typing import Any, NamedTuple

from lpse_ops.backup.storage.limit import Pace, no_pace

# What is larger goes in parts; packs are smaller, so nearly nothing does.
MULTIPART_BYTES = 64 << 20
_PART_BYTES = 16 << 20
# Amazon's own limit.
_MAX_PARTS = 10_000
_PIECE_BYTES = 1 << 20
# What goes at once where only so much may go in a second.
_PACED_BYTES = 1 << 14


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

    def __init__(self, view: memoryview, pace: Pace = no_pace) -> None:
        self._view = view
        self._position = 0
        self._pace = pace
        self._is_sent = False

    def sent(self) -> "MemoryBody":
        """The same from its beginning, each piece of it held up until it may go."""
        body = MemoryBody(self._view, self._pace)
        body._is_sent = self._pace is not no_pace
        return body

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
        """At least ``size`` bytes, as long as there are any; all for a negative size.

        Fewer of what is sent: http.client asks again until there is nothing left.
        """
        start = self._position
        at_once = _PACED_BYTES if self._is_sent else max(size, _PIECE_BYTES)
        end = len(self._view) if size < 0 else start + at_once
        piece = self._view[start:end] if size else self._view[:0]
        self._position += len(piece)
        if self._is_sent:
            self._pace(len(piece))
        return piece


def send_at_pace(request: Any, **_about: Any) -> None:
    """Called by botocore for each request that is signed and about to be sent.

    What was read before, for the signature, was on no line.
    """
    if isinstance(request.body, MemoryBody):
        request.body = request.body.sent()


def sign_proof_alone(request: Any, **_about: Any) -> None:
    """Called by botocore for each PutObject that is about to be signed.

    A signature covers the header with the SHA-256, and the content by a SHA-256 of its own.  Where
    the server is known to compare the first (it gets no MD5 any more), the second says the same
    and costs both sides a look at every byte.  Who wants it all the same says so in ~/.aws/config.
    """
    headers = request.headers
    if "x-amz-checksum-sha256" in headers and "Content-MD5" not in headers:
        config = request.context["client_config"]
        alone = type(config)(s3={"payload_signing_enabled": False, **(config.s3 or {})})
        request.context["client_config"] = config.merge(alone)
