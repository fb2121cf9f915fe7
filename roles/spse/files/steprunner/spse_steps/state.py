"""How far an upgrade has come: the state file, as values that are replaced and never changed."""

import json
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from spse_steps.errors import StateError

FORMAT = 1

# Of a step.  "begun" and "undoing" are what a power cut leaves: nobody knows how far it came.
PENDING, BEGUN, DONE, FAILED = "pending", "begun", "done", "failed"
UNDOING, UNDONE = "undoing", "undone"
_STATUSES = (PENDING, BEGUN, DONE, FAILED, UNDOING, UNDONE)
# Of the whole.
FORWARD, BACK = "forward", "back"
FINISHED, ROLLED_BACK, STUCK = "done", "rolled-back", "stuck"
_OUTCOMES = (None, FINISHED, ROLLED_BACK, STUCK)
_STAMP = re.compile(r"\d{8}T\d{6}Z_[0-9a-f]{4}")


class Record(NamedTuple):
    """One step.  Times are UTC; ``rc`` is the exit status of its program, if it ran one.

    ``notes`` are what the step must know when it is taken up again or undone.
    """

    name: str
    status: str = PENDING
    tries: int = 0
    begun: Optional[str] = None
    ended: Optional[str] = None
    undo_begun: Optional[str] = None
    undo_ended: Optional[str] = None
    rc: Optional[int] = None
    output: str = ""
    undo_output: str = ""
    notes: Dict[str, Any] = {}  # noqa: RUF012 - never changed, only replaced


class State(NamedTuple):
    """``stamp`` ends the names of all that this upgrade makes; ``plan`` is as it was given.

    ``reason``: why it goes back, or is stuck.  ``calls``: who started the runner, and when.
    """

    stamp: str
    plan: Dict[str, Any]
    prefix: str
    begun: str
    records: Tuple[Record, ...]
    direction: str = FORWARD
    outcome: Optional[str] = None
    ended: Optional[str] = None
    reason: str = ""
    warnings: Tuple[str, ...] = ()
    calls: Tuple[Dict[str, Any], ...] = ()

    def record(self, name: str) -> Record:
        return next(each for each in self.records if each.name == name)

    def with_record(self, record: Record) -> "State":
        changed = tuple(record if each.name == record.name else each for each in self.records)
        return self._replace(records=changed)

    @property
    def is_over(self) -> bool:
        return self.outcome in (FINISHED, ROLLED_BACK)


def render_state(state: State) -> bytes:
    fields: Dict[str, Any] = {"format": FORMAT, **state._asdict()}
    fields["steps"] = [dict(record._asdict()) for record in fields.pop("records")]
    return (json.dumps(fields, indent=1, ensure_ascii=False) + "\n").encode()


def parse_state(content: bytes, names: Tuple[str, ...]) -> State:
    """Read a state file with the steps of these ``names``; raises StateError."""
    try:
        value = json.loads(content.decode())
        if value.pop("format") != FORMAT:
            raise ValueError("another format")
        records = tuple(_record(each) for each in value.pop("steps"))
        state = State(records=records, **value)
        _check(state, names)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StateError(
            f"the state file is damaged or of another version: {type(error).__name__}: {error}",
            hint="use the steprunner that began the upgrade; its version is in the change record",
        ) from error
    return state._replace(warnings=tuple(state.warnings), calls=tuple(state.calls))


def _record(value: Dict[str, Any]) -> Record:
    record = Record(**value)
    if record.status not in _STATUSES or not isinstance(record.notes, dict):
        raise ValueError(f"step {record.name!r} is {record.status!r}")
    return record


def _check(state: State, names: Tuple[str, ...]) -> None:
    found: List[str] = [record.name for record in state.records]
    if tuple(found) != names:
        raise ValueError(f"its steps are {', '.join(map(str, found))}")
    if state.direction not in (FORWARD, BACK) or state.outcome not in _OUTCOMES:
        raise ValueError(f"it is {state.direction!r}, {state.outcome!r}")
    # The names of databases and files are made of it.
    if not _STAMP.fullmatch(state.stamp):
        raise ValueError("its stamp is no time")
    if not isinstance(state.plan, dict) or not isinstance(state.prefix, str):
        raise ValueError("it holds no plan")
