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
    result = _result(value, "timedout").get("timedout", False)
    return bool(result.get("period") if isinstance(result, Mapping) else result)


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
    return _result(value, "started").get("started", 0) in (1, True)


def finished(value: Any) -> bool:
    """Tell whether a job has ended; what was never in the background has."""
    result = _result(value, "finished")
    return "finished" not in result or result["finished"] in (1, True)


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
