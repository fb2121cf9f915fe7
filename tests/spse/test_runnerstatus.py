"""What the real step runner says of states, read; and what no step runner would say."""

import json
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from lpse_ops.spse.runnerstatus import EXIT_CODES, RunnerStatus, local_time, parse_status
from tests.spse_steps import conftest  # noqa: F401 - the runner's own folder on the path
from tests.spse_steps.values import STAMP, state_up_to, state_with  # isort: split

from spse_steps.lock import Holder
from spse_steps.status import judge, render_json


def told(state, holder=None) -> RunnerStatus:
    judged = judge(state, holder)
    status = parse_status(json.dumps(render_json(state, judged)))
    assert EXIT_CODES[status.phase] == judged.code
    return status


def test_nothing_was_ever_upgraded():
    assert told(None).phase == "none"
    assert told(None).current == ""


def test_what_is_done_is_what_runs():
    status = told(state_up_to("tidy", "done", outcome="done", ended="2026-11-22T03:00:00Z"))
    assert (status.phase, status.old, status.new, status.current) == ("done", "4.3", "4.5", "4.5")
    assert (status.stamp, status.n_ended, status.n_steps) == (STAMP, 11, 11)
    assert status.advice[0].startswith("lpse-ops spse rollback --accept-lost-writes REASON: ")


def test_a_step_that_was_cut_off():
    status = told(state_up_to("migrate", "begun", calls=({"command": "run"},)))
    assert (status.phase, status.step, status.n_ended, status.n_steps) == (
        "stopped",
        "migrate",
        6,
        11,
    )
    assert [line.split(": ")[0] for line in status.advice] == [
        "lpse-ops spse upgrade --resume",
        "lpse-ops spse rollback",
    ]
    assert status.is_another_than(told(state_up_to("migrate", "begun")))
    assert not status.is_another_than(status)


def test_where_the_link_leads_is_what_runs():
    status = told(state_up_to("tidy", "done", outcome="done"))
    # Somebody moved it by hand.
    assert replace(status, linked="4.3").current == "4.3"


def test_on_the_way_back_only_what_was_begun_counts():
    state = state_with(*["done"] * 3, "undone", direction="back", outcome="stuck", reason="no room")
    status = told(state)
    assert (status.phase, status.is_back, status.reason) == ("stuck", True, "no room")
    assert (status.n_ended, status.n_steps) == (1, 4)


def test_who_is_at_work():
    status = told(state_up_to("backup", "begun"), Holder(7, "2026-11-22T02:15:00Z", "run"))
    assert (status.phase, status.step, status.current) == ("running", "backup", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"phase": "well"}',
        '{"phase": "done"}',
        '{"phase": "done", "stamp": 5, "steps": [], "direction": "forward"}',
        '{"phase": "done", "steps": [1], "direction": "back"}',
        '{"phase": "none", "advice": [[]]}',
        "[" * 100_000,
    ],
)
def test_what_is_no_answer(text):
    with pytest.raises(ValueError, match=r"\w"):
        parse_status(text)


def test_times_in_the_zone_of_the_site():
    zone = ZoneInfo("Asia/Makassar")
    assert local_time("2026-11-22T02:20:00Z", zone) == "2026-11-22 10:20 WITA"
    assert local_time("2026-11-22T02:20:00Z", None) == "2026-11-22T02:20:00Z"
    # A host may say anything.
    for told in ("", "kemarin", "2026-11-22", "9999-12-31T23:59:59Z"):
        assert local_time(told, zone) == told
