"""All filters, tests and globals of the environment, and what is said about those it has not."""

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import filters as jinja_filters
from jinja2.runtime import Undefined

from lpse_ops.templating import asked, functions, results
from lpse_ops.templating.environment import AnsibleEnvironment
from lpse_ops.templating.filters import (
    containers,
    hashes,
    numbers,
    paths,
    serial,
    sets,
    texts,
    times,
)
from lpse_ops.templating.filters.problem import FilterProblem
from lpse_ops.templating.guard import guard, guard_open, guard_question
from lpse_ops.templating.markers import Marker, type_name

_MODULES = (containers, hashes, numbers, paths, serial, sets, texts, times)
_PREFIXES = ("", "ansible.builtin.", "ansible.legacy.")


def default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    if isinstance(value, Undefined) or (boolean and not value):
        return default_value
    return value


def mandatory(value: Any, msg: Any = None) -> Any:
    """The value; a failure with ``msg`` if it is undefined."""
    if isinstance(value, Marker):
        if msg is None:
            return value
        raise FilterProblem(str(msg))
    return value


def list_all(value: Any) -> Any:
    """A list of all items; if one of them is undefined, so is the list."""
    items = list(value)
    return next((each for each in items if isinstance(each, Marker)), items)


def type_debug(value: Any) -> str:
    return "UndefinedMarker" if isinstance(value, Marker) else type_name(value)


# These want to see what is undefined.
_OPEN_FILTERS: dict[str, Callable[..., Any]] = {
    "d": default,
    "default": default,
    "mandatory": mandatory,
    "ternary": numbers.ternary,
    "type_debug": type_debug,
}
_OPEN_TESTS = ("defined", "undefined")


def fill_environment(environment: AnsibleEnvironment) -> None:
    """Give a new environment everything that ansible-core has."""
    filters: dict[str, Callable[..., Any]] = dict(jinja_filters.FILTERS)
    for module in _MODULES:
        filters.update(module.FILTERS)
    filters["list"] = list_all
    guarded = {name: guard(function) for name, function in filters.items()}
    guarded |= {name: guard_open(function) for name, function in _OPEN_FILTERS.items()}
    tests = {
        name: guard_question(function) if name in _OPEN_TESTS else guard(function)
        for name, function in {**environment.tests, **asked.TESTS, **results.TESTS}.items()
    }
    environment.filters = _with_prefixes(guarded)
    environment.tests = _with_prefixes(tests)
    environment.globals.update(functions.GLOBALS)


def _with_prefixes(functions_: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}{name}": each for prefix in _PREFIXES for name, each in functions_.items()}
