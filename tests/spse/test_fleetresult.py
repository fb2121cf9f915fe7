"""The recap's words and the exit code, from what play and step runner said."""

from dataclasses import replace

import pytest

from lpse_ops.spse.fleetresult import (
    HostResult,
    Played,
    find_exit_code,
    judge_check,
    judge_install,
    judge_upgrade,
)
from lpse_ops.spse.runnerstatus import RunnerStatus

BEFORE = RunnerStatus("done", stamp="s1", old="4.3", new="4.4", n_calls=1)
NEXT = RunnerStatus("done", stamp="s2", old="4.4", new="4.5", n_calls=1)
NEVER = RunnerStatus("none")

BACK = replace(NEXT, phase="rolled-back", is_back=True, n_calls=2)

FAILED = replace(NEXT, phase="rolled-back")


def after(phase, **fields):
    return replace(NEXT, phase=phase, **fields)


@pytest.mark.parametrize(
    ("action", "end", "before", "after", "result", "versions"),
    [
        ("upgrade", "ok", BEFORE, NEXT, "done", ("4.4", "4.5")),
        ("upgrade", "ok", NEVER, NEXT, "done", ("4.4", "4.5")),
        ("upgrade", "ok", BEFORE, BEFORE, "unchanged", ("4.4", "4.4")),
        ("upgrade", "failed", BEFORE, BEFORE, "failed", ("4.4", "4.4")),
        ("upgrade", "failed", BEFORE, after("rolled-back"), "rolled-back", ("4.4", "4.5")),
        # Its line was lost, and the step runner ended well.
        ("upgrade", "unreachable", BEFORE, after("rolled-back"), "rolled-back", ("4.4", "4.5")),
        ("upgrade", "failed", BEFORE, NEXT, "failed", ("4.4", "4.5")),
        ("upgrade", "failed", BEFORE, after("stuck"), "stuck", ("4.4", "4.5")),
        ("upgrade", "failed", BEFORE, after("stopped"), "stuck", ("4.4", "4.5")),
        ("upgrade", "unreachable", BEFORE, after("running"), "unreachable", ("4.4", "4.5")),
        ("upgrade", "unreachable", BEFORE, None, "unreachable", ("", "")),
        # Another one of its batch failed.
        ("upgrade", "cut-off", BEFORE, NEXT, "done", ("4.4", "4.5")),
        ("upgrade", "cut-off", BEFORE, BEFORE, "not-begun", ("4.4", "4.4")),
        ("upgrade", "untouched", BEFORE, BEFORE, "not-begun", ("4.4", "")),
        ("upgrade", "untouched", None, None, "unreachable", ("", "")),
        ("resume", "ok", after("stopped"), after("done", n_calls=2), "done", ("4.4", "4.5")),
        # It was at work already, and was waited for.
        ("resume", "ok", after("running"), NEXT, "done", ("4.4", "4.5")),
        ("upgrade", "failed", after("running"), FAILED, "rolled-back", ("4.4", "4.5")),
        # Refused by the step runner: it was not called, and is not over.
        ("resume", "failed", after("stuck"), after("stuck"), "stuck", ("4.4", "4.5")),
        ("rollback", "ok", NEXT, BACK, "done", ("4.5", "4.4")),
        ("rollback", "ok", after("rolled-back"), after("rolled-back"), "unchanged", ("4.4", "4.4")),
    ],
)  # fmt: skip
def test_what_became_of_a_host(action, end, before, after, result, versions):
    judged = judge_upgrade("spse-1", action, Played(end), before, after)
    assert judged.result == result
    assert (judged.old, judged.new) == versions


def test_what_was_refused_before_anything_was_touched():
    played = Played("failed", problem="another digest", exit_status=7)
    judged = judge_upgrade("spse-1", "upgrade", played, BEFORE, BEFORE)
    assert (judged.result, judged.problem) == ("refused", "another digest")
    # What went wrong after it began is no refusal.
    judged = judge_upgrade("spse-1", "upgrade", played, BEFORE, after("rolled-back", reason="page"))
    assert (judged.result, judged.problem) == ("rolled-back", "page")


def test_where_it_stopped_and_what_to_type():
    stuck = after("stopped", step="migrate", advice=("lpse-ops spse upgrade --resume: go on",))
    judged = judge_upgrade("spse-1", "upgrade", Played("unreachable"), BEFORE, stuck)
    assert (judged.step, judged.advice) == ("migrate", stuck.advice)


@pytest.mark.parametrize(
    ("played", "result"),
    [
        (Played("ok", changed=True), "done"),
        (Played("ok"), "unchanged"),
        (Played("failed"), "failed"),
        (Played("failed", exit_status=7), "refused"),
        (Played("unreachable"), "unreachable"),
        (Played("untouched"), "not-begun"),
    ],
)
def test_an_installation(played, result):
    assert judge_install("spse-1", played, "4.5").result == result


def test_a_release_in_use_is_left_by_an_installation():
    judged = judge_install("spse-1", Played("ok"), "4.5", "4.4")
    assert (judged.result, judged.new) == ("unchanged", "4.4")
    assert "lpse-ops spse upgrade PACKAGE moves to 4.5" in judged.advice[0]
    assert judge_install("spse-1", Played("ok"), "4.5", "4.5").advice == ()


def test_a_look_changes_nothing():
    looked = judge_check("spse-1", "upgrade", Played("ok"), BEFORE, "4.5")
    assert (looked.result, looked.old, looked.new) == ("would-change", "4.4", "4.5")
    same = judge_check("spse-1", "upgrade", Played("ok"), BEFORE, "4.4")
    assert (same.result, same.new) == ("unchanged", "4.4")
    assert judge_check("spse-1", "rollback", Played("ok"), BEFORE).new == "4.3"
    assert judge_check("spse-1", "resume", Played("ok"), after("stopped")).new == "4.5"
    refused = judge_check("spse-1", "upgrade", Played("failed", exit_status=7), None, "4.5")
    assert (refused.result, refused.new) == ("refused", "4.5")


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([], 0),
        (["done", "unchanged", "would-change"], 0),
        (["done", "rolled-back", "not-begun"], 6),
        (["refused", "rolled-back"], 6),
        (["refused", "done"], 7),
        (["rolled-back", "unreachable"], 4),
        (["unreachable", "rolled-back", "stuck"], 1),
        (["failed", "unreachable"], 1),
    ],
)
def test_the_worst_of_all_is_the_exit_code(results, code):
    assert find_exit_code(HostResult("h", each) for each in results) == code
