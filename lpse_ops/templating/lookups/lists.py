"""Lookups that turn what they are given into lists: what ``with_*`` loops over."""

import itertools
import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from lpse_ops.templating.lookups.call import LookupCall, LookupProblem


def items(call: LookupCall) -> list[Any]:
    """All terms, flattened by one level."""
    return _flatten_once(call.terms)


def _flatten_once(values: list[Any]) -> list[Any]:
    result: list[Any] = []
    for value in values:
        result.extend(value) if isinstance(value, list) else result.append(value)
    return result


def as_list(call: LookupCall) -> list[Any]:
    return call.terms


def as_dict(call: LookupCall) -> list[Any]:
    """Each key and value of dicts, as a dict of ``key`` and ``value``."""
    result = []
    for term in _flatten_once(call.terms):
        if not isinstance(term, Mapping):
            raise LookupProblem("the lookup 'dict' needs dicts")
        result += [{"key": key, "value": value} for key, value in term.items()]
    return result


def indexed_items(call: LookupCall) -> list[Any]:
    return [[index, item] for index, item in enumerate(_flatten_once(call.terms))]


def nested(call: LookupCall) -> list[Any]:
    """Every combination of one item of each list, items that are lists flattened."""
    lists = [each if isinstance(each, list) else [each] for each in call.terms]
    if not lists:
        raise LookupProblem("the lookup 'nested' needs at least one list")
    return [_flatten_once(list(each)) for each in itertools.product(*lists)]


def together(call: LookupCall) -> list[Any]:
    """The first items of all lists, then the second ones; None where a list is shorter."""
    if not call.terms:
        raise LookupProblem("the lookup 'together' needs at least one list")
    lists = [each if isinstance(each, list) else [each] for each in call.terms]
    return [_flatten_once(list(each)) for each in itertools.zip_longest(*lists)]


def random_choice(call: LookupCall) -> list[Any]:
    return [secrets.choice(call.terms)] if call.terms else []


def subelements(call: LookupCall) -> list[Any]:
    """Pairs of each item and each element of the list that it holds under a key."""
    if len(call.terms) not in (2, 3):
        raise LookupProblem("the lookup 'subelements' needs a list, a key, and maybe flags")
    elements, path, flags = call.terms[0], call.terms[1], (*call.terms[2:], {})[0]
    if isinstance(elements, Mapping):
        elements = list(elements.values())
    if not isinstance(elements, list) or not isinstance(path, str) or not isinstance(flags, dict):
        raise LookupProblem("the lookup 'subelements' needs a list, a key, and maybe flags")
    skip_missing = str(flags.get("skip_missing", False)).lower() in ("true", "yes", "1", "on")
    result = []
    for element in elements:
        if not isinstance(element, Mapping):
            raise LookupProblem("the lookup 'subelements' needs dicts in its list")
        if element.get("skipped", False) is not False:
            continue
        found = _subelement(element, path, skip=skip_missing)
        rest = _without(element, path.split("."))
        result += [[rest, each] for each in found]
    return result


def _subelement(element: Any, path: str, *, skip: bool) -> list[Any]:
    value = element
    for key in path.split("."):
        if not isinstance(value, Mapping) or key not in value:
            if skip:
                return []
            raise LookupProblem(f"the lookup 'subelements' found no key {key!r} in an item")
        value = value[key]
    if not isinstance(value, list):
        raise LookupProblem(f"the lookup 'subelements' needs a list under {path!r}")
    return value


def _without(element: Any, path: list[str]) -> Any:
    """The item without the list that was taken out of it."""
    if not isinstance(element, Mapping) or path[0] not in element:
        return element
    if len(path) == 1:
        return {key: value for key, value in element.items() if key != path[0]}
    return {**element, path[0]: _without(element[path[0]], path[1:])}


_NUMBER = r"0x[0-9a-f]+|0[0-7]+|\d+"
_SHORTCUT = re.compile(rf"^(?:({_NUMBER})-)?({_NUMBER})(?:/({_NUMBER}))?(?::(.+))?$", re.IGNORECASE)


def sequence(call: LookupCall) -> list[Any]:
    """Numbers from ``start`` to ``end`` (or ``count`` of them), as strings of a ``format``."""
    result: list[str] = []
    for term in call.terms or [""]:
        result.extend(_sequence(str(term), call.options))
    return result


def _sequence(term: str, options: dict[str, Any]) -> Iterator[str]:
    given: dict[str, Any] = {"start": 1, "stride": 1, "format": "%d", **options, **_read_term(term)}
    start, stride = _number(given["start"]), _number(given["stride"])
    if ("end" in given) == ("count" in given):
        raise LookupProblem("the lookup 'sequence' needs either end or count")
    if "count" in given:
        count = _number(given["count"])
        end = start + count * stride - (1 if stride >= 0 else -1)
        if not count:
            return
    else:
        end = _number(given["end"])
    if not stride:
        return
    if (end < start) != (stride < 0) and end != start:
        raise LookupProblem("the lookup 'sequence' counts away from its end, check stride")
    for number in range(start, end + (1 if stride > 0 else -1), stride):
        try:
            yield str(given["format"]) % number
        except (TypeError, ValueError):
            raise LookupProblem(f"{given['format']!r} is no format of one number") from None


def _read_term(term: str) -> dict[str, Any]:
    if not term.strip():
        return {}
    match = _SHORTCUT.match(term.strip())
    if match:
        names = ("start", "end", "stride", "format")
        return {key: value for key, value in zip(names, match.groups(), strict=True) if value}
    pairs = dict(part.partition("=")[::2] for part in term.split())
    unknown = set(pairs) - {"start", "end", "count", "stride", "format"}
    if unknown:
        raise LookupProblem(f"the lookup 'sequence' does not understand {term!r}")
    return pairs


def _number(value: Any) -> int:
    try:
        if isinstance(value, str) and re.fullmatch(r"0[0-7]+", value):
            return int(value, 8)
        return int(value, 0) if isinstance(value, str) else int(value)
    except (TypeError, ValueError):
        raise LookupProblem(f"{value!r} is no number") from None


LOOKUPS = {
    "dict": as_dict,
    "indexed_items": indexed_items,
    "items": items,
    "list": as_list,
    "nested": nested,
    "random_choice": random_choice,
    "sequence": sequence,
    "subelements": subelements,
    "together": together,
}
