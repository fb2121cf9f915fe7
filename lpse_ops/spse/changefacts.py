"""Changes as facts of the ledger's records of kind ``change``, and back.

A record is one event of a change: ``request``, ``run`` or ``done``; ``id`` says of which change.
What is read back may be of another version of this program: it is believed as far as its types go.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any, TypeVar, cast, get_args

from lpse_ops.ledger import Record
from lpse_ops.ledgerfacts import time_text
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
_YEARS = range(2000, 2200)
_Value = TypeVar("_Value")
_Read = Callable[[Any], Any]


def to_facts(change_id: str, event: Request | Run | Closing) -> dict[str, Any]:
    """Return the facts of a record; what is empty is left out.

    ValueError for what could not be read back: nobody could take it out of the log again.
    """
    name = _EVENTS[type(event)]
    facts = {"event": name, "id": change_id, **_plain(event)}
    _READERS[name](facts)
    return facts


def read_changes(records: Iterable[Record], unread: Callable[[str], None]) -> dict[str, Change]:
    """Return all changes by their ids, oldest first.

    ``unread`` is told of each record that is none: a newer lpse-ops may have written it.
    """
    found: dict[str, dict[str, list[Any]]] = {}
    lines: dict[str, list[Line]] = {}
    for record in records:
        try:
            change_id, name, event = _read_event(record)
        except (KeyError, ValueError, TypeError) as error:
            unread(f"line {record.seq} of the ledger is no record of a change: {str(error)[:200]}")
            continue
        found.setdefault(change_id, {each: [] for each in _READERS})[name].append(event)
        line = Line(record.seq, record.sha256, record.time)
        lines.setdefault(change_id, []).append(line)
    return {
        change_id: Change(
            change_id,
            tuple(lines[change_id]),
            # What was told last counts: a correction.
            next(reversed(events["request"]), None),
            tuple(events["run"]),
            next(reversed(events["done"]), None),
        )
        for change_id, events in found.items()
    }


def read_ids(records: Iterable[Record]) -> list[str]:
    """Return the ids of all records, also of those that cannot be read."""
    return [str(record.facts.get("id")) for record in records]


def next_id(taken: Iterable[str], year: int) -> str:
    """Return ``2026-0001`` for the first change of a year, and so on."""
    matches = filter(None, map(_ID.fullmatch, taken))
    last = max((int(match[2]) for match in matches if int(match[1]) == year), default=0)
    return f"{year:04d}-{last + 1:04d}"


def _read_event(record: Record) -> tuple[str, str, Any]:
    change_id, name = _text(record.facts.get("id")), _text(record.facts.get("event"))
    if not _ID.fullmatch(change_id):
        raise ValueError(f"its id is {change_id[:40]!r}")
    return change_id, name, _READERS[name](record.facts)


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
        return time_text(value.replace(microsecond=0))
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
    # Days are counted year by year.
    if moment.year not in _YEARS:
        raise ValueError(f"{value!r} is not of our time")
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
