from dataclasses import replace

import pytest

from lpse_ops.spse.change import Change, Downtime
from tests.spse.samples import CLOSING, FAILED_RUN, REQUEST, RUN, at


def change(*runs, request=REQUEST, closing=None) -> Change:
    return Change("2026-0001", (), request, runs, closing)


@pytest.mark.parametrize(
    ("found", "done", "is_open"),
    [
        (change(), None, True),
        (change(FAILED_RUN), None, True),
        (change(replace(RUN, result="interrupted")), None, True),
        (change(FAILED_RUN, RUN), RUN.ended, False),
        (change(replace(RUN, kind="rollback")), None, True),
        (change(closing=CLOSING), CLOSING.ended, False),
        (change(RUN, closing=CLOSING), RUN.ended, False),
        (change(closing=replace(CLOSING, ending="withdrawn")), None, False),
        (change(RUN, request=None), RUN.ended, False),
        (change(FAILED_RUN, request=None), None, False),
        (change(replace(RUN, result="interrupted"), request=None), None, True),
    ],
)
def test_a_change_is_open_until_what_was_asked_for_is_there(found, done, is_open):
    assert (found.done, found.is_open) == (done, is_open)


def test_its_kind_is_what_was_asked_for_before_what_was_done():
    assert change(replace(RUN, kind="rollback")).kind == "upgrade"
    assert change(replace(RUN, kind="rollback"), request=None).kind == "rollback"
    assert change(request=None, closing=CLOSING).kind is None


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (change(request=replace(REQUEST, approval=None, impact="")), "Tercatat"),
        (change(request=replace(REQUEST, approval=None)), "Evaluasi"),
        (change(), "Persetujuan"),
        (change(FAILED_RUN), "Implementasi"),
        (change(closing=CLOSING), "Implementasi"),
        (change(RUN, request=None), "Implementasi"),
    ],
)
def test_its_status_is_one_of_the_register(found, status):
    assert found.register_status == status


def test_downtime_is_never_shorter_than_it_was():
    began = at("11-20 14:00:00")
    assert Downtime(began, at("11-20 14:00:01.001")).seconds == 2
    assert Downtime(began, began).seconds == 0
    assert Downtime(began).seconds is None
