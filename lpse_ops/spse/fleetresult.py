"""What became of each server: judged by its play, and by its step runner before and after.

The step runner is believed first: it knows what the play, whose line may have been lost, does not.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from lpse_ops.spse.runnerstatus import UNFINISHED, RunnerStatus

Action = Literal["install", "upgrade", "resume", "rollback"]
# "untouched": no task was begun there; "cut-off": the play ended because others had failed.
PlayEnd = Literal["ok", "failed", "unreachable", "cut-off", "untouched"]
Result = Literal[
    "done", "unchanged", "would-change", "rolled-back", "refused", "failed", "stuck",
    "unreachable", "not-begun",
]  # fmt: skip
REFUSED = 7
_ROLLED_BACK, _UNREACHABLE, _FAILED = 6, 4, 1
_CODES: dict[Result, int] = {
    "stuck": _FAILED,
    "failed": _FAILED,
    "unreachable": _UNREACHABLE,
    "rolled-back": _ROLLED_BACK,
    "refused": REFUSED,
}
# Who needs somebody now comes first.
_WORST_FIRST = (_FAILED, _UNREACHABLE, _ROLLED_BACK, REFUSED)


@dataclass(frozen=True)
class Played:
    """How a play ended on a host: what failed last, and its exit status if it was a program."""

    end: PlayEnd
    changed: bool = False
    problem: str = ""
    exit_status: int | None = None


@dataclass(frozen=True)
class HostResult:
    """One line of the recap; ``old`` and ``new`` are versions, empty where nobody knows them."""

    host: str
    result: Result
    old: str = ""
    new: str = ""
    step: str = ""
    problem: str = ""
    advice: tuple[str, ...] = ()
    backup_snapshot: str = ""
    downtime: timedelta | None = field(default=None)


def judge_install(host: str, played: Played, version: str, current: str = "") -> HostResult:
    """An installation has no step runner: the play knows; ``current`` is in use now, if known."""
    results: dict[PlayEnd, Result] = {
        "ok": "done" if played.changed else "unchanged",
        "failed": "refused" if played.exit_status == REFUSED else "failed",
        "unreachable": "unreachable",
        "cut-off": "not-begun",
        "untouched": "not-begun",
    }
    result = results[played.end]
    advice: tuple[str, ...] = ()
    if result not in ("done", "unchanged"):
        advice = ("lpse-ops spse install PACKAGE: goes on where it stopped",)
    elif current not in ("", version):
        advice = (f"{current} was left as it is; lpse-ops spse upgrade PACKAGE moves to {version}",)
    new = (current or version) if result in ("done", "unchanged") else current
    return HostResult(host, result, new=new, problem=played.problem, advice=advice)


def judge_upgrade(
    host: str,
    action: Action,
    played: Played,
    before: RunnerStatus | None,
    after: RunnerStatus | None,
) -> HostResult:
    """``before`` and ``after`` are None where the host did not say."""
    if played.end == "untouched":
        known = after or before
        result: Result = "unreachable" if known is None else "not-begun"
        return HostResult(host, result, old=known.current if known else "", problem=played.problem)
    if after is None:
        advice = (f"see it once it answers: lpse-ops spse status -i inventory --limit {host}",)
        return HostResult(host, "unreachable", problem=played.problem, advice=advice)
    is_new = before is None or after.is_another_than(before)
    if is_new or after.phase in UNFINISHED:
        return _of_runner(host, action, played, after)
    # The step runner was never called.
    results: dict[PlayEnd, Result] = {
        "ok": "unchanged",
        "failed": "refused" if played.exit_status == REFUSED else "failed",
        "unreachable": "unreachable",
        "cut-off": "not-begun",
        "untouched": "not-begun",
    }
    return HostResult(
        host, results[played.end], after.current, after.current, problem=played.problem
    )


def _of_runner(host: str, action: Action, played: Played, after: RunnerStatus) -> HostResult:
    results: dict[str, Result] = {
        "done": "done",
        "rolled-back": "done" if action == "rollback" else "rolled-back",
        "stuck": "stuck",
        "stopped": "stuck",
        "running": "unreachable" if played.end == "unreachable" else "stuck",
        "none": "failed" if played.end == "failed" else "unchanged",
    }
    result = results[after.phase]
    problem = after.reason or played.problem
    if result == "done" and played.end in ("failed", "unreachable"):
        # The upgrade is done, and something after it went wrong.
        result, problem = "failed", f"{after.phase}, but then: {played.problem}"
    is_back = after.is_back or after.phase == "rolled-back"
    old, new = (
        (after.new, after.old) if is_back and action == "rollback" else (after.old, after.new)
    )
    is_unfinished = after.phase in UNFINISHED
    return HostResult(
        host,
        result,
        old,
        new,
        step=after.step if is_unfinished else "",
        problem="" if result == "done" and action != "rollback" else problem,
        advice=after.advice if is_unfinished else (),
    )


def judge_check(
    host: str, action: Action, played: Played, before: RunnerStatus | None, version: str = ""
) -> HostResult:
    """After check mode: nothing was changed anywhere; ``version`` is the one that was asked for."""
    results: dict[PlayEnd, Result] = {
        "ok": "would-change",
        "failed": "refused" if played.exit_status == REFUSED else "failed",
        "unreachable": "unreachable",
        "cut-off": "not-begun",
        "untouched": "not-begun",
    }
    old = _find_old(action, before)
    result, new = results[played.end], _find_new(action, before, version)
    if result == "would-change" and action == "upgrade" and old == new:
        result = "unchanged"
    return HostResult(host, result, old, new, problem=played.problem)


def _find_old(action: Action, before: RunnerStatus | None) -> str:
    if before is None:
        return ""
    is_half_way = before.phase in UNFINISHED and not before.current
    return (before.new if action == "rollback" else before.old) if is_half_way else before.current


def _find_new(action: Action, before: RunnerStatus | None, version: str) -> str:
    """The version that it would lead to; empty where nobody knows."""
    if action in ("install", "upgrade") or before is None:
        return version
    is_back = action == "rollback" or before.is_back
    return before.old if is_back else before.new


def find_exit_code(results: Iterable[HostResult]) -> int:
    """0 when nothing went wrong anywhere; hosts that were not begun add nothing of their own."""
    codes = {_CODES.get(each.result, 0) for each in results}
    return next((code for code in _WORST_FIRST if code in codes), 0)
