"""Which tasks may be sent before those in front of them are answered."""

from pathlib import Path

import pytest

from lpse_ops.playbook.aheadrules import lets_others_pass, may_be_sent
from lpse_ops.playbook.model import Task, every_task
from lpse_ops.playbook.unknowns import AnswerNeeded, FileWatch
from tests.playbook.loading import load


def task_of(folder: Path, written: str, play: str = "") -> Task:
    indented = written.replace("\n", "\n      ")
    loaded = load(folder, f"- hosts: all\n{play}  tasks:\n    - {indented}\n").plays[0]
    (task,) = every_task(loaded.tasks)
    return task


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("command: id", True),
        ("command: id\nloop: [1]", True),
        ("command: id\nwith_dict: {a: 1}", True),
        ("command: id\nwith_fileglob: '*'", False),
        ("command: id\nwith_first_found: [a]", False),
        ("command: id\nuntil: true", False),
        ("command: id\nretries: 2", False),
        ("command: id\nasync: 5", False),
        ("command: id\ndelegate_to: x", False),
        ("command: id\nrun_once: true", False),
        ("command: id\nrun_once: false", True),
        ("command: id\nthrottle: 1", False),
        ("command: id\ntimeout: 1", False),
        ("command: id\nignore_unreachable: true", False),
        ("meta: noop", False),
        ("include_tasks: x.yml", False),
        ("'{{ name }}': {}", False),
    ],
)
def test_what_may_be_sent(tmp_path: Path, written: str, expected: bool):
    assert may_be_sent(task_of(tmp_path, written)) is expected


def test_what_is_around_a_task_counts(tmp_path: Path):
    assert not may_be_sent(task_of(tmp_path, "command: id", "  ignore_unreachable: true\n"))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("command: id", True),
        ("command: id\nchanged_when: false", True),
        ("command: id\nchanged_when: true", True),
        ("command: id\nchanged_when: r.rc == 0", False),
        ("command: id\nchanged_when: [true]", False),
        ("command: id\nfailed_when: false", False),
        ("command: id\nfailed_when: r.rc", False),
        ("command: id\nregister: '{{ name }}'", False),
        ("command: id\nloop: [1]\nloop_control: {label: x}", True),
        ("command: id\nloop: [1]\nloop_control: {label: '{{ item.x }}'}", False),
        ("command: id\nregister: r", True),
    ],
)
def test_what_lets_others_pass(tmp_path: Path, written: str, expected: bool):
    assert lets_others_pass(task_of(tmp_path, written)) is expected


@pytest.mark.parametrize(
    "written",
    [
        "command: echo {{ x is exists }}",
        "command: id\nwhen: x is file",
        "command: id\nchanged_when: x is file",
        "command: id\nloop: \"{{ x | map('realpath') }}\"",
        "command: id\nvars: {y: '{{ x is link }}'}",
        "command: id\nenvironment: {Y: '{{ x is mount }}'}",
        "name: it {{ x is exists }}\ncommand: id",
    ],
)
def test_what_looks_at_files_here_waits(tmp_path: Path, written: str):
    with pytest.raises(AnswerNeeded):
        FileWatch().refuse_task(task_of(tmp_path, written))


def test_what_looks_at_files_there_does_not(tmp_path: Path):
    FileWatch().refuse_task(task_of(tmp_path, "file: {path: '/file/{{ x }}', state: directory}"))
