"""From a module's name and raw arguments to a result, whatever happens in between."""

from types import ModuleType

import pytest

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.dispatcher import NoSuchModule, load_module, perform


def make_module(run, **names):
    module = ModuleType("lpse_ops.agent.modules.example")
    module.__dict__.update(
        {"ARGUMENTS": {"text": {}, "key": {"no_log": True}}, "run": run}, **names
    )
    return module


def fail(args, context):
    raise Failed("no way with " + args["key"], rc=2, changed=True)


def break_down(args, context):
    raise ValueError("broken by " + args["key"])


def test_a_module_gets_checked_arguments_and_its_result_is_filled_in():
    module = make_module(lambda args, _context: {"seen": args}, CHECK_MODE="full")
    result = perform(module, {"text": 5}, Context())
    assert result == {"seen": {"text": "5", "key": None}, "changed": False}


def test_a_failure_is_a_result_without_secrets():
    result = perform(make_module(fail), {"key": "s3cret"}, Context())
    assert result == {"failed": True, "msg": "no way with ********", "rc": 2, "changed": True}


def test_a_breakdown_is_a_result_with_its_lines_and_without_secrets():
    result = perform(make_module(break_down), {"key": "s3cret"}, Context())
    assert result["msg"] == "Task failed: Module failed: broken by ********"
    assert 'raise ValueError("broken by "' in result["exception"]
    assert "s3cret" not in str(result)


def test_a_wrong_argument_shows_no_secret():
    module = make_module(fail, ARGUMENTS={"key": {"type": "int", "no_log": True}})
    result = perform(module, {"key": "s3cret"}, Context())
    assert result["msg"].startswith("argument 'key' is of type str")
    assert "s3cret" not in str(result)


@pytest.mark.parametrize("mode", [{"CHECK_MODE": "skip"}, {}])
def test_a_module_without_check_mode_is_skipped_in_it(mode):
    module = make_module(fail, **mode)
    result = perform(module, {}, Context(check_mode=True))
    assert result == {
        "skipped": True,
        "msg": "remote module (example) does not support check mode",
        "changed": False,
    }


def test_a_module_with_check_mode_decides_itself():
    module = make_module(lambda _args, context: {"changed": context.check_mode}, CHECK_MODE="full")
    assert perform(module, {}, Context(check_mode=True)) == {"changed": True}


def test_rules_hold():
    module = make_module(fail, RULES={"required_one_of": [["text", "key"]]})
    assert perform(module, {}, Context())["msg"] == "one of the following is required: text, key"


@pytest.mark.parametrize("name", ["../../etc", "a.b", "", "Ping", "ping\n", "os"])
def test_only_modules_are_loaded(name):
    with pytest.raises(NoSuchModule):
        load_module(name)


def test_a_module_is_found_by_its_name():
    assert load_module("ping").__name__ == "lpse_ops.agent.modules.ping"


@pytest.mark.parametrize(("word", "value"), [("1", True), ("no", False)])
def test_an_argument_may_come_from_the_environment(monkeypatch, word, value):
    monkeypatch.setenv("EXAMPLE_FLAG", word)
    table = {"flag": {"type": "bool", "default": False, "environment": "EXAMPLE_FLAG"}}
    module = make_module(lambda args, _context: {"seen": args}, ARGUMENTS=table)
    assert perform(module, {}, Context())["seen"] == {"flag": value}
