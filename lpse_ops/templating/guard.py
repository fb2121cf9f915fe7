"""What is put around every filter and test: what is undefined passes by, iterators become lists."""

import functools
from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from typing import Any

from jinja2.runtime import Undefined

from lpse_ops.templating.markers import Marker, MarkerUsed

Function = Callable[..., Any]
_VIEWS = (Iterator, KeysView, ValuesView, ItemsView)


def guard(function: Function) -> Function:
    """Do not call a filter or a test with something undefined: it is the result instead."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        for value in args:
            if isinstance(value, Undefined):
                return _refuse_silent(value)
        for value in kwargs.values():
            if isinstance(value, Undefined):
                return _refuse_silent(value)
        return _attempt(function, args, kwargs)

    return call


def guard_open(function: Function) -> Function:
    """As ``guard``, for the few that want to see what is undefined; not for what failed."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        for value in args:
            if isinstance(value, Undefined) and _refuse_silent(value).cause is not None:
                return value
        return _attempt(function, args, kwargs)

    return call


def guard_question(function: Function) -> Function:
    """For ``is defined``: everything may be asked, but for what failed."""

    @functools.wraps(function)
    def call(value: Any) -> Any:
        return value if isinstance(value, Marker) and value.cause is not None else function(value)

    return call


def _attempt(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        result = function(*args, **kwargs)
        return list(result) if isinstance(result, _VIEWS) else result
    except MarkerUsed as used:
        return used.marker


def _refuse_silent(value: Undefined) -> Marker:
    if isinstance(value, Marker):
        return value
    # What `x if false` gives without an else: Jinja's own kind, which says nothing when printed.
    raise TypeError("an inline 'if' without 'else' has no value here")
