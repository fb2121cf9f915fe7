"""What an answer must hold to be taken for one: whoever stands in between may say 200, too."""

import re
from collections.abc import Mapping
from typing import Any

from lpse_ops.backup.storage.limit import Pace, no_pace
from lpse_ops.backup.storage.memory import too_short
from lpse_ops.errors import StorageUnavailable

_PACED_BYTES = 1 << 14
# No tool writes a larger file that is read whole.
_MAX_BYTES = 2 << 30
_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


def beyond_end(name: str, length: int | None) -> bytes:
    """What there is behind the end of a file."""
    if length is not None:
        raise too_short(name)
    return b""


def ensure_range(answer: Mapping[str, Any], offset: int) -> None:
    """A server that does not know ranges sends the file from its beginning: ``ValueError``."""
    match = _RANGE.fullmatch(str(answer.get("ContentRange", "")))
    if (int(match[1]) if match else 0) != offset:
        raise ValueError("another range than was asked for")


def ensure_list(page: Mapping[str, Any]) -> None:
    """A login page of some network must not pass for a repository without snapshots."""
    if not page.get("Name") or not isinstance(page.get("IsTruncated"), bool):
        raise ValueError("no list of a bucket")


def ensure_stored(answer: Mapping[str, Any]) -> None:
    """Whoever stores an object names its content."""
    if not answer.get("ETag"):
        raise ValueError("no answer to a PutObject")


def read_body(name: str, body: Any, size_bytes: int, length: int | None, pace: Pace) -> bytes:
    """The bytes of an answer that announced ``size_bytes``."""
    if length is not None and size_bytes < length:
        raise too_short(name)
    wanted = size_bytes if length is None else length
    if wanted > _MAX_BYTES:
        raise ValueError("larger than any file of a repository")
    content = _read_at_pace(body, wanted, pace)
    if len(content) < wanted:
        raise StorageUnavailable(
            f"cannot read {name}: the answer was cut short", hint="run the command again"
        )
    return content


def _read_at_pace(body: Any, wanted: int, pace: Pace) -> bytes:
    """Up to ``wanted`` bytes, fewer where the answer breaks off."""
    if pace is no_pace:
        content: bytes = body.read(wanted)
        return content
    pieces: list[bytes] = []
    while wanted > 0:
        pace(min(wanted, _PACED_BYTES))
        piece: bytes = body.read(min(wanted, _PACED_BYTES))
        if not piece:
            break
        pieces.append(piece)
        wanted -= len(piece)
    return b"".join(pieces)
