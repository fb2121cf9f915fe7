"""Values out of JSON that another program wrote: each of the type that it should have, or none.

All raise ``TypeError`` or ``ValueError``, whose text shows little of what was there.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar, get_args

_Value = TypeVar("_Value")
_LARGEST = 1 << 31
# As the ledger takes them.
_YEARS = range(2000, 2200)


def as_mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{_shown(value)} has no keys")
    return value


def as_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{_shown(value)} is no list")
    return value


def as_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{_shown(value)} is no text")
    return value


def as_number(value: Any) -> int:
    if type(value) is not int or abs(value) >= _LARGEST:
        raise TypeError(f"{_shown(value)} is no number, or too large")
    return value


def as_moment(value: Any) -> datetime:
    """An aware time of our century or the next."""
    moment = datetime.fromisoformat(as_text(value))
    if moment.tzinfo is None or moment.year not in _YEARS:
        raise ValueError(f"{_shown(value)} has no time zone, or is not of our time")
    return moment


def one_of(literal: Any, value: Any) -> Any:
    """One of the values of a ``Literal``."""
    if value not in get_args(literal):
        raise ValueError(f"{_shown(value)} is none of {', '.join(get_args(literal))}")
    return value


def or_none(read: Callable[[Any], _Value], value: Any) -> _Value | None:
    return None if value is None else read(value)


def _shown(value: object) -> str:
    return ascii(value)[:40]
