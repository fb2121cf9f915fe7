"""When a disk will be full, from what the last weeks' snapshots added."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

WINDOW = timedelta(days=28)
WARN_BELOW_DAYS = 14
_DAY = timedelta(days=1)


class Addition(NamedTuple):
    """What one snapshot added to the repository, compressed and encrypted."""

    time: datetime
    size_bytes: int


def growth_per_day(additions: Iterable[Addition], now: datetime) -> int | None:
    """Bytes that a day adds, by the snapshots of the last four weeks; None if too few are known.

    The first snapshot is left out: it holds everything there was.
    """
    ordered = sorted(each for each in additions if each.time <= now)
    recent = [each for each in ordered[1:] if now - each.time <= WINDOW]
    if not recent:
        return None
    span = max(min(now - ordered[0].time, WINDOW), _DAY)
    return int(sum(each.size_bytes for each in recent) / (span / _DAY))


def days_until_full(free_bytes: int, per_day: int | None) -> int | None:
    """None if nothing is known, or nothing is added."""
    return free_bytes // per_day if per_day else None


def is_short(days: int | None) -> bool:
    return days is not None and days < WARN_BELOW_DAYS
