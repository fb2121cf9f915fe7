"""``raw`` and ``script``: what their runs under ansible-playbook 2.19 answered, and their edges."""

from pathlib import Path
from typing import Any

import pytest

from lpse_ops.agent.context import Context, InlineIncoming
from lpse_ops.agent.modules.script import choose_interpreter, parse_interpreter, plan_line
from tests.agent.thishost import run_module

SCRIPT = b'#!/bin/sh\necho "$# $1"; pwd; echo err >&2; exit ${2:-0}\n'


def run_script(*, check_mode: bool = False, content: bytes = SCRIPT, **args: Any) -> dict[str, Any]:
    incoming = InlineIncoming(content)
    words = {"_raw_params": "s.sh", "_name": "s.sh", **args}
    return run_module("script", words, Context(check_mode=check_mode, incoming=incoming))


def test_script():
    assert run_script(_arguments="'a b' 0", chdir="/etc") == {
        "changed": True,
        "rc": 0,
        "stdout": "2 a b\n/etc\n",
        "stderr": "err\n",
    }


def test_a_script_that_fails():
    answer = run_script(_arguments="a 7", chdir="/")
    assert answer["rc"] == 7
    assert answer["failed"]
    assert answer["msg"] == "non-zero return code"


def test_another_interpreter():
    answer = run_script(content=b"echo $0 $1", executable="/bin/bash -x", _arguments="b")
    assert answer["stdout"].endswith("s.sh b\n")
    assert answer["stderr"].startswith("+ echo ")


def test_a_script_without_an_interpreter_is_run_by_the_shell():
    assert run_script(content=b"echo hi\n")["stdout"] == "hi\n"


def test_nothing_is_left_behind():
    path = Path(run_script(content=b"#!/bin/sh\necho $0")["stdout"].strip())
    assert path.name == "s.sh"
    assert not path.parent.exists()


@pytest.mark.parametrize(
    ("args", "msg"),
    [
        ({"creates": "/etc/passwd"}, "/etc/passwd exists, matching creates option"),
        ({"creates": "passwd", "chdir": "/etc"}, "passwd exists, matching creates option"),
        ({"removes": "/nope"}, "/nope does not exist, matching removes option"),
    ],
)
def test_a_needless_script_is_skipped(args, msg):
    assert run_script(**args) == {"changed": False, "skipped": True, "msg": msg}


def test_check_mode():
    assert run_script(check_mode=True)["msg"] == "Check mode is not supported for this task."
    assert run_script(check_mode=True, creates="/nope") == {"changed": True}


def test_a_folder_that_is_not_there():
    answer = run_script(chdir="/nope")
    assert answer["failed"]
    assert "/nope" in answer["msg"]


@pytest.mark.parametrize(
    ("line", "interpreter"),
    [
        (b"#!/bin/sh\n", "/bin/sh"),
        (b"#! /usr/bin/env python3\n", "/usr/bin/env python3"),
        (b"echo", "/bin/sh"),
    ],
)
def test_interpreters(line, interpreter):
    assert parse_interpreter(line) == interpreter


@pytest.mark.parametrize(("runs", "interpreter"), [(True, ""), (False, "/bin/sh")])
def test_a_folder_where_nothing_may_be_run(tmp_path, runs, interpreter):
    (tmp_path / "s.sh").write_bytes(SCRIPT)
    assert choose_interpreter(str(tmp_path / "s.sh"), runs=runs) == interpreter


@pytest.mark.parametrize(
    ("arguments", "interpreter", "line"),
    [("", "", "/t/s.sh"), ("a 'b c'", "bash -x", "bash -x /t/s.sh a 'b c'")],
)
def test_lines(arguments, interpreter, line):
    assert plan_line("/t/s.sh", arguments, interpreter) == line


def test_raw():
    answer = run_module("raw", {"_raw_params": "echo hi; echo e >&2; echo $0"}, Context())
    assert answer == {"changed": True, "rc": 0, "stdout": "hi\n/bin/sh\n", "stderr": "e\n"}


def test_raw_that_fails_under_another_shell():
    args = {"_raw_params": "echo $0; exit 4", "executable": "/bin/bash"}
    answer = run_module("raw", args, Context())
    assert (answer["rc"], answer["stdout"], answer["failed"]) == (4, "/bin/bash\n", True)


def test_raw_does_nothing_in_check_mode(tmp_path):
    args = {"_raw_params": f"touch {tmp_path}/made"}
    assert run_module("raw", args, Context(check_mode=True)) == {"changed": False, "skipped": True}
    assert list(tmp_path.iterdir()) == []
