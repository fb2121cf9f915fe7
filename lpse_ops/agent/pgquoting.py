"""Names and values in SQL text, whatever they hold.

Right whatever ``standard_conforming_strings`` is, for text that goes to the server as UTF-8.
Pure; Python 3.6, standard library only.
"""

import re
from typing import Any, List, Mapping, Match, Sequence, Union

Values = Union[Sequence[Any], Mapping[str, Any], None]

_PLACEHOLDER = re.compile(r"%(?:%|\((?P<name>[^)]*)\)(?P<named>.)?|(?P<kind>.)?)", re.DOTALL)
_KINDS = ("s", "b", "t")


class QuotingError(Exception):
    """A value cannot be written as SQL, or does not fit its place."""


def identifier(name: str) -> str:
    """The name of a role, a table and the like, taken as it is."""
    return '"' + _checked(name).replace('"', '""') + '"'


def literal(value: Any) -> str:
    """A value: text, number, truth or nothing; a list is an array, as Ansible writes one."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return _number(value)
    if isinstance(value, (list, tuple)):
        return _text(array_text(value))
    if isinstance(value, str):
        return _text(value)
    raise QuotingError(f"cannot adapt type '{type(value).__name__}'")


def array_text(values: Sequence[Any]) -> str:
    """A list as the text of an array; the quotes around words are a part of them, as in Ansible."""
    return "{" + str(list(values)).strip("[]") + "}"


def fill(query: str, values: Values) -> str:
    """Put values where ``%s`` or ``%(name)s`` is; without values the query stays as it is."""
    if not values:
        return query
    if isinstance(values, Mapping):
        return _PLACEHOLDER.sub(lambda match: _fill_named(match, values), query)
    return _fill_positions(query, values)


def _fill_named(match: Match[str], values: Mapping[str, Any]) -> str:
    if match.group() == "%%":
        return "%"
    name = match.group("name")
    if name is None:
        if match.group("kind") in _KINDS:
            raise QuotingError("query parameters should be a sequence or a mapping, got dict")
        raise _wrong(match)
    if match.group("named") not in _KINDS:
        raise _wrong(match)
    if name not in values:
        raise QuotingError(f"query parameter missing: {name}")
    return literal(values[name])


def _fill_positions(query: str, values: Sequence[Any]) -> str:
    matches = list(_PLACEHOLDER.finditer(query))
    places = [match for match in matches if match.group() != "%%"]
    for match in places:
        if match.group("name") is not None:
            raise QuotingError("query parameters should be a mapping, got list")
        if match.group("kind") not in _KINDS:
            raise _wrong(match)
    if len(places) != len(values):
        text = "the query has {} placeholders but {} parameters were passed"
        raise QuotingError(text.format(len(places), len(values)))
    rest = iter(values)
    return _PLACEHOLDER.sub(
        lambda match: "%" if match.group() == "%%" else literal(next(rest)), query
    )


def _wrong(match: Match[str]) -> QuotingError:
    if match.group("kind") is None and match.group("named") is None:
        return QuotingError(f"incomplete placeholder: '{match.group()}'")
    text = "only '%s', '%b', '%t' are allowed as placeholders, got '{}'"
    return QuotingError(text.format(match.group()))


def _number(value: Union[int, float]) -> str:
    text = repr(value)
    if not text.lstrip("-")[:1].isdigit():
        word = {"inf": "Infinity", "-inf": "-Infinity"}.get(text, "NaN")
        return f"'{word}'::float8"
    # Two signs after one another would be a comment.
    return " " + text if text.startswith("-") else text


def _text(value: str) -> str:
    quoted = _checked(value).replace("'", "''")
    if "\\" not in quoted:
        return f"'{quoted}'"
    doubled: List[str] = quoted.split("\\")
    return " E'" + "\\\\".join(doubled) + "'"


def _checked(value: str) -> str:
    if "\0" in value:
        raise QuotingError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return value
