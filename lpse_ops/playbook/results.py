"""How a task ended on a host, and the rules that decide it: pure, as Ansible has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lpse_ops.playbook.model import Task

Result = dict[str, Any]
Status = Literal["ok", "changed", "skipped", "failed", "unreachable"]

CENSORED = (
    "the output has been hidden due to the fact that 'no_log: true' was specified for this result"
)
# What Ansible has as ``exception`` in every failed result: playbooks ask whether it is defined.
NO_TRACEBACK = "(traceback unavailable)"
# What people are shown of a censored result besides that sentence.
_SHOWN_OF_CENSORED = ("attempts", "changed", "retries", "failed", "unreachable", "skipped")


@dataclass(frozen=True)
class Include:
    """One file or role that an ``include_*`` asks for, with the loop variables it sees.

    ``label`` is what people are told of its item.
    """

    name: str
    args: Mapping[str, Any]
    variables: Mapping[str, Any] = field(default_factory=dict)
    label: str = field(default="", compare=False)


@dataclass
class TaskResult:
    """``result`` is what ``register`` keeps; ``notified`` are names of handlers."""

    host: str
    task: Task
    result: Result
    is_ignored: bool = False
    no_log: bool = False
    shows_diff: bool = False
    delegated_to: str = ""
    name: str = ""
    notified: list[str] = field(default_factory=list)
    # Of each item that failed, whether that is ignored.
    forgiven: list[bool] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    # Of the last item that was tried, evaluated; they may be secret.
    arguments: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def status(self) -> Status:
        return status_of(self.result)

    @property
    def shown(self) -> Result:
        """What people may see."""
        return censor(self.result) if self.no_log else self.result


def status_of(result: Mapping[str, Any]) -> Status:
    if result.get("unreachable"):
        return "unreachable"
    if is_failed(result):
        return "failed"
    if result.get("skipped"):
        return "skipped"
    return "changed" if result.get("changed") else "ok"


def is_failed(result: Mapping[str, Any]) -> bool:
    """Whether a task has failed: what ``failed_when`` says counts, of any item, if it said so.

    As in Ansible it counts more than that ``until`` was never satisfied.
    """
    if "failed_when_result" in result:
        return bool(result["failed_when_result"])
    listed = result.get("results")
    items = listed if isinstance(listed, list) else []
    items = [each for each in items if isinstance(each, Mapping)]
    if any("failed_when_result" in each for each in items):
        return any(is_failed(each) for each in items)
    return bool(result.get("failed"))


def finish(result: Result) -> Result:
    """Fill in what a module may leave out: ``changed``, ``failed`` from ``rc``, the lines."""
    result.setdefault("changed", False)
    if "failed" not in result and result.get("rc", 0) not in (0, None):
        result["failed"] = True
    result.setdefault("failed", False)
    if result["failed"]:
        result.setdefault("exception", NO_TRACEBACK)
    for stream in ("stdout", "stderr"):
        if isinstance(result.get(stream), str) and f"{stream}_lines" not in result:
            result[f"{stream}_lines"] = result[stream].splitlines()
    return result


def count_as_failed(result: Result, *, failed: bool) -> None:
    """What ``failed_when`` says wins; the exception of what is no failure gets another name."""
    result["failed"] = result["failed_when_result"] = failed
    if failed:
        result.setdefault("exception", NO_TRACEBACK)
    elif "exception" in result:
        result["failed_when_suppressed_exception"] = result.pop("exception")


def out_of_tries(result: Result, tries: int) -> Result:
    """A result with which ``until`` was never satisfied in so many tries."""
    failed = {"failed": True, "attempts": tries - 1}
    return {**result, **failed, "exception": result.get("exception", NO_TRACEBACK)}


def skipped(condition: Any) -> Result:
    return {
        "changed": False,
        "skipped": True,
        "skip_reason": "Conditional result was False",
        "false_condition": condition,
    }


def of_loop(results: Sequence[Result]) -> Result:
    """The result of a task with a loop, from those of its items."""
    joined: Result = {"results": list(results)}
    joined["changed"] = any(each.get("changed") for each in results)
    if not results:
        return joined | {"skipped": True, "skipped_reason": "No items in the list"}
    if any(each.get("unreachable") for each in results):
        joined["unreachable"] = True
    if any(each.get("failed") for each in results):
        return joined | {"failed": True, "msg": "One or more items failed", "skipped": False}
    if all(each.get("skipped") for each in results):
        return joined | {"skipped": True, "msg": "All items skipped"}
    return joined | {"msg": "All items completed", "skipped": False}


def censor(result: Mapping[str, Any]) -> Result:
    hidden: Result = {"censored": CENSORED}
    hidden.update({key: result[key] for key in _SHOWN_OF_CENSORED if key in result})
    items = result.get("results")
    if isinstance(items, list):
        hidden["results"] = [censor(each if isinstance(each, dict) else {}) for each in items]
    return hidden
