"""How two dicts become one: the rules of the filter ``combine``."""

from collections.abc import Mapping
from typing import Any

LIST_MERGES = ("replace", "keep", "append", "prepend", "append_rp", "prepend_rp")


class MergeProblem(Exception):
    """The way to merge lists is unknown."""


def merge_dicts(
    low: Mapping[Any, Any], high: Mapping[Any, Any], *, recursive: bool, list_merge: str
) -> dict[Any, Any]:
    """A new dict with the keys of both; ``high`` wins where there is nothing to merge."""
    if list_merge not in LIST_MERGES:
        raise MergeProblem(f"list_merge {list_merge!r} is none of {', '.join(LIST_MERGES)}")
    result = dict(low)
    for key, value in high.items():
        if key in result:
            value = _merge(result[key], value, recursive=recursive, list_merge=list_merge)
        result[key] = value
    return result


def _merge(low: Any, high: Any, *, recursive: bool, list_merge: str) -> Any:
    if isinstance(low, Mapping) and isinstance(high, Mapping) and recursive:
        return merge_dicts(low, high, recursive=True, list_merge=list_merge)
    if isinstance(low, list) and isinstance(high, list):
        return _merge_lists(low, high, list_merge)
    return high


def _merge_lists(low: list[Any], high: list[Any], how: str) -> list[Any]:
    if how == "keep":
        return low
    if how == "append":
        return low + high
    if how == "prepend":
        return high + low
    # "rp": what is in the list that is added is removed from the one below.
    rest = [each for each in low if each not in high]
    if how == "append_rp":
        return rest + high
    if how == "prepend_rp":
        return high + rest
    return high
