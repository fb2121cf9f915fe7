"""How a host is reached: variables over keywords, keywords over the command line."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.errors import PlaybookError
from lpse_ops.marked import Map, Origin, Text
from lpse_ops.playbook.model import Keywords, Task
from lpse_ops.playbook.targets import (
    KEYWORDS,
    VARIABLES,
    Defaults,
    KnownTargets,
    TargetReader,
)
from lpse_ops.remote.target import Become, Target

TASK = Task(Keywords(Map()), None, "ping", "ping", Map(), Origin("p.yml", 3, 5), (2, 0))


def target(
    variables: Mapping[str, Any] = {},
    keywords: Mapping[str, Any] = {},
    defaults: Defaults = Defaults(),  # noqa: B008
) -> Target:
    return TargetReader("web", TASK, variables.get, keywords.get, defaults).target()


def test_without_a_word_it_is_ssh_with_its_own_settings():
    assert target() == Target("web", "ssh")


@pytest.mark.parametrize(
    ("variables", "field", "value"),
    [
        ({"ansible_host": "10.0.0.1"}, "host", "10.0.0.1"),
        ({"ansible_ssh_host": "10.0.0.1"}, "host", "10.0.0.1"),
        ({"ansible_port": "2222"}, "port", 2222),
        ({"ansible_user": "sari"}, "user", "sari"),
        ({"ansible_user": "sari", "ansible_ssh_user": "old"}, "user", "sari"),
        ({"ansible_ssh_pass": 1234}, "password", "1234"),
        ({"ansible_ssh_private_key_file": "/k"}, "private_key_file", Path("/k")),
        ({"ansible_python_interpreter": "/usr/bin/python3"}, "python", "/usr/bin/python3"),
        ({"ansible_python_interpreter": "auto_silent"}, "python", ""),
        ({"ansible_timeout": 3}, "timeout_seconds", 3.0),
        ({"ansible_host_key_checking": "no"}, "host_key_checking", False),
        ({"ansible_connection": "local"}, "connection", "local"),
        ({"ansible_connection": "paramiko_ssh"}, "connection", "paramiko"),
        ({"ansible_connection": "smart"}, "connection", "ssh"),
        (
            {"ansible_ssh_common_args": "-o 'A=b c'", "ansible_ssh_extra_args": "-v"},
            "ssh_common_args",
            ("-o", "A=b c", "-v"),
        ),
    ],
)
def test_variables(variables: dict[str, Any], field: str, value: object):
    assert getattr(target(variables), field) == value


def test_variables_beat_keywords_and_these_the_command_line():
    defaults = Defaults(user="cli", port=1, connection="local")
    keywords = {"remote_user": "play", "port": 2, "connection": "ssh"}
    found = target({"ansible_user": "host"}, keywords, defaults)
    assert (found.user, found.port, found.connection) == ("host", 2, "ssh")
    assert target({}, {}, defaults).connection == "local"


@pytest.mark.parametrize(
    ("variables", "keywords", "become"),
    [
        ({}, {}, None),
        ({}, {"become": True}, Become()),
        ({}, {"become": "yes", "become_user": "deploy"}, Become(user="deploy")),
        ({}, {"become_user": "deploy"}, None),
        ({"ansible_become": False}, {"become": True}, None),
        ({"ansible_become": "yes"}, {"become": False}, Become()),
        ({"ansible_become_user": "a"}, {"become": True, "become_user": "b"}, Become(user="a")),
        ({"ansible_become_password": "x"}, {"become": True}, Become(password="x")),
        ({"ansible_sudo_pass": "x"}, {"become": True}, Become(password="x")),
        (
            {"ansible_su_exe": "/bin/su"},
            {"become": True, "become_method": "ansible.builtin.su", "become_flags": "-l"},
            Become("su", exe="/bin/su", flags="-l"),
        ),
    ],
)
def test_become(variables: dict[str, Any], keywords: dict[str, Any], become: Become | None):
    assert target(variables, keywords).become == become


def test_become_of_the_command_line():
    defaults = Defaults(become=True, become_user="sari", become_password="x")
    assert target(defaults=defaults).become == Become(user="sari", password="x")
    assert target({}, {"become": False}, defaults).become is None


@pytest.mark.parametrize(
    ("variables", "word"),
    [
        ({"ansible_connection": "winrm"}, "winrm"),
        ({"ansible_become": True, "ansible_become_method": "doas"}, "doas"),
    ],
)
def test_what_there_is_not_names_the_task(variables: dict[str, Any], word: str):
    with pytest.raises(PlaybookError, match=f"p.yml:3:5: .*{word}"):
        target(variables)


def test_passwords_are_in_no_repr():
    found = target({"ansible_password": "geheim", "ansible_become": 1, "ansible_become_pass": "s3"})
    assert found.password == "geheim"
    assert "geheim" not in repr(found)
    assert "s3" not in repr(found)
    assert "geheim" not in repr(Defaults(password="geheim"))


def test_all_that_is_read_is_known_by_name():
    read: set[str] = set()
    asked: set[str] = set()
    for method in ("sudo", "su"):
        words = {"become": True, "become_method": method}

        def variable(name: str) -> None:
            read.add(name)

        def keyword(name: str, words: Mapping[str, Any] = words) -> Any:
            asked.add(name)
            return words.get(name)

        TargetReader("web", TASK, variable, keyword, Defaults()).target()
    assert (read, asked) == (VARIABLES, set(KEYWORDS))


def known(targets: KnownTargets, written: Mapping[str, Any], **keywords: Any) -> Target:
    task = replace(TASK, keywords=Keywords(Map(keywords)))
    reader = TargetReader("web", task, written.get, keywords.get, Defaults())
    return targets.get("web", task, written, reader.target)


def test_the_same_words_are_read_once():
    targets = KnownTargets()
    first = known(targets, {"ansible_port": 22})
    assert known(targets, {"ansible_port": 22}) is first
    assert known(targets, {"ansible_port": 23}).port == 23
    assert known(targets, {"ansible_user": 1}).user == "1"
    assert known(targets, {"ansible_user": True}).user == "True"
    assert known(targets, {}, port=24).port == 24
    assert known(targets, {}, become=True).become == Become()
    assert targets.get("db", TASK, {"ansible_port": 22}, lambda: Target("db")).name == "db"


@pytest.mark.parametrize("written", [Text("{{ x }}"), ["-v"], Map()])
def test_what_may_mean_something_else_next_time_is_read_anew(written: Any):
    targets = KnownTargets()
    values = {"ansible_user": written}
    made = [targets.get("web", TASK, values, lambda: Target("web")) for _ in range(2)]
    assert made[0] is not made[1]
