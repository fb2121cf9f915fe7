"""What ``steprunner --format json status`` says of a host (roles/spse/files/README.md), as values.

The host may be another's by now: every value is checked for its type, and bounded.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Literal, get_args

Phase = Literal["none", "running", "stopped", "stuck", "done", "rolled-back"]
# In the order of the step runner's own exit codes: 0, 6, 11 and 1.
EXIT_CODES: Mapping[Phase, int] = {
    "none": 0,
    "done": 0,
    "rolled-back": 6,
    "running": 11,
    "stopped": 1,
    "stuck": 1,
}
UNFINISHED: frozenset[Phase] = frozenset({"running", "stopped", "stuck"})
MAX_BYTES = 1 << 22
_LONGEST = 500
_MOST = 64
# What the step runner calls its commands, and what they are here.
_COMMANDS = {
    "resume": "lpse-ops spse upgrade --resume",
    "rollback": "lpse-ops spse rollback",
    "run": "lpse-ops spse upgrade PACKAGE",
}


@dataclass(frozen=True)
class RunnerStatus:
    """Where the last upgrade of a host stands; without one ``phase`` is ``none``, the rest empty.

    ``step`` is the one that is at work or comes next, ``n_ended`` of ``n_steps`` are behind it.
    ``is_back`` while and after it is taken back.
    """

    phase: Phase
    step: str = ""
    advice: tuple[str, ...] = ()
    stamp: str = ""
    plan_id: str = ""
    old: str = ""
    new: str = ""
    begun: str = ""
    ended: str = ""
    reason: str = ""
    warnings: tuple[str, ...] = ()
    is_back: bool = False
    n_ended: int = 0
    n_steps: int = 0
    n_calls: int = 0
    # The version that the link leads to, where somebody looked; it may be moved by hand.
    linked: str = ""

    @property
    def current(self) -> str:
        """The version that is in use, as far as that is certain."""
        if self.linked or self.phase not in ("done", "rolled-back"):
            return self.linked
        return self.new if self.phase == "done" else self.old

    def is_another_than(self, before: "RunnerStatus") -> bool:
        """Whether the step runner was called since, or came to an end."""
        known, now = (before.stamp, before.n_calls), (self.stamp, self.n_calls)
        return now != known or self.phase != before.phase


def parse_status(text: str) -> RunnerStatus:
    """Read the answer; ValueError says what is wrong with it."""
    if len(text) > MAX_BYTES:
        raise ValueError("it is too long")
    try:
        value = json.loads(text)
        phase = value["phase"]
        if phase not in get_args(Phase):
            raise ValueError(f"its phase is {str(phase)[:40]!r}")
        advice = _texts(value.get("advice"))
        if phase == "none":
            return RunnerStatus("none", advice=advice)
        return _status(phase, advice, value)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {str(error)[:100]}") from error


def _status(phase: Phase, advice: tuple[str, ...], value: Mapping[str, Any]) -> RunnerStatus:
    steps = value["steps"][:_MOST]
    is_back = value["direction"] == "back"
    behind = "undone" if is_back else "done"
    counted = [each for each in steps if not is_back or each["status"] != "pending"]
    return RunnerStatus(
        phase,
        step=_text(value.get("step")),
        advice=tuple(map(_as_ours, advice)),
        stamp=_text(value["stamp"]),
        plan_id=_text(value["id"]),
        old=_text(value["old"]["version"]),
        new=_text(value["new"]["version"]),
        begun=_text(value["begun"]),
        ended=_text(value.get("ended")),
        reason=_text(value.get("reason")),
        warnings=_texts(value.get("warnings")),
        is_back=is_back,
        n_ended=sum(each["status"] == behind for each in steps),
        n_steps=len(counted),
        n_calls=len(value.get("calls") or ()),
    )


def _as_ours(advice: str) -> str:
    """``rollback --accept-lost-writes REASON: why`` with the command as it is typed here."""
    command, colon, why = advice.partition(": ")
    verb, space, options = command.partition(" ")
    if not colon or verb not in _COMMANDS:
        return advice
    return f"{_COMMANDS[verb]}{space}{options}: {why}"


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, (value or [])[:_MOST]))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:40]!r} is no text")
    return value[:_LONGEST]


def local_time(told: str, zone: tzinfo | None) -> str:
    """A time of the step runner's in a zone, ``2026-11-22 10:20 WITA``; else as it was told."""
    try:
        moment = datetime.fromisoformat(told)
        if zone is None or moment.tzinfo is None:
            return told
        return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}"
    except (ValueError, OverflowError):
        return told
