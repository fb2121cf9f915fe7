"""Facts as a line of the log holds them: plain, and short enough."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

# What is left of facts that do not fit into a line.
_KEPT_ITEMS = 100
_KEPT_CHARACTERS = 2000


def plain_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Times become text; names of files that are not Unicode are escaped."""
    return {_plain(key): _plain(value) for key, value in facts.items()}


def shorten_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts without what is too long for a line, which is said."""
    return {key: _cut(facts[key]) for key in list(facts)[:_KEPT_ITEMS]} | {"shortened": True}


def time_text(time: datetime) -> str:
    """ISO 8601 with its offset, or ``ValueError`` without one."""
    if time.tzinfo is None:
        raise ValueError("a time without a zone says nothing")
    return time.isoformat()


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_KEPT_CHARACTERS]
    if isinstance(value, dict):
        return {key: _cut(value[key]) for key in list(value)[:_KEPT_ITEMS]}
    if isinstance(value, list):
        return [_cut(each) for each in value[:_KEPT_ITEMS]]
    return value
