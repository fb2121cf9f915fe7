from dataclasses import replace
from datetime import timedelta

import pytest

from lpse_ops.spse.change import Change
from lpse_ops.spse.sla import ClockState, find_due, find_service, read_clock
from tests.spse.samples import CLOSING, FAILED_RUN, REQUEST, RUN, at, calendar

DAYS = calendar()
# REQUEST came on Wednesday morning.
DUE = at("11-20 16:30")


def change(*runs, request=REQUEST, closing=None) -> Change:
    return Change("2026-0001", (), request, runs, closing)


@pytest.mark.parametrize(
    ("kind", "on_site", "workdays", "due"),
    [
        ("install", False, 1, "11-19 16:00"),
        ("install", True, 7, "11-27 16:30"),
        ("upgrade", False, 2, "11-20 16:30"),
        ("upgrade", True, 7, "11-27 16:30"),
    ],
)
def test_the_limits_of_the_catalogue(kind, on_site, workdays, due):
    service = find_service(kind, on_site=on_site)
    assert (service.workdays, service.catalogue) == (workdays, 4 if kind == "install" else 5)
    request = replace(REQUEST, kind=kind, on_site=on_site)
    assert find_due(request, DAYS).at == at(due)


def test_a_rollback_has_no_limit():
    request = replace(REQUEST, kind="rollback", due=None)
    assert find_service("rollback", on_site=False) is None
    assert find_due(request, DAYS) is None
    clock = read_clock(change(request=request), DAYS, DUE)
    assert (clock.state, clock.due) == (ClockState.UNLIMITED, None)


@pytest.mark.parametrize(
    ("found", "now", "state", "late_by"),
    [
        (change(), DUE, "waiting", None),
        (change(), DUE + timedelta(minutes=1), "overdue", timedelta(minutes=1)),
        (change(FAILED_RUN), DUE, "waiting", None),
        (change(RUN), DUE + timedelta(days=9), "in-time", None),
        (change(replace(RUN, ended=DUE)), DUE, "in-time", None),
        (change(replace(RUN, ended=at("11-23 08:00"))), DUE, "late", timedelta(days=2, hours=15.5)),
        (change(closing=CLOSING), DUE + timedelta(days=9), "in-time", None),
        (change(closing=replace(CLOSING, ending="refused")), at("12-20 08:00"), "ended", None),
        (change(RUN, request=None), DUE, "no-limit", None),
    ],
)
def test_where_the_clock_stands(found, now, state, late_by):
    clock = read_clock(found, DAYS, now)
    assert (clock.state, clock.late_by) == (state, late_by)


def test_what_was_promised_is_said_where_a_decree_has_moved_it():
    assert read_clock(change(), DAYS, DUE).promised is None
    moved = change(request=replace(REQUEST, due=at("11-19 16:00")))
    clock = read_clock(moved, DAYS, DUE)
    assert clock.promised == at("11-19 16:00")
    assert clock.due.at == DUE
