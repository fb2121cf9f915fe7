"""States of the step runner as runs of the register, where real ones are hard to come by."""

import contextlib
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.canonicaljson import encode_canonical
from lpse_ops.errors import ReleaseError
from lpse_ops.spse.change import Run
from lpse_ops.spse.changefacts import to_facts
from lpse_ops.spse.changetext import keep_run
from lpse_ops.spse.installrun import run_of_install, version_of_install
from lpse_ops.spse.upgraderun import find_kind, run_of_upgrade
from lpse_ops.spse.upgradestate import parse_upgrade
from tests.spse.test_upgradestate import STATE


def at(seconds: int) -> str:
    moment = datetime.fromisoformat("2026-11-22T02:15:00+00:00") + timedelta(seconds=seconds)
    return moment.isoformat()


def step(name: str, status: str = "done", **more: Any) -> dict[str, Any]:
    return {"name": name, "status": status, "output": "", "notes": {}, **more}


def run(kind: Any = None, **changes: Any) -> Run:
    state = parse_upgrade(json.dumps(STATE | changes).encode())
    found = run_of_upgrade(state, kind=kind or find_kind(state), server="spse-1", reason="uji")
    # It can be read back from the ledger.
    to_facts("2026-0001", found)
    return found


def test_downtime_lasts_while_nobody_is_let_in():
    steps = [
        step("maintenance", begun=at(0), ended=at(1)),
        # Done again after a power cut.
        step("stop", begun=at(100), ended=at(101)),
        step("let-in", "pending"),
    ]
    down = run(steps=steps).downtime
    assert down is not None
    assert (down.began.isoformat(), down.ended) == (at(1), None)
    steps[2] = step("let-in", begun=at(160), ended=at(161))
    down = run(steps=steps, outcome="done", ended=at(170)).downtime
    assert down is not None
    assert down.seconds == 160
    assert run(steps=[step("maintenance", "pending")]).downtime is None


def test_what_was_cut_off_ended_when_it_was_last_seen():
    cut_off = run(steps=[step("stop", "begun", begun=at(30))])
    assert (cut_off.result, cut_off.ended.isoformat()) == ("interrupted", at(30))
    assert cut_off.steps[0].status == "failed"
    assert cut_off.identity == run(steps=[step("stop", "begun", begun=at(30))]).identity
    assert cut_off.identity != run(steps=[step("stop", "begun", begun=at(31))]).identity


def test_stuck_is_failed_and_says_why():
    stuck = run(
        steps=[step("stop", "failed", begun=at(1), ended=at(2), rc=3)],
        outcome="stuck",
        reason="stop: it does not end",
        ended=at(2),
        warnings=["tidy: a disk"],
    )
    assert (stuck.result, stuck.problem) == (
        "failed",
        "stop: it does not end; warning: tidy: a disk",
    )
    assert stuck.steps[0].exit_status == 3


def test_who_asked_for_a_way_back_is_no_failure():
    calls = [
        {"command": "run", "at": at(0), "by": "sari"},
        {"command": "rollback", "at": at(500), "by": "budi"},
    ]
    steps = [
        step("maintenance", "undone", ended=at(1), undo_begun=at(540), undo_ended=at(541)),
        step("stop", "undone", begun=at(2), undo_begun=at(520), undo_ended=at(530)),
        step("backup", notes={"snapshot": "ab" * 32}),
        step("let-in", "undone", ended=at(90), undo_begun=at(501), undo_ended=at(502)),
    ]
    changes = {"calls": calls, "steps": steps, "direction": "back", "outcome": "rolled-back"}
    back = run(**changes, reason="salah versi", ended=at(541))
    assert (back.kind, back.result, back.problem) == ("rollback", "done", "")
    assert (back.started.isoformat(), back.account) == (at(500), "budi@spse-1")
    assert (back.from_version, back.backup_snapshot) == ("4.5", "")
    assert [each.name for each in back.steps] == ["let-in", "stop", "maintenance"]
    assert back.downtime is not None
    assert back.downtime.seconds == 40
    upgrade = run("upgrade", **changes, ended=at(541))
    assert (upgrade.result, upgrade.backup_snapshot) == ("rolled-back", "ab" * 32)


@pytest.mark.parametrize("notes", [{"checks": 7}, {"checks": [7]}, {"checks": [{}]}, {}])
def test_notes_that_are_none_do_no_harm(notes: dict[str, Any]):
    found = run(steps=[step("prove", notes=notes), step("backup", notes={"snapshot": 7})])
    assert len(found.tests) == (notes == {"checks": [{}]})
    assert found.backup_snapshot == ""


REPORT: dict[str, Any] = {
    "format": 1,
    "stamp": "20261122T021500Z_ab12",
    "begun": at(0),
    "ended": at(60),
    "outcome": "done",
    "reason": "",
    "to": {"version": "4.5", "release": "/opt/spse/releases/4.5"},
    "steps": [
        {
            "name": "unpack",
            "status": "done",
            "begun": at(1),
            "ended": at(2),
            "rc": "0",
            "output": "",
        }
    ],
    "tests": ["port: 9090"],
    "accepted_risk": "",
}


def installed(**changes: Any) -> Run:
    content = json.dumps(REPORT | changes).encode()
    return run_of_install(content, "x", server="spse-1", account="sari", reason="baru")


def test_an_installation():
    found = installed()
    assert (found.kind, found.result, found.tests) == ("install", "done", ("port: 9090",))
    assert (found.performed_by, found.account) == (("sari",), "sari@spse-1")
    (unpacked,) = found.steps
    assert (unpacked.name, unpacked.status, unpacked.exit_status) == ("unpack", "ok", 0)
    assert installed(ended=None, outcome=None).result == "interrupted"
    assert version_of_install(json.dumps(REPORT).encode()) == "4.5"


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"begun": "now"},
        {"ended": 7},
        {"outcome": "fine"},
        {"outcome": []},
        {"tests": "all"},
        {"tests": [1]},
        {"steps": {}},
        {"steps": [{"name": "unpack"}]},
        {"steps": [{"name": "unpack", "status": "done", "rc": "x"}]},
        {"stamp": None},
    ],
)
def test_what_is_no_report_is_said(changes: dict[str, Any]):
    with pytest.raises(ReleaseError, match="x is no report of an installation"):
        installed(**changes)
    assert version_of_install(b"[]") is None


ODD = st.sampled_from([None, True, 7, -1, 1 << 80, 1.5, "", "x", "\ud800", [], [1], {}, {"x": 1}])
MOMENTS = st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59+00:00", at(9)])


@given(st.dictionaries(st.sampled_from([*STATE]), ODD | MOMENTS, max_size=3), st.data())
def test_whatever_stands_in_a_state_it_is_read_or_refused(changes: dict[str, Any], data):
    steps = [{**step("stop", begun=at(1)), data.draw(st.sampled_from([*step("x"), "rc"])): value}
             for value in data.draw(st.lists(ODD | MOMENTS, max_size=2))]  # fmt: skip
    with contextlib.suppress(ReleaseError):
        # What can be read can be recorded.
        found = run(**({"steps": steps} | changes))
        encode_canonical(to_facts("2026-0001", keep_run(found)))
