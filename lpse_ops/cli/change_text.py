"""Changes for people at a terminal."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo

from lpse_ops.cli.ages import format_age
from lpse_ops.cli.output import printable, render_table
from lpse_ops.spse.change import Change, Request, Run
from lpse_ops.spse.sla import SlaClock
from lpse_ops.workdays import Doubts, DueTime

_HEADER = ("ID", "KIND", "RECEIVED", "DUE", "DONE", "STATE", "REASON")
_LONGEST_REASON = 48
_NONE = "-"


def render_list(rows: Sequence[tuple[Change, SlaClock]], zone: tzinfo) -> str:
    lines = [_row(change, clock, zone) for change, clock in rows]
    if not lines:
        return "no changes on record\n"
    doubtful = any(clock.due and clock.due.doubts for _, clock in rows)
    note = "? not certain: lpse-ops spse change show ID says why\n" if doubtful else ""
    return render_table(_HEADER, lines) + note


def render_change(change: Change, clock: SlaClock, zone: tzinfo) -> str:
    lines = [
        f"change     {change.id} {_kind(change)}: {clock.state}, {change.register_status}",
        *(_request(change.request, zone) if change.request else ()),
        *describe_due(clock, zone),
        *(line for number, run in enumerate(change.runs, 1) for line in _run(number, run, zone)),
        *_closing(change, zone),
        *(f"ledger     line {line.seq} {line.sha256}" for line in change.lines),
    ]
    # Texts come from anybody: none may look like a line of ours.
    return "\n".join(map(printable, lines)) + "\n"


def describe_due(clock: SlaClock, zone: tzinfo) -> Iterator[str]:
    """When it is due and why, what is not certain about it, and whether it is late."""
    due, service = clock.due, clock.service
    if due is None or service is None:
        yield "due        at no time: the SLA has no limit for it"
        return
    days = "1 working day" if service.workdays == 1 else f"{service.workdays} working days"
    source = f"{days} from {due.counted_from:%a %Y-%m-%d}, SLA category {service.catalogue}"
    yield f"due        {_moment(due.at, zone)} ({source})"
    if clock.promised is not None:
        yield f"NOTE       {_moment(clock.promised, zone)} was promised; the calendar has changed"
    yield from (f"NOTE       {line}" for line in describe_doubts(due.doubts))
    if clock.late_by is not None:
        yield f"LATE       by {format_age(clock.late_by)}"


def describe_doubts(doubts: Doubts) -> Iterator[str]:
    for year in doubts.unknown_years:
        yield (
            f"no decree on holidays and cuti bersama of {year} is known: the due time may move; "
            "write it under workdays in lpse-ops.yml"
        )
    for day, name in doubts.estimated:
        yield f"{name} on {day} is an estimate: the due time may move"


def _row(change: Change, clock: SlaClock, zone: tzinfo) -> tuple[str, ...]:
    request = change.request
    reason = request.reason if request else change.runs[0].reason if change.runs else ""
    cut = reason if len(reason) <= _LONGEST_REASON else f"{reason[: _LONGEST_REASON - 3]}..."
    return (
        change.id,
        _kind(change),
        _moment(request.received if request else None, zone),
        _due(clock.due, zone),
        _moment(change.done, zone),
        clock.state,
        cut,
    )


def _due(due: DueTime | None, zone: tzinfo) -> str:
    if due is None:
        return _NONE
    return f"{_moment(due.at, zone)}{'?' if due.doubts else ''}"


def _kind(change: Change) -> str:
    on_site = change.request is not None and change.request.on_site
    return f"{change.kind or _NONE}{' on site' if on_site else ''}"


def _request(request: Request, zone: tzinfo) -> Iterator[str]:
    yield f"received   {_moment(request.received, zone)}, recorded by {request.recorded_by}"
    for label, text in (
        ("reason", request.reason),
        ("source", request.source),
        ("applicant", ", ".join(filter(None, (request.applicant, request.organisation)))),
        ("contact", request.contact),
        ("what", request.description),
        ("impact", request.impact),
        ("test plan", request.test_plan),
        ("rollback", request.rollback_plan),
        ("approval", " by ".join(filter(None, (request.approval, request.approved_by)))),
        ("scheduled", _moment(request.scheduled, zone) if request.scheduled else ""),
        ("category", request.category),
    ):
        if text:
            yield f"{label:<11}{text}"


def _run(number: int, run: Run, zone: tzinfo) -> Iterator[str]:
    who = ", ".join(run.performed_by) or "nobody named"
    yield (
        f"run {number:<7}{run.kind} of {run.server}: {run.result}, {_moment(run.started, zone)}, "
        f"{_took(run.started, run.ended)}, by {who} ({run.account})"
    )
    if run.package is not None:
        version = f"{run.from_version or _NONE} to {run.package.version}"
        yield f"  package  {version}, {run.package.name} {run.package.sha256}"
    if run.backup_snapshot:
        yield f"  backup   {run.backup_snapshot}"
    if run.accepted_risk:
        yield f"  RISK     accepted: {run.accepted_risk}"
    if run.downtime is not None:
        seconds = run.downtime.seconds
        yield f"  downtime {'not over' if seconds is None else f'{seconds} s'}"
    for place, step in enumerate(run.steps, start=1):
        code = "" if step.exit_status in (None, 0) else f" ({step.exit_status})"
        status = "FAILED" if step.status == "failed" else step.status
        yield f"  {place:>2} {status:<8} {step.name}{code}, {_took(step.started, step.ended)}"
        if step.status == "failed":
            yield from (f"     | {line}" for line in step.output.splitlines()[-8:])
    yield from (f"  test     {test}" for test in run.tests)
    if run.problem:
        yield f"  PROBLEM  {run.problem}"


def _closing(change: Change, zone: tzinfo) -> Iterator[str]:
    closing = change.closing
    if closing is None:
        return
    who = ", ".join(closing.performed_by) or "nobody named"
    yield (
        f"closed     {closing.ending}, {_moment(closing.ended, zone)}, by {who}, "
        f"recorded by {closing.recorded_by}"
    )
    if closing.note:
        yield f"note       {closing.note}"
    yield from (f"test       {test}" for test in closing.tests)


def _took(began: datetime | None, ended: datetime | None) -> str:
    if began is None or ended is None:
        return _NONE
    return f"{max(ended - began, timedelta()).total_seconds():.0f} s"


def _moment(moment: datetime | None, zone: tzinfo) -> str:
    return _NONE if moment is None else f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
