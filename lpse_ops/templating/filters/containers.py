"""Filters on lists and dicts."""

from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import pass_environment
from jinja2.environment import Environment
from jinja2.runtime import Undefined

from lpse_ops.templating.filters.problem import FilterProblem, want
from lpse_ops.templating.merging import merge_dicts

_LIST = (list, tuple)


def combine(*terms: Any, recursive: bool = False, list_merge: str = "replace") -> dict[Any, Any]:
    """Merge dicts, or one list of them; the later ones win."""
    dicts: list[Any] = []
    for term in terms:
        dicts.extend(_leaves(term))
    for each in dicts:
        want(each, Mapping, "combine", "dicts")
    result: dict[Any, Any] = {}
    for each in dicts:
        result = merge_dicts(result, each, recursive=recursive, list_merge=list_merge)
    return result


def _leaves(value: Any) -> Iterable[Any]:
    if isinstance(value, _LIST):
        for each in value:
            yield from _leaves(each)
    elif value is not None and value != "null":
        yield value


def dict2items(value: Any, key_name: str = "key", value_name: str = "value") -> list[Any]:
    want(value, Mapping, "dict2items", "a dict")
    return [{key_name: key, value_name: each} for key, each in value.items()]


def items2dict(value: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    want(value, _LIST, "items2dict", "a list")
    try:
        return {each[key_name]: each[value_name] for each in value}
    except (KeyError, TypeError, IndexError):
        raise FilterProblem(
            f"items2dict needs dicts that have the keys {key_name!r} and {value_name!r}"
        ) from None


def flatten(value: Any, levels: int | None = None, skip_nulls: bool = True) -> list[Any]:
    result: list[Any] = []
    for each in value:
        if skip_nulls and each in (None, "None", "null"):
            continue
        if isinstance(each, _LIST) and (levels is None or levels >= 1):
            deeper = None if levels is None else levels - 1
            result.extend(flatten(each, levels=deeper, skip_nulls=skip_nulls))
        else:
            result.append(each)
    return result


@pass_environment
def extract(environment: Environment, item: Any, container: Any, morekeys: Any = None) -> Any:
    keys = [item]
    if morekeys is not None:
        keys += morekeys if isinstance(morekeys, list) else [morekeys]
    value = container
    for key in keys:
        value = environment.getitem(value, key)
        if isinstance(value, Undefined):
            return value
    return value


def subelements(value: Any, path: Any, skip_missing: bool = False) -> list[Any]:
    """Pairs of each dict and each item of the list that it holds under ``path``."""
    if isinstance(value, Mapping):
        elements = list(value.values())
    else:
        want(value, _LIST, "subelements", "a list or a dict")
        elements = list(value)
    want(path, (str, *_LIST), "subelements", "the name of a key")
    keys = path.split(".") if isinstance(path, str) else list(path)
    pairs = []
    for element in elements:
        found = _descend(element, keys, skip_missing=skip_missing)
        want(found, _LIST, "subelements", f"a list under {path!r}")
        pairs += [(element, each) for each in found]
    return pairs


def _descend(element: Any, keys: list[Any], *, skip_missing: bool) -> Any:
    value = element
    for key in keys:
        try:
            value = value[key]
        except KeyError:
            if skip_missing:
                return []
            raise FilterProblem(f"subelements: there is no key {key!r} in an item") from None
        except TypeError:
            raise FilterProblem(
                f"subelements: the item that should have {key!r} is no dict"
            ) from None
    return value


def rekey_on_member(data: Any, key: Any, duplicates: str = "error") -> dict[Any, Any]:
    if duplicates not in ("error", "overwrite"):
        raise FilterProblem(
            f"duplicates parameter to rekey_on_member has unknown value {duplicates!r}: "
            "write error or overwrite"
        )
    if isinstance(data, Mapping):
        items = list(data.values())
    else:
        if not isinstance(data, _LIST):
            raise FilterProblem("rekey_on_member: Type is not a valid list, set, or dict")
        items = list(data)
    result: dict[Any, Any] = {}
    for item in items:
        if not isinstance(item, Mapping):
            raise FilterProblem("rekey_on_member: List item is not a valid dict")
        if key not in item:
            raise FilterProblem(f"rekey_on_member: the key {key!r} was not found in an item")
        if item[key] in result and duplicates == "error":
            raise FilterProblem(
                f"rekey_on_member: the key {key!r} is not unique, cannot convert to dict"
            )
        result[item[key]] = item
    return result


FILTERS = {
    "combine": combine,
    "dict2items": dict2items,
    "extract": extract,
    "flatten": flatten,
    "items2dict": items2dict,
    "rekey_on_member": rekey_on_member,
    "subelements": subelements,
}
