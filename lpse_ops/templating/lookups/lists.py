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
        problem = (
            "can't specify both count and end" if "end" in given else "must specify count or end"
        )
        raise LookupProblem(f"{problem} in with_sequence")
    if "count" in given:
        count = _number(given["count"])
        # As Ansible has it, also for a stride below zero: two numbers more than were asked for.
        end = start + count * stride - 1
        if not count:
            return
    else:
        end = _number(given["end"])
    if not stride:
        return
    if (end < start) != (stride < 0) and end != start:
        raise LookupProblem(
            "to count backwards make stride negative"
            if stride > 0
            else "to count forward don't make stride negative"
        )
    for number in range(start, end + (1 if stride > 0 else -1), stride):
        try:
            yield str(given["format"]) % number
        except (TypeError, ValueError):
            raise LookupProblem(f"bad formatting string: {given['format']}") from None


def _read_term(term: str) -> dict[str, Any]:
    if not term.strip():
        return {}
    match = _SHORTCUT.match(term.strip())
    if match:
        names = ("start", "end", "stride", "format")
        return {key: value for key, value in zip(names, match.groups(), strict=True) if value}
    if "=" not in term:
        raise LookupProblem(f"the short form of with_sequence has an invalid value: {term!r}")
    pairs = dict(part.partition("=")[::2] for part in term.split())
    unknown = set(pairs) - {"start", "end", "count", "stride", "format"}
    if unknown:
        raise LookupProblem(f"unrecognized arguments to with_sequence: {sorted(unknown)}")
    return pairs


def _number(value: Any) -> int:
    try:
        if isinstance(value, str) and re.fullmatch(r"0[0-7]+", value):
            return int(value, 8)
        return int(value, 0) if isinstance(value, str) else int(value)
    except (TypeError, ValueError):
        raise LookupProblem(f"an option of 'sequence' has an invalid value: {value!r}") from None


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
