"""Lookups that turn what they are given into lists: what ``with_*`` loops over."""

import itertools
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lpse_ops.templating.lookups.call import LookupCall, LookupProblem
from lpse_ops.templating.lookups.inline import read_inline


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
            raise LookupProblem("the 'dict' lookup plugin expects a dictionary")
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
        raise LookupProblem("with_together requires at least one element in each list")
    lists = [each if isinstance(each, list) else [each] for each in call.terms]
    return [_flatten_once(list(each)) for each in itertools.zip_longest(*lists)]


def random_choice(call: LookupCall) -> list[Any]:
    return [secrets.choice(call.terms)] if call.terms else []


def subelements(call: LookupCall) -> list[Any]:
    """Pairs of each item and each element of the list that it holds under a key."""
    if len(call.terms) not in (2, 3):
        raise LookupProblem("the lookup 'subelements' expects a list of two or three items")
    elements, path, flags = call.terms[0], call.terms[1], (*call.terms[2:], {})[0]
    if isinstance(elements, Mapping):
        if elements.get("skipped", False) is not False:
            return []
        elements = list(elements.values())
    if not isinstance(elements, list) or not isinstance(path, str):
        raise LookupProblem(
            "the lookup 'subelements' expects two items: first a dict or a list, second a string"
        )
    if not isinstance(flags, dict) or set(flags) - {"skip_missing"}:
        raise LookupProblem(
            "the lookup 'subelements': the optional third item must be a dict with skip_missing"
        )
    skip_missing = str(flags.get("skip_missing", False)).lower() in ("true", "yes", "1", "on")
    result = []
    for element in elements:
        if not isinstance(element, Mapping):
            raise LookupProblem(
                "the lookup 'subelements': each of the first a dict or a list has to be a dict"
            )
        if element.get("skipped", False) is not False:
            continue
        found = _subelement(element, path, skip=skip_missing)
        rest = _without(element, path.split("."))
        result += [[rest, each] for each in found]
    return result


def _subelement(element: Any, path: str, *, skip: bool) -> list[Any]:
    value = element
    *above, _ = path.split(".")
    for number, key in enumerate(path.split(".")):
        if not isinstance(value, Mapping) or key not in value:
            if skip:
                return []
            raise LookupProblem(f"could not find {key!r} key in iterated item of 'subelements'")
        value = value[key]
        if number < len(above) and not isinstance(value, Mapping):
            if skip:
                return []
            raise LookupProblem(f"the key {key!r} of 'subelements' should point to a dictionary")
    if not isinstance(value, list):
        raise LookupProblem(f"the key {path!r} of 'subelements' should point to a list")
    return value


def _without(element: Any, path: list[str]) -> Any:
    """The item without the list that was taken out of it."""
    if not isinstance(element, Mapping) or path[0] not in element:
        return element
    if len(path) == 1:
        return {key: value for key, value in element.items() if key != path[0]}
    return {**element, path[0]: _without(element[path[0]], path[1:])}


# Letters may stand for a number here: what is none is refused by its name.
_NUMBER = r"0?x?[0-9a-f]+"
_SHORTCUT = re.compile(rf"^(?:({_NUMBER})-)?({_NUMBER})(?:/({_NUMBER}))?(?::(.+))?$", re.IGNORECASE)
_SEQUENCE = ("start", "end", "stride", "format", "count")


def sequence(call: LookupCall) -> list[Any]:
    """Numbers from ``start`` to ``end`` (or ``count`` of them), as strings of a ``format``."""
    result: list[str] = []
    for term in call.terms or ([""] if call.options else []):
        options = {**call.options, **_read_term(str(term))}
        result.extend(_sequence(replace(call, options=options)))
    return result


def _sequence(call: LookupCall) -> list[str]:
    start, stride = call.number("start", 1), call.number("stride", 1)
    given = {name for name in ("end", "count") if call.option(name) is not None}
    if len(given) != 1:
        problem = "can't specify both count and end" if given else "must specify count or end"
        raise LookupProblem(f"{problem} in with_sequence")
    # As Ansible has it, also for a stride below zero: two numbers more than were asked for.
    count = call.number("count", 0)
    end = call.number("end", start + count * stride - 1)
    if "count" in given and not count:
        return []
    if stride > 0 and end < start:
        raise LookupProblem("to count backwards make stride negative")
    if stride < 0 and end > start:
        raise LookupProblem("to count forward don't make stride negative")
    step = 1 if stride > 0 else -1
    numbers = range(start, end + step, stride) if stride else range(0)
    return _formatted(numbers, str(call.option("format", "%d")))


def _formatted(numbers: range, pattern: str) -> list[str]:
    problem = LookupProblem(f"bad formatting string: {pattern}")
    if pattern.count("%") != 1:
        raise problem
    try:
        return [pattern % number for number in numbers]
    except (TypeError, ValueError):
        raise problem from None


def _read_term(term: str) -> dict[str, str]:
    match = _SHORTCUT.match(term)
    if match:
        pairs = zip(_SEQUENCE, match.groups(), strict=False)
        return {name: value for name, value in pairs if value}
    key, options = read_inline(term)
    unknown = sorted(set(options) - set(_SEQUENCE)) + ([key] if key is not None else [])
    if unknown:
        raise LookupProblem(f"unrecognized arguments to with_sequence: {unknown}")
    return options


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
