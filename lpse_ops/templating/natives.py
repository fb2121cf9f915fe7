"""What a template results in: native types, joined only where there is more than one part."""

import datetime
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from jinja2.environment import TemplateModule
from jinja2.runtime import Undefined

from lpse_ops.marked import Revealed, Text
from lpse_ops.templating.embedded import is_template
from lpse_ops.templating.markers import OMIT, Marker, MarkerUsed, type_name

# What a template may result in as it is.
_SCALARS = frozenset({str, int, float, bool, type(None), datetime.datetime, datetime.date})
_SEQUENCES = (list, tuple, set, frozenset, KeysView, ValuesView, ItemsView, Iterator)


class NotAValue(Exception):
    """A template resulted in something that is no value: a method, a module, bytes."""


def join_parts(parts: Iterable[Any]) -> Any:
    """One part as it is, none as None, several as a string."""
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    return join_text(parts) if parts else None


def with_final_newlines(text: str, source: str, newline: str = "\n") -> str:
    """The text with as many newlines at its end as its template has: Jinja takes one away."""
    missing = _final_newlines(source) - _final_newlines(text)
    return text + newline * max(missing, 0)


def _final_newlines(text: str) -> int:
    return len(text) - len(text.rstrip("\n"))


def join_text(parts: Iterable[Any]) -> str:
    """All parts as one string, None as nothing; raise MarkerUsed if one of them is undefined."""
    return "".join([part if type(part) is str else _text_of(part) for part in parts])


def _text_of(part: Any) -> str:
    if part is None or part is OMIT:
        return ""
    if isinstance(part, str):
        return str(part)
    if isinstance(part, Undefined):
        return str(part)
    return str(to_plain(part))


def to_plain(value: Any) -> Any:
    """A copy of plain dicts, lists and scalars, without what is omitted; literals stay ``Text``.

    Raise MarkerUsed for an undefined value anywhere inside, NotAValue for what cannot be a value.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value
    if isinstance(value, str):
        return _kept(value)
    if isinstance(value, Mapping):
        pairs = ((plain_key(key), to_plain(each)) for key, each in value.items())
        return {key: each for key, each in pairs if each is not OMIT}
    if isinstance(value, _SEQUENCES):
        return [each for each in map(to_plain, value) if each is not OMIT]
    if value is OMIT:
        return value
    return _to_plain_rarely(value)


def _kept(value: str) -> str:
    """A string that somebody wrote, word for word, stays trusted: it may be a condition."""
    is_literal = isinstance(value, Text) and not is_template(value)
    return value if is_literal or isinstance(value, Revealed) else str(value)


def plain_key(key: Any) -> Any:
    """A key of a dict, without its place."""
    return str(key) if isinstance(key, str) else key


def _to_plain_rarely(value: Any) -> Any:
    if isinstance(value, Marker):
        raise MarkerUsed(value)
    if isinstance(value, TemplateModule):
        # An imported template, shown as a whole.
        return to_plain(join_parts(value._body_stream))
    for kind in (bool, int, float, datetime.datetime, datetime.date, datetime.time):
        if isinstance(value, kind):
            return value
    raise NotAValue(f"a template may not result in a value of type {type_name(value)!r}")
