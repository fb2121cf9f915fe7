import pytest
from spse_steps.lock import Holder
from spse_steps.status import judge, render_json, render_text

from tests.spse_steps.values import state_up_to, state_with


@pytest.mark.parametrize(
    ("state", "phase", "step", "code", "words"),
    [
        (None, "none", None, 0, "nothing was ever upgraded"),
        (state_up_to("tidy", "done", outcome="done"), "done", None, 0, "--accept-lost-writes"),
        (state_with(outcome="rolled-back", direction="back"), "rolled-back", None, 6, "another id"),
        (state_up_to("migrate", "begun"), "stopped", "migrate", 1, "nothing is lost"),
        (state_up_to("let-in", "begun"), "stopped", "let-in", 1, "users may have been let in"),
        (state_up_to("stop", "undoing", direction="back"), "stopped", "stop", 1, "rollback: go on"),
        (state_up_to("start", "failed"), "stopped", "start", 1, "resume"),
        (state_up_to("tidy", "begun", outcome="stuck"), "stuck", "tidy", 1, "users may have been"),
        (
            state_up_to("stop", "undoing", direction="back", outcome="stuck", reason="disk full"),
            "stuck",
            "stop",
            1,
            "first: disk full",
        ),
    ],
)
def test_where_it_stands_and_what_is_safe(state, phase, step, code, words):
    status = judge(state, None)
    assert (status.phase, status.step, status.code) == (phase, step, code)
    text = render_text(state, status)
    assert words in text
    assert render_json(state, status)["phase"] == phase


def test_while_a_runner_is_at_work():
    status = judge(state_up_to("backup", "begun"), Holder(77, "2026-11-22T02:15:00Z", "run"))
    assert (status.phase, status.step, status.code) == ("running", "backup", 11)
    assert "process 77" in status.advice[0]


def test_how_far_it_is_for_those_who_ask_again_and_again():
    state = state_up_to("backup", "begun")
    record = state.record("backup")._replace(begun="2026-11-22T02:15:01Z")
    answer = render_json(state.with_record(record), judge(state, None))
    assert answer["progress"] == {
        "step": "backup",
        "since": "2026-11-22T02:15:01Z",
        "ended": ["maintenance", "stop"],
        "left": [
            *("rollback-point", "switch", "files", "migrate"),
            *("start", "prove", "let-in", "tidy"),
        ],
    }


def test_on_the_way_back_what_is_left_is_what_was_done():
    state = state_up_to("rollback-point", "undoing", direction="back")
    record = state.record("rollback-point")._replace(undo_begun="2026-11-22T02:20:01Z")
    progress = render_json(state.with_record(record), judge(state, None))["progress"]
    assert (progress["step"], progress["since"]) == ("rollback-point", "2026-11-22T02:20:01Z")
    assert progress["left"] == ["backup", "stop", "maintenance"]
    assert progress["ended"] == []


def test_when_it_is_over_nothing_is_left():
    state = state_up_to("tidy", "done", outcome="done")
    progress = render_json(state, judge(state, None))["progress"]
    assert (progress["step"], progress["left"], len(progress["ended"])) == (None, [], 11)


def test_the_text_shows_each_step_and_what_was_odd():
    state = state_up_to("stop", "begun", reason="asked for", warnings=("w",))
    record = state.record("stop")._replace(begun="2026-11-22T02:15:01Z")
    lines = render_text(state.with_record(record), judge(state, None)).splitlines()
    assert lines[0] == "upgrade 2026-11-22-4.5 from 4.3 to 4.5: stopped"
    assert lines[1] == "reason: asked for"
    assert "> stop            begun    2026-11-22T02:15:01Z" in lines
    assert "warning: w" in lines
