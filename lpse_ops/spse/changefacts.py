"""Changes as facts of the ledger's records of kind ``change``, and back.

A record is one event of a change: ``request``, ``run`` or ``done``; ``id`` says of which change.
What is read back may be of another version of this program: it is believed as far as its types go.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any, TypeVar, cast, get_args

from lpse_ops.errors import LedgerError
from lpse_ops.ledger import Record
from lpse_ops.spse.change import (
    Approval,
    Category,
    Change,
    Closing,
    Downtime,
    Ending,
    Kind,
    Line,
    Package,
    Request,
    Run,
    RunResult,
    Step,
    StepStatus,
)

KIND = "change"
_ID = re.compile(r"(\d{4})-(\d{4,9})", re.ASCII)
_EVENTS = {Request: "request", Run: "run", Closing: "done"}
_Value = TypeVar("_Value")
_Read = Callable[[Any], Any]


def to_facts(change_id: str, event: Request | Run | Closing) -> dict[str, Any]:
    """Return the facts of a record; what is empty is left out."""
    return {"event": _EVENTS[type(event)], "id": change_id, **_plain(event)}


def read_changes(records: Iterable[Record]) -> dict[str, Change]:
    """Return all changes by their ids, oldest first; ``LedgerError`` for a record that is none."""
    found: dict[str, list[Record]] = {}
    for record in records:
        if record.kind == KIND:
            found.setdefault(str(record.facts.get("id")), []).append(record)
    return {change_id: _read_change(change_id, each) for change_id, each in found.items()}


def next_id(taken: Iterable[str], year: int) -> str:
    """Return ``2026-0001`` for the first change of a year, and so on."""
    matches = filter(None, map(_ID.fullmatch, taken))
    last = max((int(match[2]) for match in matches if int(match[1]) == year), default=0)
    return f"{year:04d}-{last + 1:04d}"


def _read_change(change_id: str, records: list[Record]) -> Change:
    events: dict[str, list[Any]] = {"request": [], "run": [], "done": []}
    for record in records:
        try:
            if not _ID.fullmatch(change_id):
                raise ValueError(f"its id is {change_id[:40]!r}")
            event = _text(record.facts.get("event"))
            events[event].append(_READERS[event](record.facts))
        except (KeyError, ValueError, TypeError) as error:
            raise LedgerError(
                f"line {record.seq} of the ledger is no record of a change: {str(error)[:200]}",
                hint="see `lpse-ops log show --kind change`; a newer lpse-ops may have written it",
            ) from error
    return Change(
        change_id,
        tuple(Line(record.seq, record.sha256, record.time) for record in records),
        # What was told last counts: a correction.
        next(reversed(events["request"]), None),
        tuple(events["run"]),
        next(reversed(events["done"]), None),
    )


# --- values to facts ----------------------------------------------------------------------------


def _plain(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in fields(value):
        own = getattr(value, field.name)
        if field.default is MISSING or own != field.default:
            found[field.name] = _fact(own)
    return found


def _fact(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_fact(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return _plain(value) if isinstance(value, Package | Step | Downtime) else value


# --- facts to values ----------------------------------------------------------------------------


def _read(kind: Callable[..., _Value], facts: Any, read: Mapping[str, _Read]) -> _Value:
    """Make a value of the facts that it has fields for; the others are of a newer version."""
    if not isinstance(facts, Mapping):
        raise ValueError(f"{str(facts)[:40]!r} has no fields")
    values = {}
    for field in fields(cast(Any, kind)):
        if field.name in facts:
            read_one: _Read = read.get(field.name, _text)
            values[field.name] = read_one(facts[field.name])
    return kind(**values)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{str(value)[:40]!r} is no text")
    return value


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return moment


def _flag(value: Any) -> bool:
    return value is True


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{str(value)[:40]!r} is no number")
    return value


def _one_of(literal: Any) -> _Read:
    def choose(value: Any) -> Any:
        if value not in get_args(literal):
            raise ValueError(f"{str(value)[:40]!r} is none of {', '.join(get_args(literal))}")
        return value

    return choose


def _several(read: _Read) -> _Read:
    def read_all(values: Any) -> Any:
        if not isinstance(values, list):
            raise ValueError(f"{str(values)[:40]!r} is no list")
        return tuple(map(read, values))

    return read_all


_STEP: dict[str, _Read] = {
    "status": _one_of(StepStatus),
    "started": _moment,
    "ended": _moment,
    "exit_status": _number,
}
_DOWNTIME: dict[str, _Read] = {"began": _moment, "ended": _moment}
_REQUEST: dict[str, _Read] = {
    "kind": _one_of(Kind),
    "category": _one_of(Category),
    "approval": _one_of(Approval),
    "on_site": _flag,
    "received": _moment,
    "scheduled": _moment,
    "due": _moment,
}
_RUN: dict[str, _Read] = {
    "kind": _one_of(Kind),
    "result": _one_of(RunResult),
    "started": _moment,
    "ended": _moment,
    "performed_by": _several(_text),
    "plan": _several(_text),
    "tests": _several(_text),
    "package": lambda value: _read(Package, value, {}),
    "steps": _several(lambda value: _read(Step, value, _STEP)),
    "downtime": lambda value: _read(Downtime, value, _DOWNTIME),
}
_CLOSING: dict[str, _Read] = {
    "ending": _one_of(Ending),
    "ended": _moment,
    "performed_by": _several(_text),
    "tests": _several(_text),
}
_READERS: dict[str, _Read] = {
    "request": lambda facts: _read(Request, facts, _REQUEST),
    "run": lambda facts: _read(Run, facts, _RUN),
    "done": lambda facts: _read(Closing, facts, _CLOSING),
}
