"""What a forged file may hold: JSON with one part replaced by something nobody expects there."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

FUZZ = settings(deadline=None, max_examples=150)

ODD_NUMBERS = (-1, 1 << 31, 1 << 32, 1 << 63, 1 << 64, 10**400, 0.5, float("inf"), float("nan"))
ODD_TEXTS = (
    "",
    "x",
    "\0",
    "/",
    "..",
    "\\",
    "\\x",
    "\\777",
    "\\ud800",
    "\ud800",
    "\\UFFFFFFFF",
    "٣",
    "=",
    "é" * 40,
    "z" * 64,
    "a" * 63,
    "a" * 100_000,
    "2026-13-45T99:99:99Z",
)


def odd_values() -> st.SearchStrategy[Any]:
    return st.sampled_from([*ODD_NUMBERS, *ODD_TEXTS, None, True, [], {}, [[]], [None], {"": 0}])


def forged(valid: bytes) -> st.SearchStrategy[bytes]:
    """The JSON with one value replaced or left out, or bytes cut and changed at random."""
    document = json.loads(valid)
    found = list(places(document))
    exchanged = st.tuples(st.sampled_from(found), odd_values()).map(
        lambda pair: json.dumps(replaced(document, *pair)).encode()
    )
    left_out = st.sampled_from([place for place in found if place]).map(
        lambda place: json.dumps(removed(document, place)).encode()
    )
    cut = st.integers(0, len(valid)).map(lambda length: valid[:length])
    changed = st.tuples(st.integers(0, len(valid) - 1), st.binary(min_size=1, max_size=3)).map(
        lambda change: valid[: change[0]] + change[1] + valid[change[0] + 1 :]
    )
    return st.one_of(exchanged, left_out, cut, changed, st.binary())


def deeply_nested(levels: int = 200_000) -> bytes:
    return b"[" * levels


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a JSON document, itself first."""
    yield above
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*above, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*above, number))


def replaced(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at one place."""
    if not place:
        return value
    result = copy.deepcopy(document)
    _parent(result, place)[place[-1]] = value
    return result


def removed(document: Any, place: tuple[Any, ...]) -> Any:
    """A copy with one key or element left out."""
    result = copy.deepcopy(document)
    del _parent(result, place)[place[-1]]
    return result


def _parent(document: Any, place: tuple[Any, ...]) -> Any:
    for step in place[:-1]:
        document = document[step]
    return document
