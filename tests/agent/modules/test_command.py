"""``command`` and ``shell`` beside ansible-core's own."""

import pytest

from lpse_ops.agent.context import Context
from lpse_ops.agent.modules.command import prepare_stdin
from tests.agent.realmodules import Both, Task, flags, normalised, run_both
from tests.agent.thishost import run_module

COMMANDS = {
    "words": {"_raw_params": "printf '%s|' a 'b c'"},
    "cmd": {"cmd": "echo  hi"},
    "argv": {"argv": ["echo", "a b", "$HOME", "~", "$NOPE"]},
    "unexpanded": {"argv": ["echo", "$HOME", "~"], "expand_argument_vars": False},
    "lines in the command": {"_raw_params": "echo a\nb"},
    "a false one": {"_raw_params": "false"},
    "one that is killed": {"argv": ["sh", "-c", "kill -9 $$"]},
    "stderr": {"argv": ["sh", "-c", "echo out; echo err >&2"]},
    "ends stripped": {"argv": ["printf", "a\n\n\r\n"]},
    "ends kept": {"argv": ["printf", "a\n\n"], "strip_empty_ends": False},
    "stdin": {"argv": ["od", "-c"], "stdin": "abc"},
    "stdin with its own newline": {"argv": ["od", "-c"], "stdin": "abc\n"},
    "stdin as it is": {"argv": ["od", "-c"], "stdin": "abc", "stdin_add_newline": False},
    "chdir": {"_raw_params": "pwd", "chdir": "/etc"},
    "no such folder": {"_raw_params": "pwd", "chdir": "/nope"},
    "a file as folder": {"_raw_params": "pwd", "chdir": "/etc/hostname"},
    "creates there": {"_raw_params": "pwd", "creates": "/etc/passwd"},
    "creates a pattern": {"_raw_params": "pwd", "creates": "/etc/pass*"},
    "creates seen from chdir": {"_raw_params": "pwd", "creates": "hostname", "chdir": "/etc"},
    "creates not there": {"_raw_params": "pwd", "creates": "/nope"},
    "removes there": {"_raw_params": "pwd", "removes": "/etc/passwd"},
    "removes not there": {"_raw_params": "pwd", "removes": "/nope"},
    "both": {"_raw_params": "pwd", "removes": "/nope", "creates": "/etc/passwd"},
    "executable": {"argv": ["echo"], "executable": "/bin/bash"},
    "two commands": {"_raw_params": "a", "cmd": "b"},
    "no command": {"chdir": "/etc"},
}
SHELLS = {
    "pipe": {"_raw_params": "echo $0 a | tr a b"},
    "bash": {"_raw_params": "echo $0; exit 3", "executable": "/bin/bash"},
    "folder": {"cmd": "pwd", "chdir": "/etc"},
    "needless": {"_raw_params": "pwd", "creates": "/etc/passwd"},
    "stdin": {"_raw_params": "cat; cat", "stdin": "abc"},
    "no program": {"_raw_params": "nosuchprogram"},
}
TASKS = {
    **{
        f"{name}, {'check' if check else 'run'}": Task("command", args, check)
        for name, args in COMMANDS.items()
        for check in (False, True)
    },
    **{
        f"shell {name}, {'check' if check else 'run'}": Task(
            "command", {"_uses_shell": True, **args}, check
        )
        for name, args in SHELLS.items()
        for check in (False, True)
    },
}


@pytest.fixture(scope="module")
def both() -> dict[str, Both]:
    return run_both(TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_as_ansible(both, name):
    theirs, ours = both[name]
    assert flags(ours) == flags(theirs)


def test_shell_is_command_with_a_shell(both):
    answer = normalised(run_module("shell", SHELLS["bash"], Context()))
    assert answer == both["shell bash, run"].theirs


def test_shell_does_not_take_the_choice_of_who_expands():
    args = {"_raw_params": "echo", "expand_argument_vars": False}
    answer = run_module("shell", args, Context())
    assert answer["msg"] == "Unsupported parameters for (shell) module: expand_argument_vars"


def test_times_are_those_of_the_run():
    answer = run_module("command", {"_raw_params": "sleep 0.05"}, Context())
    assert answer["delta"].startswith("0:00:00.")
    assert answer["start"] < answer["end"]


@pytest.mark.parametrize(("command", "rc"), [("nosuchprogram a", 2), ("/etc/passwd", 13)])
def test_what_cannot_be_started_is_a_failure_that_says_why(command, rc):
    answer = run_module("command", {"_raw_params": command}, Context())
    assert (answer["failed"], answer["rc"], answer["cmd"]) == (True, rc, command)
    assert "Error executing command" in answer["msg"]


@pytest.mark.parametrize(
    ("text", "add_newline", "expected"),
    [
        (None, True, None),
        ("", True, "\n"),
        ("a", True, "a\n"),
        ("a\n", True, "a\n\n"),
        ("a", False, "a"),
    ],
)
def test_stdin(text, add_newline, expected):
    assert prepare_stdin(text, add_newline=add_newline) == expected
