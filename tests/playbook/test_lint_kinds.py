"""What <= 2.18 and >= 2.19 read differently: lint finds it, and the real 2.19 shows it."""

import json
import sys
import textwrap
from pathlib import Path

import pytest

from lpse_ops.playbook.lint import lint_playbook
from lpse_ops.playbook.mode_trap import Finding
from tests.playbook.loading import make_context, run_ansible, write_tree

# One run of ansible-core is for all the tests here.
pytestmark = pytest.mark.xdist_group("lint-kinds")

VARS = r"""
    empty: ""
    word: "yes"
    names: [a]
    table: {a: 1}
    count: 5
    nothing: null
    flag: true
    sum: "{{ count + 1 }}"
    text: "{{ word }} {{ word }}"
    json: '{"a": [1, 2]}'
    listed: '[1, 2]'
    through: "{{ json }}"
    dumped: "{{ table | to_json }}"
    parsed: "{{ json | from_json }}"
"""
FAILS = "fails"


def play(task: str) -> str:
    steps = "- {command: echo 7, register: done}\n- " + task.replace("\n", "\n  ") + "\n"
    head = "- hosts: localhost\n  gather_facts: false\n  vars:" + VARS + "  tasks:\n"
    return head + textwrap.indent(steps, "    ")


def lint(folder: Path, task: str) -> list[Finding]:
    write_tree(folder, {"site.yml": play(task)})
    return lint_playbook(folder / "site.yml", make_context)


# The task -> the rule, where in the task's first line or below it, a part of the advice, and what
# ansible-core 2.19 makes of it: FAILS, or the message.
TRAPS = {
    "debug:\nwhen: empty": ("condition-type", (2, 7), "empty | length > 0", FAILS),
    "debug:\nwhen: word": ("condition-type", (2, 7), "| bool", FAILS),
    "debug:\nwhen: names": ("condition-type", (2, 7), "names | length > 0", FAILS),
    "debug:\nwhen: [flag, table]": ("condition-type", (2, 14), "table | length", FAILS),
    "debug:\nwhen: count": ("condition-type", (2, 7), "count > 0", FAILS),
    "debug:\nwhen: nothing": ("condition-type", (2, 7), "nothing is not none", FAILS),
    "debug:\nwhen: sum": ("condition-type", (2, 7), "sum > 0", FAILS),
    "debug:\nwhen: text": ("condition-type", (2, 7), "text | length", FAILS),
    "debug:\nwhen: done": ("condition-type", (2, 7), "done is changed", FAILS),
    "debug:\nwhen: done.stdout": ("condition-type", (2, 7), "done.stdout | length > 0", FAILS),
    "debug:\nwhen: flag and done.stdout": (
        "condition-type",
        (2, 7),
        "(flag and done.stdout) | length",
        FAILS,
    ),
    "debug:\nwhen: absent | default('')": ("condition-type", (2, 7), "| length", FAILS),
    "debug:\nwhen: absent | default([])": ("condition-type", (2, 7), "| length", FAILS),
    "debug:\nwhen: names | join(',')": ("condition-type", (2, 7), "| length", FAILS),
    "command: echo\nfailed_when: done['rc']": ("condition-type", (2, 14), "> 0", FAILS),
    "command: echo\nchanged_when: done.stdout_lines": ("condition-type", (2, 15), "", FAILS),
    "assert: {that: [flag, word]}": ("condition-type", (1, 23), "| bool", FAILS),
    "debug: {msg: \"{{ sum == '6' }}\"}": ("quoted-number", (1, 14), "without quotes", False),
    "debug: {msg: \"{{ '7' != done.stdout | int }}\"}": ("quoted-number", (1, 14), "7", True),
    "debug: {msg: '{{ through.a }}'}": ("json-text", (1, 14), "(through | from_json)", FAILS),
    "debug: {msg: \"{{ dumped['a'] }}\"}": ("json-text", (1, 14), "from_json", FAILS),
    'debug: {msg: x}\nloop: "{{ listed }}"': ("json-text", (2, 7), "(listed | from_json)", FAILS),
    "debug: {msg: x}\nloop: abc": ("loop-type", (2, 7), "write a list", FAILS),
    'debug: {msg: x}\nloop: "{{ table }}"': ("loop-type", (2, 7), "dict2items", FAILS),
    'debug: {msg: "{{ x }}"}\nvars: {x: "[{{ count }}, 1]"}': (
        "text-structure",
        (2, 11),
        "into one {{ }}",
        "[5, 1]",
    ),
    "debug: {msg: '{{ x }}'}\nvars: {x: \"{% if flag %}['a']{% else %}[]{% endif %}\"}": (
        "text-structure",
        (2, 11),
        "YAML",
        "['a']",
    ),
    "debug: {msg: ['x', '{{ absent | default(omit) }}']}": ("omit-in-list", (1, 20), "", ["x"]),
    "debug: {msg: '{{ [1, omit] }}'}": ("omit-in-list", (1, 14), "[a] +", [1]),
    "set_fact: {e: 'yes'}": ("text-bool", (1, 15), "write e: true", {"e": "yes"}),
    "debug: {msg: x}\nwhen: '{{ flag }}'": ("condition-braces", (2, 7), "without", "x"),
}
INNOCENT = [
    "debug:\nwhen: flag",
    "debug:\nwhen: [flag, count > 4, names | length > 0, word | bool]",
    "debug:\nwhen: absent | default(false)",
    "debug:\nwhen: absent is not defined or absent",
    "debug:\nwhen: not empty",
    "debug:\nwhen: done is changed and done.rc == 0",
    "debug:\nwhen: done.stdout == '7'",
    "debug:\nwhen: done.stdout_lines | select('match', '7') | list | length == 1",
    "debug: {msg: \"{{ done.stdout == '7' }}\"}",
    "debug: {msg: '{{ sum == 6 }}'}",
    "debug: {msg: '{{ parsed.a }}'}",
    "debug: {msg: '{{ json.split() }} {{ json[0] }} {{ (through | from_json).a }}'}",
    'debug: {msg: x}\nloop: "{{ names }}"',
    'debug: {msg: x}\nloop: "{{ table | dict2items }}"',
    'debug: {msg: x}\nloop: "{{ listed | from_json }}"',
    "debug: {msg: '{{ x }}'}\nvars: {x: '[a-z]{{ count }}[0-9]', y: '[{{ count }}]:80'}",
    "debug: {msg: '{{ x }}'}\nvars: {x: '{{ [count, 1] }}'}",
    "debug: {msg: x, verbosity: '{{ absent | default(omit) }}'}",
    "copy: {content: '[{{ count }}]', dest: /nowhere}\nwhen: false",
]


@pytest.mark.parametrize("task", TRAPS)
def test_a_trap_is_found_where_it_stands(task, tmp_path):
    rule, (line, column), advice, _ = TRAPS[task]
    (found,) = lint(tmp_path, task)
    first = next(
        number
        for number, each in enumerate(play(task).splitlines(), 1)
        if each.startswith("    - ") and "register: done" not in each
    )
    assert found.rule == rule
    assert advice in found.advice
    assert found.origin is not None
    assert (found.origin.line - first + 1, found.origin.column - len("    - ")) == (line, column)


@pytest.mark.parametrize("task", INNOCENT)
def test_what_both_read_alike_is_left_alone(task, tmp_path):
    assert lint(tmp_path, task) == []


def test_what_nobody_agrees_on_is_not_known(tmp_path):
    files = {
        "site.yml": "- hosts: all\n  roles: [a]\n  vars: {x: true}\n",
        "roles/a/defaults/main.yml": "x: ''\n",
        "roles/a/tasks/main.yml": "- {debug: , when: x}\n",
    }
    write_tree(tmp_path, files)
    assert lint_playbook(tmp_path / "site.yml", make_context) == []
    write_tree(tmp_path, {"site.yml": "- hosts: all\n  roles: [a]\n"})
    (found,) = lint_playbook(tmp_path / "site.yml", make_context)
    assert (found.rule, found.origin and found.origin.line) == ("condition-type", 1)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Every task of both tables by the real ansible-core, in one run."""
    folder = tmp_path_factory.mktemp("real")
    tasks = [*TRAPS, *INNOCENT]
    text = play("debug:")
    for number, task in enumerate(tasks):
        step = f"- {task}\nregister: r{number}\nignore_errors: true".replace("\n", "\n  ")
        text += textwrap.indent(step, "    ") + "\n"
    names = ", ".join(f"r{number}" for number in range(len(tasks)))
    text += f"    - copy: {{content: '{{{{ [{names}] | to_json }}}}', dest: {folder}/results}}\n"
    write_tree(folder, {"site.yml": text})
    python = f"ansible_python_interpreter={sys.executable}"
    argv = ["-i", "localhost,", "-c", "local", "-e", python, "site.yml"]
    run_ansible("ansible-playbook", *argv, cwd=folder)
    return dict(zip(tasks, json.loads((folder / "results").read_text()), strict=True))


@pytest.mark.parametrize("task", TRAPS)
def test_what_ansible_core_does_with_a_trap(task, results):
    expected = TRAPS[task][-1]
    if expected == FAILS:
        assert results[task]["failed"]
    else:
        result = results[task]
        assert result.get("msg", result.get("ansible_facts")) == expected


@pytest.mark.parametrize("task", INNOCENT)
def test_ansible_core_does_what_is_left_alone(task, results):
    assert not results[task].get("failed")
