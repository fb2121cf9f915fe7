"""Filters on numbers and sizes, and conversions to bool."""

import math
import re
from typing import Any

from lpse_ops.templating.filters.problem import FilterProblem

_PREFIXES = {
    "Y": "yotta", "Z": "zetta", "E": "exa", "P": "peta", "T": "tera", "G": "giga", "M": "mega",
    "K": "kilo", "B": "",
}  # fmt: skip
_UNITS = "".join(_PREFIXES)
_TRUE = {"yes", "on", "1", "true"}


def to_bool(value: Any) -> bool:
    """Tell whether a value is one of the words for true; everything unknown is false."""
    if isinstance(value, str):
        return value.lower() in _TRUE
    return bool(value == 1)


def log(value: Any, base: Any = math.e) -> float:
    try:
        return math.log10(value) if base == 10 else math.log(value, base)
    except (TypeError, ValueError) as error:
        raise FilterProblem(f"log() can only be used on numbers: {error}") from None


def power(value: Any, exponent: Any) -> float:
    try:
        return math.pow(value, exponent)
    except (TypeError, ValueError, OverflowError) as error:
        raise FilterProblem(f"pow() can only be used on numbers: {error}") from None


def root(value: Any, base: Any = 2) -> float:
    try:
        return math.sqrt(value) if base == 2 else math.pow(value, 1.0 / float(base))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise FilterProblem(f"root() can only be used on numbers: {error}") from None


def human_readable(size: Any, isbits: bool = False, unit: str | None = None) -> str:
    """A number of bytes (or bits) with two decimals and the largest unit that fits."""
    if not isinstance(size, int | float):
        raise FilterProblem(f"human_readable() failed on bad input: {size!r}")
    number = float(size)
    base = "bits" if isbits else "Bytes"
    letter = "b" if isbits else "B"
    for index, prefix in enumerate(_UNITS):
        limit = 1 << (10 * (len(_UNITS) - 1 - index))
        if (unit is None and number >= limit) or (unit is not None and unit.upper() == prefix):
            break
    suffix = base if limit == 1 else f"{prefix}{letter}"
    return f"{number / limit:.2f} {suffix}"


def human_to_bytes(size: Any, default_unit: str | None = None, isbits: bool = False) -> int:
    match = re.match(r"(\d*\.?\d+)(?:\s*([A-Za-z]+))?\s*$", str(size), re.ASCII)
    if not match:
        raise FilterProblem(f"human_to_bytes: {size!r} is no size such as '10M'")
    number, unit = match.group(1), match.group(2) or default_unit
    if not unit:
        return round(float(number))
    if unit[0].upper() not in _UNITS:
        raise FilterProblem(f"human_to_bytes: {unit!r} is no unit, one of {', '.join(_UNITS)}")
    _check_unit(unit, isbits=isbits)
    exponent = len(_UNITS) - 1 - _UNITS.index(unit[0].upper())
    return round(float(number) * (1 << (10 * exponent)))


def _check_unit(unit: str, *, isbits: bool) -> None:
    letter, word = ("b", "bit") if isbits else ("B", "byte")
    prefix = unit[0].upper()
    known = (f"{_PREFIXES[prefix]}{word}", f"{prefix}{letter}")
    if len(unit) > 1 and unit.lower() != known[0] and unit != known[1]:
        raise FilterProblem(f"human_to_bytes: {unit!r} is not a unit of {word}s")


def ternary(value: Any, true_value: Any, false_value: Any, none_value: Any = None) -> Any:
    if value is None and none_value is not None:
        return none_value
    return true_value if bool(value) else false_value


FILTERS = {
    "bool": to_bool,
    "human_readable": human_readable,
    "human_to_bytes": human_to_bytes,
    "log": log,
    "pow": power,
    "root": root,
}
