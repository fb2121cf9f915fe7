"""The tests of ansible-core on results of tasks: ``is changed``, ``is failed`` and so on."""

from collections.abc import Mapping
from typing import Any

from lpse_ops.templating.filters.problem import FilterProblem


def _result(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise FilterProblem(f"the test {name!r} needs the result of a task, a registered variable")
    return value


def failed(value: Any) -> bool:
    return bool(_result(value, "failed").get("failed", False))


def succeeded(value: Any) -> bool:
    return not failed(value)


def unreachable(value: Any) -> bool:
    return bool(_result(value, "unreachable").get("unreachable", False))


def reachable(value: Any) -> bool:
    return not unreachable(value)


def timedout(value: Any) -> bool:
    """Tell whether a task took longer than its ``timeout`` allows."""
    told = _result(value, "timedout").get("timedout") or {}
    if not isinstance(told, Mapping):
        raise FilterProblem("the test 'timedout' needs to know the period that was allowed")
    return bool(told.get("period"))


def changed(value: Any) -> bool:
    result = _result(value, "changed")
    if "changed" in result:
        return bool(result["changed"])
    items = result.get("results")
    if isinstance(items, list) and items and isinstance(items[0], Mapping):
        return any(bool(each.get("changed", False)) for each in items)
    return False


def skipped(value: Any) -> bool:
    return bool(_result(value, "skipped").get("skipped", False))


def started(value: Any) -> bool:
    """Tell whether a job has begun; what was never in the background has."""
    return bool(_result(value, "started").get("started", True))


def finished(value: Any) -> bool:
    """Tell whether a job has ended; what was never in the background has."""
    return bool(_result(value, "finished").get("finished", True))


TESTS: dict[str, Any] = {
    "change": changed,
    "changed": changed,
    "failed": failed,
    "failure": failed,
    "finished": finished,
    "reachable": reachable,
    "skip": skipped,
    "skipped": skipped,
    "started": started,
    "succeeded": succeeded,
    "success": succeeded,
    "successful": succeeded,
    "timedout": timedout,
    "unreachable": unreachable,
}
