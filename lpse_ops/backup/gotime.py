"""Times as Go writes them in JSON: RFC 3339, nine digits at most, ``Z`` for a zero offset.

spec/restic-format.md, section 10, "Times".  Nanoseconds since 1970 are plain ints here, because
``datetime`` stops at microseconds.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|([+-])(\d\d):(\d\d))"
)
_EPOCH = datetime(1970, 1, 1)
_SECOND = 1_000_000_000
_FIRST_SECOND = -62_167_219_200  # year 0, which datetime does not know
_LAST_SECOND = 253_402_300_799  # end of year 9999


def format_ns(nanoseconds: int) -> str:
    """RFC 3339 in the machine's own time zone, as restic records a file's times."""
    second, fraction = divmod(nanoseconds, _SECOND)
    head, zone = _local_parts(second)
    if not fraction:
        return head + zone
    return f"{head}.{fraction:09d}".rstrip("0") + zone


@lru_cache(maxsize=4096)
def _local_parts(second: int) -> tuple[str, str]:
    second = min(max(second, _FIRST_SECOND + 366 * 86400), _LAST_SECOND - 86400)
    local = time.localtime(second)
    offset = local.tm_gmtoff
    if offset % 60:
        # Local mean time of the 19th century: RFC 3339 has no seconds in an offset.
        local, offset = time.gmtime(second), 0
    head = (
        f"{local.tm_year:04d}-{local.tm_mon:02d}-{local.tm_mday:02d}"
        f"T{local.tm_hour:02d}:{local.tm_min:02d}:{local.tm_sec:02d}"
    )
    return head, _zone_text(offset)


def _zone_text(offset_seconds: int) -> str:
    if not offset_seconds:
        return "Z"
    sign = "-" if offset_seconds < 0 else "+"
    hours, rest = divmod(abs(offset_seconds), 3600)
    return f"{sign}{hours:02d}:{rest // 60:02d}"


def parse_ns(text: str) -> int:
    """Nanoseconds since 1970 in UTC.  Raises ``ValueError``."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"not an RFC 3339 time: {text[:40]!r}")
    # Go's zero time is year 1; a year 0 can only come from a clamped one.
    head = "0001" + text[4:19] if text.startswith("0000") else text[:19]
    since = datetime.fromisoformat(head) - _EPOCH
    seconds = since.days * 86_400 + since.seconds - _offset_seconds(match)
    return seconds * _SECOND + int((match[7] or "0").ljust(9, "0"))


def _offset_seconds(match: re.Match[str]) -> int:
    if match[8] == "Z":
        return 0
    seconds = int(match[10]) * 3600 + int(match[11]) * 60
    return -seconds if match[9] == "-" else seconds


def format_datetime(moment: datetime) -> str:
    """An aware ``datetime`` with its own offset kept: it decides what day a snapshot belongs to."""
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    offset = moment.utcoffset() or timedelta()
    # Not strftime: its %Y leaves the zeros of the year 999 out.
    whole = moment.replace(microsecond=0, tzinfo=None).isoformat()
    return f"{whole}{fraction}{_zone_text(int(offset.total_seconds()))}"


def parse_datetime(text: str) -> datetime:
    """An aware ``datetime`` that keeps the offset written; microseconds are the finest."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"not an RFC 3339 time: {text[:40]!r}")
    whole = datetime.fromisoformat(text[:19] + match[8].replace("Z", "+00:00"))
    return whole.replace(microsecond=int((match[7] or "0").ljust(9, "0")) // 1000)


def to_datetime(nanoseconds: int) -> datetime:
    """In UTC; clamped to what ``datetime`` can hold."""
    second = min(max(nanoseconds // _SECOND, _FIRST_SECOND + 366 * 86400), _LAST_SECOND)
    return datetime.fromtimestamp(second, UTC)
