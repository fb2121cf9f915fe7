"""States of the step runner: its own, and damaged ones."""

import json
from typing import Any

import pytest

from lpse_ops.errors import ReleaseError
from lpse_ops.spse.upgradestate import parse_upgrade

STATE: dict[str, Any] = {
    "format": 1,
    "stamp": "20261122T021500Z_ab12",
    "plan": {
        "id": "2026-11-22-4.5",
        "from": {"version": "4.4", "release": "/opt/spse/releases/4.4"},
        "to": {"version": "4.5", "release": "/opt/spse/releases/4.5"},
        "backup": {"accepted_risk": "latihan"},
        "health": {"pages": [{"name": "local", "url": "http://127.0.0.1:9090/"}]},
    },
    "prefix": "",
    "begun": "2026-11-22T02:15:00Z",
    "ended": None,
    "direction": "forward",
    "outcome": None,
    "reason": "",
    "warnings": [],
    "calls": [{"command": "run", "at": "2026-11-22T02:15:00Z", "by": "sari", "pid": 7}],
    "steps": [{"name": "stop", "status": "begun", "begun": "2026-11-22T02:15:01Z", "notes": {}}],
}


def parse(**changes: object):
    return parse_upgrade(json.dumps(STATE | changes).encode(), "state.json")


def test_a_state_is_read():
    state = parse()
    assert (state.plan_id, state.old.version, state.new.version) == ("2026-11-22-4.5", "4.4", "4.5")
    assert state.accepted_risk == "latihan"
    assert [(each.command, each.by, each.at.hour) for each in state.calls] == [("run", "sari", 2)]
    stop = state.find("stop")
    assert stop is not None
    assert (stop.status, stop.ended, stop.exit_status) == ("begun", None, None)
    assert state.find("tidy") is None
    assert not state.is_over
    assert parse(outcome="done").is_over


DAMAGED: list[tuple[str, object]] = [
    ("format", 2),
    ("stamp", "../../etc"),
    ("stamp", 7),
    ("begun", "yesterday"),
    ("begun", "2026-11-22T02:15:00"),
    ("outcome", "fine"),
    ("direction", None),
    ("plan", []),
    ("plan", {"id": "x"}),
    ("steps", {}),
    ("steps", ["stop"]),
    ("steps", [{"name": "stop", "status": "sleeping"}]),
    ("steps", [{"name": "stop", "status": "done", "rc": "0"}]),
    ("steps", [{"name": "stop", "status": "done", "notes": []}]),
    ("steps", STATE["steps"] * 65),
    ("calls", [{"by": 7}]),
]


@pytest.mark.parametrize(("key", "value"), DAMAGED)
def test_a_damaged_state_is_said(key: str, value: object):
    with pytest.raises(ReleaseError, match=r"state\.json is damaged, or of another") as damaged:
        parse(**{key: value})
    assert "steprunner status" in damaged.value.hint


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"null", b"[" * 100_000, b'{"format":1}'])
def test_what_is_no_state_is_said(content: bytes):
    with pytest.raises(ReleaseError, match="is damaged"):
        parse_upgrade(content)


@pytest.mark.parametrize("key", ["format", "stamp", "plan", "begun", "direction", "steps"])
def test_a_key_that_is_needed_and_missing_is_said(key: str):
    less = {name: value for name, value in STATE.items() if name != key}
    with pytest.raises(ReleaseError, match=f"has no '{key}'|is of another format"):
        parse_upgrade(json.dumps(less).encode())
