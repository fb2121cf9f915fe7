"""Filters that treat lists as sets, combine or shuffle them; order is kept where it can be."""

import itertools
import random as randomness
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from jinja2 import filters as jinja_filters
from jinja2 import pass_context, pass_environment
from jinja2.environment import Environment

from lpse_ops.templating.filters.problem import FilterProblem
from lpse_ops.templating.markers import type_name
from lpse_ops.templating.natives import to_plain


def _plain_list(value: Any, name: str) -> list[Any]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise FilterProblem(f"{name} needs a list: {type_name(value)!r} object is not iterable")
    return list(to_plain(list(value)))


def _distinct(values: Iterable[Any]) -> list[Any]:
    seen: set[Any] = set()
    result: list[Any] = []
    for value in values:
        if isinstance(value, Hashable):
            if value in seen:
                continue
            seen.add(value)
        elif value in result:
            continue
        result.append(value)
    return result


@pass_environment
def unique(
    environment: Environment, value: Any, case_sensitive: Any = None, attribute: Any = None
) -> list[Any]:
    try:
        return list(jinja_filters.do_unique(environment, value, bool(case_sensitive), attribute))
    except TypeError:
        # Dicts and lists cannot be in a set.
        if attribute is not None or case_sensitive is False:
            raise FilterProblem(
                "unique cannot fall back to comparing whole values when case_sensitive=False or "
                "attribute is given"
            ) from None
    return _distinct(_plain_list(value, "unique"))


def intersect(a: Any, b: Any) -> list[Any]:
    others = _plain_list(b, "intersect")
    return _distinct(each for each in _plain_list(a, "intersect") if each in others)


def difference(a: Any, b: Any) -> list[Any]:
    others = _plain_list(b, "difference")
    return _distinct(each for each in _plain_list(a, "difference") if each not in others)


def symmetric_difference(a: Any, b: Any) -> list[Any]:
    left, right = _plain_list(a, "symmetric_difference"), _plain_list(b, "symmetric_difference")
    both = [each for each in left if each in right]
    return _distinct(each for each in left + right if each not in both)


def union(a: Any, b: Any) -> list[Any]:
    return _distinct(_plain_list(a, "union") + _plain_list(b, "union"))


def zip_lists(*lists: Any) -> list[Any]:
    return list(zip(*lists, strict=False))


def zip_longest(*lists: Any, fillvalue: Any = None) -> list[Any]:
    return list(itertools.zip_longest(*lists, fillvalue=fillvalue))


def product(*lists: Any, repeat: int = 1) -> list[Any]:
    return list(itertools.product(*lists, repeat=repeat))


def permutations(value: Any, length: int | None = None) -> list[Any]:
    return list(itertools.permutations(value, length))


def combinations(value: Any, length: int) -> list[Any]:
    return list(itertools.combinations(value, length))


# With the context only so that Jinja never takes the result for a constant.
@pass_context
def random(_context: Any, end: Any, start: Any = None, step: Any = None, seed: Any = None) -> Any:
    source = randomness.Random(seed) if seed is not None else randomness.SystemRandom()  # noqa: S311
    if isinstance(end, int | float):
        return source.randrange(start or 0, int(end), step or 1)
    if isinstance(end, Iterable):
        if start or step:
            raise FilterProblem("random: start and step go with a number only")
        return source.choice(list(end))
    raise FilterProblem("random needs a number or a list")


@pass_context
def shuffle(_context: Any, value: Any, seed: Any = None) -> Any:
    try:
        items = list(value)
    except TypeError:
        return value
    source = randomness.Random(seed) if seed is not None else randomness.SystemRandom()  # noqa: S311
    source.shuffle(items)
    return items


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    jinja_filter = jinja_filters.FILTERS[choose.__name__]

    @pass_environment
    def call(environment: Environment, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, Mapping):
            value = list(value)
        return jinja_filter(environment, value, *args, **kwargs)

    return call


FILTERS = {
    "combinations": combinations,
    "difference": difference,
    "intersect": intersect,
    "max": _extreme(max),
    "min": _extreme(min),
    "permutations": permutations,
    "product": product,
    "random": random,
    "shuffle": shuffle,
    "symmetric_difference": symmetric_difference,
    "union": union,
    "unique": unique,
    "zip": zip_lists,
    "zip_longest": zip_longest,
}
