"""What debug shows, and what it never takes for an expression."""

from pathlib import Path

import pytest

from lpse_ops.marked import Map, Text
from lpse_ops.playbook.actions import debug
from lpse_ops.playbook.actions.context import ActionFailed
from tests.playbook.actions.localaction import LocalAction
from tests.templating.real_ansible import mark


def action(**variables) -> LocalAction:
    return LocalAction(Path(), variables=mark(variables))


def test_a_message_may_be_anything():
    assert debug.run({}, action())["msg"] == "Hello world!"
    assert debug.run({"msg": [1, "a"]}, action())["msg"] == [1, "a"]


def test_a_variable_is_shown_under_the_expression_that_asks_for_it():
    shown = debug.run({"var": Text("d.x + 1")}, action(d={"x": "{{ 1 }}"}))
    assert shown == {"d.x + 1": 2, "changed": False}


def test_what_a_template_made_of_strings_is_no_expression():
    with pytest.raises(ActionFailed, match="untrusted template or expression: 'd'"):
        debug.run({"var": "d"}, action(d=1))


@pytest.mark.parametrize("value", [Map({Text("a"): 1}), [1], 5, True])
def test_an_expression_is_a_string(value):
    with pytest.raises(ActionFailed, match="is not a string and conversion is not allowed"):
        debug.run({"var": value}, action())


def test_a_message_and_a_variable_are_one_too_many():
    with pytest.raises(ActionFailed, match="mutually exclusive"):
        debug.run({"msg": "a", "var": Text("b")}, action())


def test_what_is_undefined_is_a_warning_that_stands_in_the_result_too():
    here = action(d={"good": "{{ 1 }}", "bad": ["{{ nope }}", 2]}, crash="{{ 1 / 0 }}")
    shown = debug.run({"var": Text("d")}, here)
    assert shown["d"] == {"good": 1, "bad": ["<< error 1 - 'nope' is undefined >>", 2]}
    assert shown["warnings"] == here.warnings
    assert here.warnings == ["Encountered 1 template error: error 1 - 'nope' is undefined"]
    with pytest.raises(Exception, match="division by zero"):
        debug.run({"var": Text("crash")}, here)


def test_omit_has_a_placeholder():
    here = action(x="{{ omit }}")
    shown = debug.run({"var": Text("x")}, here)
    assert shown["x"] == "<<Omit>>"
    assert "could not be omitted" in shown["warnings"][0]


def test_what_is_too_detailed_is_skipped():
    assert debug.run({"msg": "a", "verbosity": "1"}, action())["skipped"]
    assert debug.run({"msg": "a", "verbosity": 0}, action())["msg"] == "a"
