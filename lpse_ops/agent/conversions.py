"""Values of arguments as a module wants them, by Ansible's rules for each type.

Pure, except that a ``path`` is expanded where this runs.  Python 3.6, standard library only.
"""

import ast
import decimal
import json
import os
import re
from typing import Any, Callable, Dict, List

TRUE_WORDS = ("y", "yes", "on", "1", "true", "t")
FALSE_WORDS = ("n", "no", "off", "0", "false", "f")

# Longer than any number that means something; the conversion of longer ones takes too long.
_MAX_NUMBER_LENGTH = 300
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_UNITS.update({"P": 2**50, "E": 2**60, "Z": 2**70, "Y": 2**80})
_SIZE = re.compile(r"(\d*\.?\d+)\s*([A-Za-z]*)\s*$", re.ASCII)


def convert(value: Any, kind: str) -> Any:
    """Convert a value to a type by its name in an argument table; ``ValueError`` if it is none."""
    return CONVERSIONS[kind](value)


def to_str(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value)


def to_path(value: Any) -> str:
    return os.path.expanduser(os.path.expandvars(to_str(value)))


def to_bool(value: Any) -> bool:
    word = value.strip().lower() if isinstance(value, str) else value
    if isinstance(word, (bool, int, float)) and word in (0, 1):
        return bool(word)
    if isinstance(word, str) and word in TRUE_WORDS + FALSE_WORDS:
        return word in TRUE_WORDS
    if not isinstance(word, (str, int, float)):
        raise ValueError(f"{type(value)} cannot be converted to a bool")
    raise ValueError(f"The value '{value}' is not a valid boolean")


def to_int(value: Any) -> int:
    if isinstance(value, int):
        return value
    try:
        if isinstance(value, str) and len(value) > _MAX_NUMBER_LENGTH:
            raise ValueError("too long")
        exact = decimal.Decimal(value)
        # An exponent can make a short text a number of a million digits.
        if exact.is_finite() and exact.adjusted() > _MAX_NUMBER_LENGTH:
            raise ValueError("too large")
        whole = int(exact)
        if exact != whole:
            raise ValueError("not whole")
    except (decimal.DecimalException, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f'"{value!r}" cannot be converted to an int') from error
    return whole


def to_float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{type(value)} cannot be converted to a float") from error


def to_list(value: Any) -> List[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, str):
        return value.split(",")
    if isinstance(value, (int, float)):
        return [str(value)]
    raise ValueError(f"{type(value)} cannot be converted to a list")


def to_dict(value: Any) -> Dict[Any, Any]:
    if isinstance(value, dict):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{type(value)} cannot be converted to a dict")
    if value.startswith("{"):
        return _parse_dict(value)
    if "=" not in value:
        raise ValueError("dictionary requested, could not parse JSON or key=value")
    pairs = [word.partition("=") for word in split_words(value)]
    if not all(equals for _, equals, _ in pairs):
        raise ValueError('unable to evaluate string in the "key=value" format as dictionary')
    return {key: rest for key, _, rest in pairs}


def split_words(text: str) -> List[str]:
    """Split at commas and spaces outside quotes; a backslash takes the next character as it is."""
    words: List[str] = []
    word = ""
    quote = ""
    taken = False
    for char in text.strip():
        if taken or char not in "\\'\", ":
            word += char
            taken = False
        elif char == "\\":
            taken = True
        elif quote:
            word, quote = (word, "") if char == quote else (word + char, quote)
        elif char in "'\"":
            quote = char
        else:
            words.append(word)
            word = ""
    return [each for each in [*words, word] if each]


def to_raw(value: Any) -> Any:
    return value


def to_json_text(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value)
    raise ValueError(f"{type(value)} cannot be converted to a json string")


def to_bytes(value: Any) -> int:
    """A size in bytes: ``10``, ``1K``, ``1.5 MB``, ``2 gigabyte``."""
    return _parse_size(value, "B", "byte")


def to_bits(value: Any) -> int:
    """A size in bits: ``10``, ``1Kb``, ``8 megabit``."""
    return _parse_size(value, "b", "bit")


def _parse_dict(text: str) -> Dict[Any, Any]:
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        if isinstance(value, dict):
            return value
    raise ValueError("unable to evaluate string as dictionary")


def _parse_size(value: Any, letter: str, name: str) -> int:
    match = _SIZE.match(str(value))
    if not match or len(match.group(1)) > _MAX_NUMBER_LENGTH:
        raise ValueError(f"{type(value)} cannot be converted to a {name.title()} value")
    number, unit = match.groups()
    return round(float(number) * _factor_of(unit, letter, name))


def _factor_of(unit: str, letter: str, name: str) -> int:
    spelled = {"kilo": "K", "mega": "M", "giga": "G", "tera": "T", "peta": "P"}
    spelled.update({"exa": "E", "zetta": "Z", "yotta": "Y", "": ""})
    lower = unit.lower()
    for prefix, short in spelled.items():
        if lower == prefix + name:
            return _UNITS[short]
    if unit[:1].upper() in _UNITS and unit[1:] in ("", letter):
        return _UNITS[unit[:1].upper()]
    # A lone b means the unit itself, bits or bytes.
    if lower == "b":
        return 1
    raise ValueError(f"the unit {unit!r} is not known; use one such as M{letter}")


CONVERSIONS: Dict[str, Callable[[Any], Any]] = {
    "str": to_str,
    "path": to_path,
    "bool": to_bool,
    "int": to_int,
    "float": to_float,
    "list": to_list,
    "dict": to_dict,
    "raw": to_raw,
    "jsonarg": to_json_text,
    "json": to_json_text,
    "bytes": to_bytes,
    "bits": to_bits,
}
