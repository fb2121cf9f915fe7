"""Which conditions assert looks at, and whom it trusts."""

import importlib
from pathlib import Path

import pytest

from lpse_ops.errors import TemplateError
from lpse_ops.marked import Seq, Text
from lpse_ops.playbook.actions.context import ActionFailed
from tests.playbook.actions.localaction import LocalAction
from tests.templating.real_ansible import mark

# A word of Python.
ASSERT = importlib.import_module("lpse_ops.playbook.actions.assert")


def run(that, /, **variables):
    args = {"that": mark(that)}
    return ASSERT.run(args, LocalAction(Path(), variables=mark(variables)))


def test_all_conditions_have_to_hold():
    assert run(["x == 1", True], x=1)["msg"] == "All assertions passed"
    with pytest.raises(ActionFailed) as failed:
        run(["x == 1", "x == 2", "nope"], x=1)
    assert failed.value.result["assertion"] == "x == 2"


def test_a_template_may_give_a_list_of_conditions_or_one():
    assert run("{{ l }}", l=["x == 1", "{{ x == 1 }}", True], x=1)["changed"] is False
    assert run("{{ c }}", c="x == 1", x=1)["changed"] is False
    for that in ("{{ l }}", "{{ l[0] }}", "{{ x == 2 }}"):
        with pytest.raises(ActionFailed, match="Assertion failed"):
            run(that, l=["x == 2"], x=1)


def test_what_came_from_a_host_is_no_condition():
    untrusted = Seq([True, "x == 1"])
    for that in (Text("{{ l }}"), untrusted, Text("{{ l[1] }}"), "x == 1"):
        action = LocalAction(Path(), variables={"l": untrusted, "x": 1})
        with pytest.raises(TemplateError, match="untrusted template or expression"):
            ASSERT.run({"that": that}, action)


def test_a_condition_that_says_nothing_is_an_error():
    for that in (None, [None]):
        with pytest.raises(ActionFailed, match="Empty conditional expressions are not allowed"):
            run(that)


def test_messages_are_the_users_own():
    args = {"that": [Text("1 == 2")], "fail_msg": ["a", 1], "quiet": "yes"}
    with pytest.raises(ActionFailed) as failed:
        ASSERT.run(args, LocalAction(Path()))
    assert failed.value.result["msg"] == ["a", "1"]
    assert "assertion" not in failed.value.result
    assert ASSERT.run({"that": [], "success_msg": "fine"}, LocalAction(Path()))["msg"] == "fine"
