"""What a result counts as."""

from pathlib import Path

import pytest

from lpse_ops.playbook.model import every_task
from lpse_ops.playbook.results import (
    CENSORED,
    NO_TRACEBACK,
    TaskResult,
    censor,
    count_as_failed,
    finish,
    of_loop,
    out_of_tries,
    status_of,
)
from tests.playbook.loading import load


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ({}, "ok"),
        ({"changed": True}, "changed"),
        ({"skipped": True, "changed": False}, "skipped"),
        ({"failed": True, "changed": True}, "failed"),
        ({"unreachable": True, "failed": True}, "unreachable"),
        # What failed_when says counts more than that until was never satisfied.
        ({"failed": True, "failed_when_result": False, "changed": True}, "changed"),
        ({"failed": False, "failed_when_result": "Error while ..."}, "failed"),
        ({"failed": True, "results": [{"failed": True, "failed_when_result": False}, 1]}, "ok"),
        ({"failed": True, "results": [{"failed_when_result": False}, {"failed": True}]}, "failed"),
        ({"failed": True, "results": ["installed"]}, "failed"),
    ],
)
def test_statuses(result: dict[str, object], status: str):
    assert status_of(result) == status


def test_a_result_without_failed_fails_by_its_return_code():
    assert finish({"rc": 2}) == {
        "rc": 2,
        "changed": False,
        "failed": True,
        "exception": NO_TRACEBACK,
    }
    assert finish({"rc": 0}) == {"rc": 0, "changed": False, "failed": False}
    assert finish({"rc": 2, "failed": False}) == {"rc": 2, "changed": False, "failed": False}


def test_what_is_failed_after_all_has_an_exception():
    result: dict[str, object] = {"failed": False}
    count_as_failed(result, failed=True)
    assert result == {"failed": True, "failed_when_result": True, "exception": NO_TRACEBACK}


def test_what_is_no_failure_after_all_keeps_its_exception_under_another_name():
    result: dict[str, object] = {"failed": True, "exception": "lines"}
    count_as_failed(result, failed=False)
    assert result == {
        "failed": False,
        "failed_when_result": False,
        "failed_when_suppressed_exception": "lines",
    }
    result = {"failed": False}
    count_as_failed(result, failed=False)
    assert result == {"failed": False, "failed_when_result": False}


def test_a_task_whose_tries_are_used_up_has_failed_whatever_its_result_says():
    assert out_of_tries({"failed": False, "attempts": 4, "rc": 0}, 4) == {
        "failed": True,
        "attempts": 3,
        "rc": 0,
        "exception": NO_TRACEBACK,
    }


def test_lines_are_made_of_streams():
    assert finish({"stdout": "a\nb", "stderr": ""}) == {
        "stdout": "a\nb",
        "stdout_lines": ["a", "b"],
        "stderr": "",
        "stderr_lines": [],
        "changed": False,
        "failed": False,
    }


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], {"changed": False, "skipped": True, "skipped_reason": "No items in the list"}),
        (
            [{"changed": True}, {}],
            {"changed": True, "skipped": False, "msg": "All items completed"},
        ),
        (
            [{"failed": True}, {"changed": True}],
            {
                "changed": True,
                "failed": True,
                "skipped": False,
                "msg": "One or more items failed",
            },
        ),
        (
            [{"skipped": True}, {"skipped": True}],
            {"changed": False, "skipped": True, "msg": "All items skipped"},
        ),
        (
            [{"skipped": True}, {}],
            {"changed": False, "skipped": False, "msg": "All items completed"},
        ),
    ],
)
def test_loops(items: list[dict[str, object]], expected: dict[str, object]):
    assert of_loop(items) == {"results": items, **expected}


def test_people_see_what_no_log_does_not_hide(tmp_path: Path):
    text = "- hosts: all\n  tasks: [{ping: }]\n"
    (task,) = every_task(load(tmp_path, text).plays[0].tasks)
    result = {"msg": "words"}
    assert TaskResult("web1", task, result).shown is result
    assert TaskResult("web1", task, result, no_log=True).shown == {"censored": CENSORED}


def test_what_is_censored_says_nothing():
    result = {"stdout": "secret", "changed": True, "results": [{"msg": "secret", "item": "x"}]}
    assert censor(result) == {
        "censored": CENSORED,
        "changed": True,
        "results": [{"censored": CENSORED}],
    }
