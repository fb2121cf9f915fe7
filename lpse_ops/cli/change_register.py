"""The register of changes: reads it from the ledger and puts requests, runs and endings into it.

Who asks for an id keeps others waiting until its record is written: no id is given twice.
"""

import os
from collections.abc import Iterable
from datetime import datetime

from lpse_ops.cli.playbook_talk import user_name
from lpse_ops.cli.records import sign
from lpse_ops.cli.settings_workdays import build_calendar
from lpse_ops.cli.state_lock import wait_for_turn
from lpse_ops.cli.wiring import App
from lpse_ops.errors import NothingFound, UsageError
from lpse_ops.spse.change import Change, Closing, Kind, Request, Run
from lpse_ops.spse.changefacts import KIND, next_id, read_changes, read_ids, to_facts
from lpse_ops.spse.changetext import Mask, keep_closing, keep_request, keep_run, no_mask
from lpse_ops.workdays import WorkCalendar

_LOCK = "changes.lock"
_FIRST_YEAR = 2000
# A due time may lie in the next year, and what is scheduled beyond it.
_YEARS_AHEAD = 2


def read_register(app: App) -> dict[str, Change]:
    """Return all changes by their ids, in the order in which they came; tell what is unread."""
    return read_changes(app.ledger.records(KIND), app.console.warn)


def find_change(app: App, change_id: str) -> Change:
    """Return a change, or raise NothingFound."""
    found = read_register(app).get(change_id)
    if found is None:
        raise NothingFound(
            f"there is no change {change_id!r} on record",
            hint="lpse-ops spse change list shows their ids",
        )
    return found


def find_waiting(app: App, kind: Kind) -> str | None:
    """Return the id of the only open request of a kind, which a run of that kind answers.

    None if there is none; UsageError when there are several.
    """
    waiting = [
        change.id
        for change in read_register(app).values()
        if change.is_open and change.request is not None and change.kind == kind
    ]
    if len(waiting) > 1:
        raise UsageError(
            f"several requests wait for this {kind}: {', '.join(waiting)}",
            hint="close those that are settled: lpse-ops spse change done ID --result withdrawn",
        )
    return waiting[0] if waiting else None


def load_calendar(app: App, changes: Iterable[Change]) -> WorkCalendar:
    """Return the calendar of all years that the changes may count days in."""
    settings = app.settings
    now = app.clock.now()
    received = [change.request.received.year for change in changes if change.request is not None]
    years = range(min([*received, now.year]) - 1, max([*received, now.year]) + _YEARS_AHEAD)
    return build_calendar(settings.workdays, settings.site.time_zone, years)


def record_request(app: App, request: Request) -> tuple[str, Request]:
    """Put a request on record; return its id and the request as it stands there."""
    check_moment(app, request.received)
    kept = keep_request(request)
    return _append(app, kept, None), kept


def record_amendment(app: App, change_id: str, request: Request) -> Change:
    """Put a request on record in place of the one before, and return the change."""
    _append(app, keep_request(request), change_id)
    return find_change(app, change_id)


def record_run(app: App, run: Run, *, change_id: str | None = None, mask: Mask = no_mask) -> str:
    """Put a run on record under a change, or under an id of its own, which is returned.

    ``mask`` takes out all secrets that the run may have seen.  LedgerError when the ledger cannot
    be written: what was done is done, and must be told otherwise.  ValueError for a run whose
    values are not those of their types.
    """
    return _append(app, keep_run(run, mask), change_id)


def record_closing(app: App, change_id: str, closing: Closing) -> Change:
    """Put the end of a change on record, and return the change; UsageError if it has one."""
    check_moment(app, closing.ended)
    _append(app, keep_closing(closing), change_id)
    return find_change(app, change_id)


def _refuse_closing(change: Change, closing: Closing) -> None:
    if change.closing is not None or change.done is not None:
        raise UsageError(
            f"change {change.id} is closed already",
            hint=f"see lpse-ops spse change show {change.id}",
        )
    if change.request is not None and closing.ended < change.request.received:
        raise UsageError(
            f"{closing.ended:%Y-%m-%d %H:%M} is before the request came, at "
            f"{change.request.received:%Y-%m-%d %H:%M}",
            hint="correct --at TIME",
        )


def refuse_amending(change: Change) -> Request:
    """Return the request of a change, if it can be amended; UsageError otherwise."""
    if change.request is None:
        raise UsageError(
            f"nobody asked for change {change.id}: there is no request to amend",
            hint="record one: lpse-ops spse change request KIND --reason TEXT",
        )
    if not change.is_open:
        raise UsageError(
            f"change {change.id} is closed already",
            hint=f"see lpse-ops spse change show {change.id}",
        )
    return change.request


def check_moment(app: App, moment: datetime) -> None:
    """Raise UsageError for a time that nothing can have happened at yet."""
    now = app.clock.now()
    if moment > now:
        raise UsageError(
            f"{moment:%Y-%m-%d %H:%M} is in the future; it is {now:%Y-%m-%d %H:%M} now",
            hint="correct the time, or the clock of this machine: timedatectl",
        )
    if moment.year < _FIRST_YEAR:
        raise UsageError(f"{moment:%Y-%m-%d} is before SPSE", hint="correct the time")


def read_moment(app: App, naive: datetime | None) -> datetime:
    """Return a time that was typed, as one of the site's zone; now, if none was typed."""
    if naive is None:
        return app.clock.now().replace(microsecond=0)
    return naive.replace(tzinfo=app.settings.site.time_zone)


def recorder(app: App) -> str:
    """Who records, as the machine knows them: also who is behind sudo."""
    behind = app.environment.get("SUDO_USER", "")
    sudo = f" (sudo: {behind})" if behind else ""
    return f"{user_name()}@{os.uname().nodename}{sudo}"


def _append(app: App, event: Request | Run | Closing, change_id: str | None) -> str:
    with wait_for_turn(app.state_folder, _LOCK):
        if change_id is None:
            # What was done on a server without settings is on record all the same.
            settings, now = app.settings_unless_empty, app.clock.now()
            year = (now.astimezone(settings.site.time_zone) if settings else now).year
            change_id = next_id(read_ids(app.ledger.records(KIND)), year)
        else:
            change = find_change(app, change_id)
            if isinstance(event, Closing):
                _refuse_closing(change, event)
            if isinstance(event, Request):
                refuse_amending(change)
        app.ledger.append(KIND, to_facts(change_id, event))
    sign(app)
    return change_id
