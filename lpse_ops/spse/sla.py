"""The clock of the SLA between LKPP and LPSE: how long an installation or upgrade may take.

Limits are those of the service catalogue (spec/domain.md a.3, categories 4 and 5).  Day 0 is the
day that the request came, which ends after the office hours of the last working day.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from lpse_ops.spse.change import Change, Kind, Request
from lpse_ops.workdays import DueTime, WorkCalendar


@dataclass(frozen=True)
class Service:
    """A line of the catalogue; ``workdays`` is the most that it may take."""

    kind: Kind
    on_site: bool
    workdays: int
    catalogue: int


SERVICES = (
    Service("install", on_site=False, workdays=1, catalogue=4),
    Service("install", on_site=True, workdays=7, catalogue=4),
    Service("upgrade", on_site=False, workdays=2, catalogue=5),
    # Counted from the notification, which is recorded as the request.
    Service("upgrade", on_site=True, workdays=7, catalogue=5),
)


class ClockState(StrEnum):
    WAITING = "waiting"
    OVERDUE = "overdue"
    IN_TIME = "in-time"
    LATE = "late"
    # Refused, withdrawn, or nothing was asked for that the SLA limits.
    UNLIMITED = "no-limit"
    ENDED = "ended"


@dataclass(frozen=True)
class SlaClock:
    """``due`` None: nothing is promised.  ``late_by`` counts hours of the clock, not of offices.

    ``promised`` is what was recorded with the request, where a decree has moved it since.
    """

    state: ClockState
    service: Service | None = None
    due: DueTime | None = None
    done: datetime | None = None
    late_by: timedelta | None = None
    promised: datetime | None = None


def find_service(kind: Kind, *, on_site: bool) -> Service | None:
    """Return what the SLA promises; it says nothing of a rollback."""
    return next((each for each in SERVICES if (each.kind, each.on_site) == (kind, on_site)), None)


def find_due(request: Request, calendar: WorkCalendar) -> DueTime | None:
    """Return when a request is due by a calendar; None where nothing is promised."""
    service = find_service(request.kind, on_site=request.on_site)
    return None if service is None else calendar.due_time(request.received, service.workdays)


def read_clock(change: Change, calendar: WorkCalendar, now: datetime) -> SlaClock:
    """Say where the clock of a change stands, by its records and the calendar of today."""
    request, done = change.request, change.done
    due = None if request is None else find_due(request, calendar)
    if request is None or due is None:
        return SlaClock(ClockState.UNLIMITED, done=done)
    late_by = (done or now) - due.at
    is_late = late_by > timedelta()
    state = _choose_state(is_open=change.is_open, is_done=done is not None, is_late=is_late)
    return SlaClock(
        state,
        find_service(request.kind, on_site=request.on_site),
        due,
        done,
        late_by if state in (ClockState.OVERDUE, ClockState.LATE) else None,
        None if request.due == due.at else request.due,
    )


def _choose_state(*, is_open: bool, is_done: bool, is_late: bool) -> ClockState:
    if is_done:
        return ClockState.LATE if is_late else ClockState.IN_TIME
    if not is_open:
        return ClockState.ENDED
    return ClockState.OVERDUE if is_late else ClockState.WAITING
