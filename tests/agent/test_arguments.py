"""Checking arguments, case by case beside the real ``AnsibleModule``'s own validator."""

import copy

import pytest
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator

from lpse_ops.agent.arguments import (
    ArgumentProblem,
    alias_names,
    check,
    missing,
    rename_aliases,
    secret_values,
    unknown,
    with_environment,
)

TABLE = {
    "path": {"type": "path", "required": True, "aliases": ["dest", "name"]},
    "state": {"choices": ["file", "absent", "yes", "no"], "default": "file"},
    "mode": {"type": "raw"},
    "force": {"type": "bool", "default": False},
    "count": {"type": "int"},
    "ratio": {"type": "float"},
    "names": {"type": "list", "elements": "str"},
    "ports": {"type": "list", "elements": "int"},
    "kinds": {"type": "list", "elements": "str", "choices": ["a", "b"]},
    "data": {"type": "dict"},
    "text": {"type": "str"},
    "json": {"type": "jsonarg"},
    "size": {"type": "bytes"},
    "bits": {"type": "bits"},
    "password": {"no_log": True},
    "user": {"type": "dict", "options": {"name": {"required": True}, "id": {"type": "int"}}},
    "rows": {
        "type": "list",
        "elements": "dict",
        "options": {
            "a": {"type": "int", "default": 1},
            "b": {"type": "str", "aliases": ["bee"]},
            "deep": {"type": "dict", "options": {"x": {"type": "bool", "required": True}}},
        },
        "mutually_exclusive": [["a", "b"]],
        "required_together": [["b", "deep"]],
    },
    "filled": {
        "type": "dict",
        "apply_defaults": True,
        "options": {"colour": {"default": "merah"}, "other": {}},
    },
}
RULES = {
    "mutually_exclusive": [["count", "ratio"], ["text", "json"]],
    "required_one_of": [["mode", "force", "text"]],
    "required_together": [["count", "size"]],
    "required_if": [
        ["state", "absent", ["force", "text"], True],
        ["state", "yes", ["names", "ports"]],
    ],
    "required_by": {"data": ["text"], "bits": "size"},
}
CASES = [
    {},
    {"path": "/x"},
    {"dest": "/x"},
    {"name": "/y", "path": "/x"},
    {"path": 5},
    {"path": None},
    {"path": "/x", "strange": 1, "other": 2},
    {"path": "/x", "state": "gone"},
    {"path": "/x", "state": True},
    {"path": "/x", "state": False},
    {"path": "/x", "state": None},
    {"path": "/x", "state": "absent"},
    {"path": "/x", "state": "absent", "text": "x"},
    {"path": "/x", "state": "yes", "names": "a"},
    {"path": "/x", "state": "yes", "names": "a", "ports": "1"},
    *({"path": "/x", "force": value} for value in (True, "yes", "Off", " t ", 1, 0, 1.0, "F", "0")),
    *({"path": "/x", "force": value} for value in (2, "maybe", "", [], None, "enable", 0.5)),
    *({"path": "/x", "count": value, "size": 1} for value in (3, "5", " 5 ", "5.0", 5.0, "1e2")),
    *({"path": "/x", "count": value, "size": 1} for value in ("5.5", "x", "", [1], {}, "0x10")),
    *({"path": "/x", "count": value, "size": 1} for value in (True, None, "-3", "1_000")),
    {"path": "/x", "count": 1},
    {"path": "/x", "count": 1, "ratio": 1, "size": 1},
    {"path": "/x", "text": "a", "json": "b", "count": 1, "ratio": 1},
    *({"path": "/x", "ratio": value} for value in (1, "1.5", "x", None, [], "nan", True)),
    *({"path": "/x", "names": value} for value in ("a,b", "a, b", "", ["a", 1, None], 5, 1.5)),
    *({"path": "/x", "names": value} for value in ({"a": 1}, None, True, [["x"]], "x")),
    *({"path": "/x", "ports": value} for value in ("1,2", [1, "2"], "1,x", ["x"], [1.5], 80)),
    *({"path": "/x", "kinds": value} for value in ("a,b", ["a"], "a,c,d", ["c"], [])),
    *(
        {"path": "/x", "text": "t", "data": value}
        for value in ({"a": 1}, "a=1", "a=1 b=2", "a=1,b=2")
    ),
    *({"path": "/x", "text": "t", "data": value} for value in ('{"a": [1]}', "{'a': 1}", "{", "x")),
    *({"path": "/x", "text": "t", "data": value} for value in ("a='1 2' b=3", 'a="x,y"', "a=b=c")),
    *({"path": "/x", "text": "t", "data": value} for value in ("a=1, b", 5, [], "a\\ b=1", "")),
    {"path": "/x", "data": {}},
    *(
        {"path": "/x", "text": value}
        for value in (5, 1.5, True, None, ["a", 1], {"a": "b"}, "\udcff")
    ),
    *({"path": "/x", "json": value} for value in (" {} ", [1, "a"], {"a": None}, 5, None)),
    *(
        {"path": "/x", "size": value, "count": 1}
        for value in ("10", 10, "1K", "1.5M", "2 KB", "3b")
    ),
    *(
        {"path": "/x", "size": value, "count": 1}
        for value in ("4Kb", "x", "-1", "1 kilobyte", ".5G")
    ),
    *({"path": "/x", "size": value, "count": 1} for value in ("1megabytes", "1 Z", "1Q", "", "7B")),
    *(
        {"path": "/x", "bits": value, "size": 1, "count": 1}
        for value in ("1Kb", "1KB", "8b", "1 gigabit")
    ),
    {"path": "/x", "bits": 1},
    {"path": "/x", "user": {"name": "budi", "id": "7"}},
    {"path": "/x", "user": {"id": "x"}},
    {"path": "/x", "user": {"name": "budi", "id": "x"}},
    {"path": "/x", "user": {"name": "budi", "shoe": 43}},
    {"path": "/x", "user": "name=budi id=3"},
    {"path": "/x", "user": None},
    {"path": "/x", "rows": [{"a": "5"}, {"bee": "x", "deep": {"x": "on"}}]},
    {"path": "/x", "rows": [{"a": 1, "b": "x"}]},
    {"path": "/x", "rows": [{"b": "x"}]},
    {"path": "/x", "rows": [{"b": "x", "deep": {}}]},
    {"path": "/x", "rows": [{"b": "x", "deep": {"x": "maybe"}}]},
    {"path": "/x", "rows": [{"b": "x", "deep": {"x": True, "y": 1}}]},
    {"path": "/x", "rows": ["a=5", "b=x deep='x=on'"]},
    {"path": "/x", "rows": []},
    {"path": "/x", "rows": {"a": 1}},
    {"path": "/x", "filled": {"colour": None}},
    {"path": "/x", "filled": {"colour": "biru", "more": 1}},
]


def judge(args):
    """What the real one says: an error's text, or the arguments without aliases."""
    validator = ModuleArgumentSpecValidator(copy.deepcopy(TABLE), **copy.deepcopy(RULES))
    result = validator.validate(copy.deepcopy(args))
    if result.error_messages:
        return result.error_messages[0]
    return {name: result.validated_parameters[name] for name in TABLE}


def types_of(values):
    return {name: type(value) for name, value in values.items()}


def without_aliases(value):
    """The real one leaves aliases of options beside their names."""
    if isinstance(value, dict):
        for row in value["rows"] or []:
            row.pop("bee", None)
    return value


@pytest.mark.parametrize("args", CASES, ids=repr)
def test_the_outcome_is_ansibles(args, monkeypatch):
    monkeypatch.setenv("HOME", "/home/budi")
    try:
        ours = check(TABLE, RULES, copy.deepcopy(args))
    except ArgumentProblem as problem:
        ours = problem.msg.removeprefix("Unsupported parameters: ")
    theirs = without_aliases(judge(args))
    if isinstance(theirs, str):
        assert isinstance(ours, str)
        # What is wrong is the same word by word; why, for some types, is said in other words.
        assert ours.split(": ")[0].split(". ")[0] == theirs.split(": ")[0].split(". ")[0]
    elif "ratio" in args and ours["ratio"] != ours["ratio"]:
        assert theirs["ratio"] != theirs["ratio"]
    else:
        assert ours == theirs
        assert types_of(ours) == types_of(theirs)


def test_the_arguments_given_are_not_changed():
    args = {"dest": "/x", "rows": [{"bee": "1", "deep": {"x": "yes"}}], "force": "yes"}
    before = copy.deepcopy(args)
    check(TABLE, RULES, args)
    assert args == before


def test_a_path_is_expanded(monkeypatch):
    monkeypatch.setenv("HOME", "/home/budi")
    assert check(TABLE, {}, {"path": "~/$HOME"})["path"] == "/home/budi//home/budi"


def test_unknown_names_also_inside_options():
    args = {"path": "/x", "dst": 1, "rows": [{"a": 1, "c": 2}, {"c": 3}], "user": {"nam": "x"}}
    assert unknown(TABLE, args) == ["dst", "rows.c", "user.nam"]
    assert unknown(TABLE, {"dest": "/x", "rows": "{{ rows }}"}) == []


def test_missing_names_and_aliases():
    assert missing(TABLE, {"text": "x"}) == ["path"]
    assert missing(TABLE, {"dest": "x"}) == []
    assert rename_aliases(TABLE, {"dest": "x", "text": "y"}) == {"path": "x", "text": "y"}
    assert alias_names(TABLE) == {"dest": "path", "name": "path"}


def test_secrets_wherever_they_are():
    table = {
        "password": {"no_log": True, "aliases": ["pass"]},
        "token": {"no_log": True, "default": "preset"},
        "rows": {"type": "list", "elements": "dict", "options": {"key": {"no_log": True}}},
        "open": {},
    }
    args = {"pass": {"a": ["x", 5, None, True, ""]}, "rows": [{"key": "k"}, "z"], "open": "o"}
    assert secret_values(table, args) == {"x", "5", "preset", "k"}


def test_a_long_number_takes_no_time():
    for value in ("inf", "9" * 100_000, "1e999999", "1" * 100_000 + "K"):
        with pytest.raises(ArgumentProblem):
            check({"n": {"type": "int"}, "b": {"type": "bytes"}}, {}, {"n": value})


FROM_ENVIRONMENT = {
    "unsafe_writes": {"type": "bool", "environment": "UNSAFE", "aliases": ["unsafe"]},
    "path": {},
}


@pytest.mark.parametrize(
    ("args", "environment", "expected"),
    [
        ({"path": "x"}, {"UNSAFE": "1"}, {"path": "x", "unsafe_writes": "1"}),
        ({"unsafe_writes": False}, {"UNSAFE": "1"}, {"unsafe_writes": False}),
        ({"unsafe": False}, {"UNSAFE": "1"}, {"unsafe": False}),
        ({"path": "x"}, {"path": "y", "": "z"}, {"path": "x"}),
    ],
)
def test_the_environment_gives_what_a_task_does_not(args, environment, expected):
    assert with_environment(FROM_ENVIRONMENT, args, environment) == expected
