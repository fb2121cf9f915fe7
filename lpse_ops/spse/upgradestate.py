"""What the step runner wrote of an upgrade (``state.json``; roles/spse/files/README.md), as values.

The file may be damaged, or of another version: every value is checked for its type, keys that
nobody knows are left alone.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from lpse_ops.errors import ReleaseError
from lpse_ops.spse.jsonvalues import (
    as_list,
    as_mapping,
    as_moment,
    as_number,
    as_text,
    one_of,
    or_none,
)
from lpse_ops.spse.places import STEPRUNNER

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
        if as_mapping(value).get("format") != FORMAT:
            raise ValueError("it is of another format")
        return _upgrade(value)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else str(error)[:200]
        raise ReleaseError(
            f"{path} is damaged, or of another version: {why}",
            hint=f"see what it holds: python3 {STEPRUNNER} status",
        ) from error


def _upgrade(value: Mapping[str, Any]) -> UpgradeState:
    stamp, plan = as_text(value["stamp"]), as_mapping(value["plan"])
    if not _STAMP.fullmatch(stamp):
        raise ValueError("its stamp is no time")
    steps = as_list(value["steps"])
    if len(steps) > _MOST_STEPS:
        raise ValueError("it has too many steps")
    return UpgradeState(
        stamp=stamp,
        begun=as_moment(value["begun"]),
        ended=or_none(as_moment, value.get("ended")),
        direction=one_of(Direction, value["direction"]),
        outcome=or_none(lambda each: one_of(Outcome, each), value.get("outcome")),
        reason=as_text(value.get("reason", "")),
        warnings=tuple(map(as_text, as_list(value.get("warnings", [])))),
        calls=tuple(map(_call, as_list(value.get("calls", [])))),
        plan_id=as_text(plan["id"]),
        old=_place(plan["from"]),
        new=_place(plan["to"]),
        accepted_risk=as_text(as_mapping(plan["backup"]).get("accepted_risk", "")),
        steps=tuple(parse_step(as_mapping(each)) for each in steps),
    )


def parse_step(value: Mapping[str, Any]) -> StepRecord:
    """One step; ``TypeError``, ``ValueError`` or ``KeyError`` if it is none."""
    return StepRecord(
        name=as_text(value["name"]),
        status=one_of(StepState, value["status"]),
        begun=or_none(as_moment, value.get("begun")),
        ended=or_none(as_moment, value.get("ended")),
        undo_begun=or_none(as_moment, value.get("undo_begun")),
        undo_ended=or_none(as_moment, value.get("undo_ended")),
        exit_status=or_none(as_number, value.get("rc")),
        output=as_text(value.get("output", "")),
        undo_output=as_text(value.get("undo_output", "")),
        notes=as_mapping(value.get("notes", {})),
    )


def _place(value: Any) -> Place:
    place = as_mapping(value)
    return Place(as_text(place["version"]), as_text(place["release"]))


def _call(value: Any) -> Call:
    call = as_mapping(value)
    return Call(as_text(call["command"]), as_moment(call["at"]), as_text(call["by"]))
