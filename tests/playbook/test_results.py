"""What a result counts as."""

import pytest

from lpse_ops.playbook.results import CENSORED, censor, finish, of_loop, status_of


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ({}, "ok"),
        ({"changed": True}, "changed"),
        ({"skipped": True, "changed": False}, "skipped"),
        ({"failed": True, "changed": True}, "failed"),
        ({"unreachable": True, "failed": True}, "unreachable"),
    ],
)
def test_statuses(result: dict[str, object], status: str):
    assert status_of(result) == status


def test_a_result_without_failed_fails_by_its_return_code():
    failed = {"rc": 2, "changed": False, "failed": True, "exception": "(traceback unavailable)"}
    assert finish({"rc": 2}) == failed
    assert finish({"rc": 0}) == {"rc": 0, "changed": False, "failed": False}
    assert finish({"rc": 2, "failed": False}) == {"rc": 2, "changed": False, "failed": False}


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
        ([{"changed": True}, {}], {"changed": True, "msg": "All items completed"}),
        (
            [{"failed": True}, {"changed": True}],
            {"changed": True, "failed": True, "msg": "One or more items failed"},
        ),
        (
            [{"skipped": True}, {"skipped": True}],
            {"changed": False, "skipped": True, "msg": "All items skipped"},
        ),
        ([{"skipped": True}, {}], {"changed": False, "msg": "All items completed"}),
    ],
)
def test_loops(items: list[dict[str, object]], expected: dict[str, object]):
    assert of_loop(items) == {"results": items, **expected}


def test_what_is_censored_says_nothing():
    result = {"stdout": "secret", "changed": True, "results": [{"msg": "secret", "item": "x"}]}
    assert censor(result) == {
        "censored": CENSORED,
        "changed": True,
        "results": [{"censored": CENSORED}],
    }
