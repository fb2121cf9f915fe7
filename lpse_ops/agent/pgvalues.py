"""Values that PostgreSQL wrote as text, as what JSON has for them.

The outcome is that of psycopg and Ansible: numbers are numbers, times are ISO 8601, arrays are
lists; a type that is not known stays the text that it is.  Pure; Python 3.6, standard library only.
"""

import datetime
import json
import re
from typing import Any, Callable, Dict, List, Optional, Tuple

_TIME = re.compile(
    r"(?:(\d{4,}-\d\d-\d\d)[ ])?(\d\d:\d\d:\d\d)(\.\d+)?([+-]\d\d(?::\d\d)?(?::\d\d)?)?$"
)
_INTERVAL_PART = re.compile(r"([+-]?\d+) (year|mon|day)s?")
_INTERVAL_TIME = re.compile(r"([+-]?)(\d+):(\d\d):(\d\d(?:\.\d+)?)$")
_DAYS = {"year": 365, "mon": 30, "day": 1}
_BOUNDS = re.compile(r"(\[[-+]?\d+:[-+]?\d+\])+=")
_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^",{}]+)', re.DOTALL)


def convert(text: Optional[str], kind: int) -> Any:
    """The value of a column whose type has this number in ``pg_type``."""
    if text is None:
        return None
    if kind in _ARRAYS:
        element = _ARRAYS[kind]
        return parse_array(text, lambda each: convert(each, element))
    make = _SCALARS.get(kind)
    return text if make is None else make(text)


def parse_array(text: str, make: Callable[[str], Any]) -> Any:
    """An array of any depth as lists; the text itself if it is not one."""
    bounds = _BOUNDS.match(text)
    items, end = _parse_level(text, bounds.end() if bounds else 0, make)
    return items if items is not None and end == len(text) else text


def _parse_level(
    text: str, start: int, make: Callable[[str], Any]
) -> Tuple[Optional[List[Any]], int]:
    """A list that starts with the brace at ``start``, and the place behind it."""
    if text[start : start + 1] != "{":
        return None, start
    items: List[Any] = []
    place = start + 1
    while place < len(text) and text[place] != "}":
        if text[place] == ",":
            place += 1
        elif text[place] == "{":
            inner, place = _parse_level(text, place, make)
            items.append(inner)
        else:
            match = _ELEMENT.match(text, place)
            if not match:
                return None, place
            items.append(_element(match.group(1), match.group(2), make))
            place = match.end()
    return items, place + 1


def _element(quoted: Optional[str], bare: Optional[str], make: Callable[[str], Any]) -> Any:
    if quoted is not None:
        return make(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
    if bare is None or bare.upper() == "NULL":
        return None
    return make(bare)


def _time(text: str) -> str:
    """A date, a time or both, as ISO 8601; what Python has no time for stays as it is."""
    match = _TIME.match(text)
    if not match:
        return text
    day, clock, fraction, offset = match.groups()
    written = (day + "T" if day else "") + clock
    if fraction:
        written += fraction.ljust(7, "0")
    if offset:
        written += offset if ":" in offset else offset + ":00"
    return written


def _moment(text: str) -> str:
    """A time with a zone; one that never comes is the last that Python has, as in Ansible."""
    ends = {"infinity": datetime.datetime.max, "-infinity": datetime.datetime.min}
    return ends[text].isoformat() if text in ends else _time(text)


def _interval(text: str) -> str:
    """A span of time as Python writes it, with 30 days in a month and 365 in a year."""
    days = sum(int(count) * _DAYS[unit] for count, unit in _INTERVAL_PART.findall(text))
    clock = _INTERVAL_TIME.search(text)
    span = datetime.timedelta(days=days)
    if clock:
        sign, hours, minutes, seconds = clock.groups()
        part = datetime.timedelta(
            hours=int(hours),
            minutes=int(minutes),
            seconds=int(seconds[:2]),
            microseconds=int((seconds[3:] or "0").ljust(6, "0")),
        )
        span += -part if sign == "-" else part
    elif not _INTERVAL_PART.search(text):
        return text
    return str(span)


def _bytes(text: str) -> str:
    if not text.startswith("\\x"):
        return text
    return bytes.fromhex(text[2:]).decode("utf-8", "surrogateescape")


def _bool(text: str) -> bool:
    return text == "t"


_SCALARS: Dict[int, Callable[[str], Any]] = {
    16: _bool,
    17: _bytes,
    20: int,
    21: int,
    23: int,
    26: int,
    114: json.loads,
    700: float,
    701: float,
    1083: _time,
    1114: _time,
    1184: _moment,
    1186: _interval,
    1266: _time,
    1700: float,
    3802: json.loads,
}
_TEXT = 25
# Types of arrays whose elements are text here.
_TEXT_ARRAYS = (651, 1002, 1003, 1009, 1014, 1015, 1034, 1041, 1182, 2951)
# Type of an array -> type of its elements.
_ARRAYS: Dict[int, int] = {
    **dict.fromkeys(_TEXT_ARRAYS, _TEXT),
    199: 114,
    1000: 16,
    1001: 17,
    1005: 21,
    1007: 23,
    1016: 20,
    1021: 700,
    1022: 701,
    1028: 26,
    1115: 1114,
    1183: 1083,
    1185: 1184,
    1187: 1186,
    1231: 1700,
    1270: 1266,
    3807: 3802,
}
