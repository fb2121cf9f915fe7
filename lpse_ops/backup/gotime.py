"""Times as Go writes them in JSON: RFC 3339, nine digits at most, ``Z`` for a zero offset.

spec/restic-format.md, section 10, "Times".  Nanoseconds since 1970 are plain ints here, because
``datetime`` stops at microseconds.
"""

import re
import time
from collections.abc import Set
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

# ASCII digits only, and no 24:00 nor a leap second: as Go.
_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])"
    r"(?:\.([0-9]{1,9}))?(Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
# Many of them, a line each; of the days that not every month or year has, the most common.
_PLAIN_LINES = re.compile(
    r"(?:[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)"
    r"|(?:0[13578]|1[02])-31)T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(?:\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])\n)*"
).fullmatch
_EPOCH = date(1970, 1, 1)
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
    day, hour, minute, second, fraction, zone = match.groups()
    seconds = _midnight(day, zone) + int(hour) * 3600 + int(minute) * 60 + int(second)
    return seconds * _SECOND + (int(fraction.ljust(9, "0")) if fraction else 0)


def refuse_malformed(texts: Set[str]) -> None:
    """``ValueError`` unless ``parse_ns`` reads them all; takes a part of its time."""
    lines = "\n".join((*texts, ""))
    # A text with a line end in it could pass for two.
    if lines.count("\n") != len(texts) or not _PLAIN_LINES(lines):
        for text in texts:
            parse_ns(text)


@lru_cache(maxsize=4096)
def _midnight(day: str, zone: str) -> int:
    """Seconds since 1970 at the start of a day; most files share theirs with many others."""
    # Go's zero time is year 1; a year 0 can only come from a clamped one.
    first = date.fromisoformat("0001" + day[4:] if day.startswith("0000") else day)
    return (first - _EPOCH).days * 86_400 - _offset_seconds(zone)


def _offset_seconds(zone: str) -> int:
    if zone == "Z":
        return 0
    seconds = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
    return -seconds if zone[0] == "-" else seconds


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
    whole = datetime.fromisoformat(text[:19] + match[6].replace("Z", "+00:00"))
    return whole.replace(microsecond=int((match[5] or "0").ljust(9, "0")) // 1000)


def to_datetime(nanoseconds: int) -> datetime:
    """In UTC; clamped to what ``datetime`` can hold in any time zone."""
    first, last = _FIRST_SECOND + 367 * 86400, _LAST_SECOND - 86400
    second = min(max(nanoseconds // _SECOND, first), last)
    return datetime.fromtimestamp(second, UTC)
