"""JSON whose bytes are decided by its value alone: RFC 8785, without floating-point numbers.

Keys in the order of their UTF-16 units, no white space, UTF-8.  Numbers are whole and at most
2**53 - 1, so that every other tool reads the same.
"""

import json
from collections.abc import Mapping
from typing import Any

_LARGEST = 2**53 - 1
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def encode_canonical(value: object) -> bytes:
    """Return the bytes of a value, or ``ValueError`` saying what has no canonical form."""
    try:
        return _ENCODER.encode(_ordered(value)).encode()
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    except UnicodeEncodeError as error:
        raise ValueError("it holds half a character (a lone surrogate)") from error


def parse_canonical(content: bytes) -> Any:
    """Return the value, or ``ValueError`` when these are not the bytes it is encoded to."""
    try:
        value = json.loads(content)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    # Double keys, other number forms, white space and escapes all show here.
    if encode_canonical(value) != content:
        raise ValueError("it is JSON, but not in canonical form")
    return value


def _ordered(value: object) -> object:
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise ValueError(f"{value.bit_length()} bits are too many for a number")
        return int(value)
    if isinstance(value, Mapping):
        return {key: _ordered(value[key]) for key in _ordered_keys(value)}
    if isinstance(value, (list, tuple)):
        return [_ordered(each) for each in value]
    raise ValueError(f"{type(value).__name__} has no place in a record")


def _ordered_keys(value: Mapping[str, Any]) -> list[str]:
    try:
        is_ascii = "".join(value).isascii()
    except TypeError as error:
        raise ValueError("a key is not text") from error
    return sorted(value, key=None if is_ascii else _utf16)


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")
