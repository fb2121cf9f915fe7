"""The command line: what it says when it cannot begin, or go on."""

import json
import os
import signal

import pytest
from spse_steps.program import main

from tests.spse_steps.values import plan_value, state_with


@pytest.fixture
def call(tmp_path, capsys):
    numbers = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
    handlers = {number: signal.getsignal(number) for number in numbers}

    def run(*words):
        code = main(["--folder", str(tmp_path), *map(str, words)])
        return code, capsys.readouterr()

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def write(path, value, mode=0o600):
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    path.chmod(mode)
    return path


@pytest.mark.parametrize("verb", ["resume", "rollback"])
def test_nothing_to_go_on_with(call, verb):
    code, shown = call(verb)
    assert code == 1
    assert "error: no upgrade was begun" in shown.err
    assert "hint: begin one: steprunner run PLAN" in shown.err


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        ("{", 0o600, "the plan is not JSON"),
        ("{}", 0o622, "chmod go-w"),
        ("\udcff", 0o600, "cannot read the plan"),
    ],
)
def test_a_plan_that_cannot_be_read(call, tmp_path, content, mode, words):
    path = tmp_path / "plan.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    path.chmod(mode)
    code, shown = call("run", path)
    assert code == 2
    assert words in shown.err


def test_a_plan_that_is_not_there(call, tmp_path):
    code, shown = call("plan", tmp_path / "plan.json")
    assert code == 2
    assert "hint: ls -l" in shown.err


def test_a_plan_is_told_step_by_step(call, tmp_path):
    code, shown = call("plan", write(tmp_path / "plan.json", plan_value()))
    assert code == 0
    lines = shown.out.splitlines()
    assert lines[0].startswith("maintenance     show the maintenance page")
    assert len(lines) == 11


def test_a_damaged_state_is_not_gone_on_with(call, tmp_path):
    write(tmp_path / "state.json", "{")
    for verb in ("resume", "rollback", "status"):
        code, shown = call(verb)
        assert code == 1
        assert "the state file is damaged" in shown.err


def test_a_state_that_others_may_write_is_not_believed(call, tmp_path):
    write(tmp_path / "state.json", "{}", 0o666)
    code, shown = call("status")
    assert code == 1
    assert "chmod go-w" in shown.err


def test_another_plan_while_one_is_not_over(call, tmp_path):
    from spse_steps.state import render_state

    write(tmp_path / "state.json", render_state(state_with("done", "begun")).decode())
    code, shown = call("run", write(tmp_path / "plan.json", plan_value(id="other")))
    assert code == 1
    assert "2026-11-22-4.5 is not over" in shown.err
    assert "steprunner resume" in shown.err


def test_what_nobody_thought_of_is_called_our_bug(call, tmp_path):
    code, shown = call("--folder", f"{tmp_path}/a\0b", "status")
    assert code == 70
    assert "bug: ValueError" in shown.err


def test_the_folder_is_ours_alone(call, tmp_path):
    main(["--prefix", str(tmp_path / "root"), "resume"])
    folder = tmp_path / "root/var/lib/lpse-ops/upgrade"
    assert os.stat(folder).st_mode & 0o777 == 0o700
