"""What the step runner wrote of an upgrade (``state.json``; roles/spse/files/README.md), as values.

The file may be damaged, or of another version: every value is checked for its type, keys that
nobody knows are left alone.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from lpse_ops.errors import ReleaseError

FORMAT = 1
MAX_BYTES = 1 << 22
StepState = Literal["pending", "begun", "done", "failed", "undoing", "undone"]
Outcome = Literal["done", "rolled-back", "stuck"]
Direction = Literal["forward", "back"]
_STAMP = re.compile(r"\d{8}T\d{6}Z_[0-9a-f]{4}")
_MOST_STEPS = 64


@dataclass(frozen=True)
class StepRecord:
    """A step; ``begun`` and ``undoing`` are what a power cut, or a runner at work, leaves."""

    name: str
    status: StepState
    begun: datetime | None
    ended: datetime | None
    undo_begun: datetime | None
    undo_ended: datetime | None
    exit_status: int | None
    output: str
    undo_output: str
    notes: Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """Who started the runner, when, and what for: run, resume or rollback."""

    command: str
    at: datetime
    by: str


@dataclass(frozen=True)
class Place:
    """A release as the plan names it."""

    version: str
    folder: str


@dataclass(frozen=True)
class UpgradeState:
    """``outcome`` is None while it is not over; ``plan_id`` and the releases are of its plan."""

    stamp: str
    begun: datetime
    ended: datetime | None
    direction: Direction
    outcome: Outcome | None
    reason: str
    warnings: tuple[str, ...]
    calls: tuple[Call, ...]
    plan_id: str
    old: Place
    new: Place
    accepted_risk: str
    steps: tuple[StepRecord, ...]

    @property
    def is_over(self) -> bool:
        return self.outcome in ("done", "rolled-back")

    def find(self, name: str) -> StepRecord | None:
        return next((each for each in self.steps if each.name == name), None)


def parse_upgrade(content: bytes, path: object = "the state") -> UpgradeState:
    """Read a state; ``ReleaseError`` says what is wrong with it."""
    try:
        value = json.loads(content.decode())
        if _mapping(value).get("format") != FORMAT:
            raise ValueError("it is of another format")
        return _upgrade(value)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else str(error)[:200]
        raise ReleaseError(
            f"{path} is damaged, or of another version: {why}",
            hint="see what it holds: python3 /usr/local/lib/lpse-ops/steprunner status",
        ) from error


def _upgrade(value: Mapping[str, Any]) -> UpgradeState:
    stamp, plan = _text(value["stamp"]), _mapping(value["plan"])
    if not _STAMP.fullmatch(stamp):
        raise ValueError("its stamp is no time")
    steps = _several(value["steps"])
    if len(steps) > _MOST_STEPS:
        raise ValueError("it has too many steps")
    return UpgradeState(
        stamp=stamp,
        begun=_moment(value["begun"]),
        ended=_or_none(_moment, value.get("ended")),
        direction=_one_of(Direction, value["direction"]),
        outcome=_or_none(lambda each: _one_of(Outcome, each), value.get("outcome")),
        reason=_text(value.get("reason", "")),
        warnings=tuple(map(_text, _several(value.get("warnings", [])))),
        calls=tuple(map(_call, _several(value.get("calls", [])))),
        plan_id=_text(plan["id"]),
        old=_place(plan["from"]),
        new=_place(plan["to"]),
        accepted_risk=_text(_mapping(plan["backup"]).get("accepted_risk", "")),
        steps=tuple(_step(_mapping(each)) for each in steps),
    )


def _step(value: Mapping[str, Any]) -> StepRecord:
    return StepRecord(
        name=_text(value["name"]),
        status=_one_of(StepState, value["status"]),
        begun=_or_none(_moment, value.get("begun")),
        ended=_or_none(_moment, value.get("ended")),
        undo_begun=_or_none(_moment, value.get("undo_begun")),
        undo_ended=_or_none(_moment, value.get("undo_ended")),
        exit_status=_or_none(_number, value.get("rc")),
        output=_text(value.get("output", "")),
        undo_output=_text(value.get("undo_output", "")),
        notes=_mapping(value.get("notes", {})),
    )


def _place(value: Any) -> Place:
    place = _mapping(value)
    return Place(_text(place["version"]), _text(place["release"]))


def _call(value: Any) -> Call:
    call = _mapping(value)
    return Call(_text(call["command"]), _moment(call["at"]), _text(call["by"]))


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{str(value)[:40]!r} has no keys")
    return value


def _several(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{str(value)[:40]!r} is no list")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:40]!r} is no text")
    return value


def _number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{str(value)[:40]!r} is no number")
    return value


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return moment


def _one_of(literal: Any, value: Any) -> Any:
    if value not in get_args(literal):
        raise ValueError(f"{str(value)[:40]!r} is none of {', '.join(get_args(literal))}")
    return value


def _or_none(read: Any, value: Any) -> Any:
    return None if value is None else read(value)
