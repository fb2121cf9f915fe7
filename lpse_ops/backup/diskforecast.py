"""When a disk will be full, from how much room the runs of the last weeks found on it.

What counts is what became of the disk, not what the runs added: a prune gives room back, and
other files take some.  So the most room of the first week known is held against the most of the
last one; the saw teeth between two weekly prunes make no difference.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

WINDOW = timedelta(days=28)
# Two weeks to compare: of less, nothing is said.
_LEAST = timedelta(days=14)
_WEEK = timedelta(days=7)
WARN_BELOW_DAYS = 14
_DAY = timedelta(days=1)
# A file system of another size is another disk; some change theirs a little by themselves.
_SAME_SIZE = 0.05
_KEYS = ("free_bytes", "total_bytes")


class Room(NamedTuple):
    """What was free on a disk after a run."""

    time: datetime
    free_bytes: int
    total_bytes: int


def read_rooms(time: datetime, facts: Mapping[str, Any]) -> dict[str, Room]:
    """The room that a ``backup`` record tells of, by destination; what is no number is left out."""
    found = facts.get("room")
    rooms = {}
    for name, each in found.items() if isinstance(found, dict) else ():
        free, total = map(each.get, _KEYS) if isinstance(each, dict) else (None, None)
        if type(free) is int and type(total) is int and 0 <= free <= total:
            rooms[str(name)] = Room(time, free, total)
    return rooms


def growth_per_day(rooms: Iterable[Room], now: datetime) -> int | None:
    """Bytes that a day takes in the end, none or less if room comes back; None if not known yet."""
    recent = _of_one_disk(sorted(each for each in rooms if now - WINDOW <= each.time <= now))
    if not recent or recent[-1].time - recent[0].time < _LEAST:
        return None
    before = _roomiest(each for each in recent if each.time < recent[0].time + _WEEK)
    after = _roomiest(each for each in recent if each.time > recent[-1].time - _WEEK)
    return int((before.free_bytes - after.free_bytes) / ((after.time - before.time) / _DAY))


def _of_one_disk(rooms: Sequence[Room]) -> Sequence[Room]:
    """Those since the disk was changed for another one."""
    for index in range(len(rooms) - 1, -1, -1):
        last = rooms[-1].total_bytes
        if abs(rooms[index].total_bytes - last) > last * _SAME_SIZE:
            return rooms[index + 1 :]
    return rooms


def _roomiest(rooms: Iterable[Room]) -> Room:
    return max(rooms, key=lambda each: each.free_bytes)


def days_until_full(free_bytes: int, per_day: int | None) -> int | None:
    """None if nothing is known, or the disk does not fill up."""
    return free_bytes // per_day if per_day is not None and per_day > 0 else None


def is_short(days: int | None) -> bool:
    return days is not None and days < WARN_BELOW_DAYS
