import pytest
from spse_steps.decision import Next, choose_after_look, choose_next, is_open_again, reset_from
from spse_steps.recheck import recheck
from spse_steps.steps.catalog import NAMES, WAY_OUT

from tests.spse_steps.values import state_up_to, state_with


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (state_with(), Next("run", "maintenance")),
        (state_up_to("stop", "begun"), Next("look", "stop")),
        (state_up_to("stop", "failed"), Next("look", "stop")),
        (state_up_to("backup", "pending"), Next("run", "backup")),
        (state_up_to("migrate", "undoing"), Next("undo", "migrate")),
        (state_up_to("tidy", "done"), Next("finish")),
        (state_with(direction="back"), Next("finish")),
        (state_up_to("migrate", "failed", direction="back"), Next("undo", "migrate")),
        (state_up_to("migrate", "undone", direction="back"), Next("undo", "files")),
        (state_up_to("stop", "undoing", direction="back"), Next("undo", "stop")),
        (state_up_to("stop", "begun", direction="back"), Next("undo", "stop")),
    ],
)
def test_what_comes_next(state, expected):
    assert choose_next(state) == expected


@pytest.mark.parametrize(
    ("found", "is_repeatable", "expected"),
    [
        ("done", True, "done"),
        ("done", False, "done"),
        ("absent", True, "run"),
        ("absent", False, "run"),
        ("partial", True, "run"),
        ("partial", False, "undo"),
    ],
)
def test_what_is_done_with_a_step_that_was_cut_off(found, is_repeatable, expected):
    assert choose_after_look(found, is_repeatable=is_repeatable) == expected


def test_users_may_be_in_from_the_moment_the_page_is_taken_away():
    assert not is_open_again(state_up_to("prove", "done"), WAY_OUT)
    assert is_open_again(state_up_to(WAY_OUT, "begun"), WAY_OUT)


def test_steps_to_be_run_again_forget_what_they_noted():
    state = state_up_to("start", "done")
    noted = state.with_record(state.record("start")._replace(notes={"log_end": {}}))
    assert reset_from(noted, ["start"]) == state_up_to("start", "pending")


def statuses(state):
    return {record.name: record.status for record in state.records if record.status != "done"}


def test_nothing_lost_nothing_done_again():
    state = state_up_to("prove", "begun")
    assert recheck(state, []) == state
    assert recheck(state, ["stop"]) == state


def test_a_new_release_that_no_longer_runs_is_started_and_proved_again():
    changed = statuses(recheck(state_up_to("tidy", "begun"), ["start", "stop"]))
    assert changed == {"start": "pending", "prove": "pending", "tidy": "begun"}


def test_an_old_release_that_runs_again_makes_the_rollback_point_worthless():
    changed = statuses(recheck(state_up_to("switch", "begun"), ["stop"]))
    later = dict.fromkeys(NAMES[5:], "pending")
    assert changed == {
        "stop": "pending",
        "backup": "pending",
        "rollback-point": "undoing",
        "switch": "begun",
        **later,
    }


def test_before_there_was_a_rollback_point_none_is_taken_back():
    changed = statuses(recheck(state_up_to("backup", "begun"), ["stop"]))
    assert changed["rollback-point"] == "pending"


def test_once_it_was_migrated_only_the_stop_is_done_again():
    changed = statuses(recheck(state_up_to("migrate", "begun"), ["stop"]))
    assert changed["stop"] == "pending"
    assert "rollback-point" not in changed


def test_on_the_way_back_the_old_release_is_started_again():
    state = state_up_to("stop", "undone", direction="back")
    assert recheck(state, ["stop"]).record("stop").status == "undoing"
    assert recheck(state, ["start"]) == state
