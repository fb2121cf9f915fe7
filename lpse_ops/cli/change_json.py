"""A change as data: for ``--format json``, and as canonical JSON for those who keep it."""

from datetime import datetime, tzinfo
from typing import Any

from lpse_ops.cli.change_words import register_fields
from lpse_ops.spse.change import Change
from lpse_ops.spse.changefacts import to_facts
from lpse_ops.spse.sla import SlaClock
from lpse_ops.workdays import Doubts, DueTime

SCHEMA = "lpse-ops/spse/change/1"


def summary(change: Change, clock: SlaClock) -> dict[str, Any]:
    """A line of the list."""
    request = change.request
    return {
        "id": change.id,
        "kind": change.kind,
        "on_site": bool(request and request.on_site),
        "state": clock.state,
        "received": _time(request.received if request else None),
        "due": _time(clock.due.at if clock.due else None),
        **_doubts(clock.due),
        "done": _time(change.done),
        "results": [run.result for run in change.runs],
        "reason": request.reason if request else next((run.reason for run in change.runs), ""),
    }


def whole(
    change: Change, clock: SlaClock, *, site: str, origin: str, zone: tzinfo
) -> dict[str, Any]:
    """All that is known, in a form that has canonical JSON; it does not depend on the hour.

    ``register`` are the fields of the LPSE's register, in Indonesian.
    """
    request, closing = change.request, change.closing
    return {
        "schema": SCHEMA,
        "id": change.id,
        "site": site,
        "register": register_fields(change, zone),
        "sla": _sla(change, clock),
        "request": None if request is None else _event(change, request),
        "runs": [_event(change, run) for run in change.runs],
        "done": None if closing is None else _event(change, closing),
        "ledger": {
            "origin": origin,
            "lines": [
                {"line": line.seq, "sha256": line.sha256, "recorded": _time(line.recorded)}
                for line in change.lines
            ],
        },
    }


def _event(change: Change, event: Any) -> dict[str, Any]:
    facts = to_facts(change.id, event)
    return {name: fact for name, fact in facts.items() if name not in ("event", "id")}


def _sla(change: Change, clock: SlaClock) -> dict[str, Any] | None:
    service, due = clock.service, clock.due
    if service is None or due is None:
        return None
    return {
        "catalogue": service.catalogue,
        "workdays": service.workdays,
        "counted_from": due.counted_from.isoformat(),
        "due": _time(due.at),
        "promised": _time(clock.promised),
        "done": _time(clock.done),
        "in_time": None if clock.done is None else clock.done <= due.at,
        "is_open": change.is_open,
        "unknown_years": list(due.doubts.unknown_years),
        "estimated": [
            {"date": day.isoformat(), "name": name} for day, name in due.doubts.estimated
        ],
    }


def _doubts(due: DueTime | None) -> dict[str, Any]:
    """Why the due time may move: years without a decree, holidays that are estimates."""
    doubts = due.doubts if due else Doubts()
    return {
        "unknown_years": list(doubts.unknown_years),
        "estimated": [{"date": day.isoformat(), "name": name} for day, name in doubts.estimated],
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
