"""Durations as people type them."""

import re
from datetime import timedelta

_DURATION = re.compile(r"(?:[0-9]+[wdhms])+")
_PART = re.compile(r"([0-9]+)([wdhms])")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def parse_duration(text: str) -> timedelta:
    """Turn ``90s``, ``15m``, ``8h``, ``2d``, ``1w`` or ``1h30m`` into a duration, or ValueError."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration such as 15m, 8h, 1h30m, 2d or 1w")
    try:
        parts = (timedelta(**{_UNITS[unit]: int(n)}) for n, unit in _PART.findall(text))
        return sum(parts, timedelta())
    except OverflowError as error:
        raise ValueError(f"{text!r} is longer than any clock runs") from error
