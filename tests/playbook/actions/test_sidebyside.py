"""The controller's parts beside ansible-playbook.

What ansible-playbook did is in ``golden/results.json``, because a task of it takes most of a
second: ``python -m tests.playbook.actions.record`` writes it anew.  A few tasks are run by it in
every test run, which proves that the file still says what it does.
"""

import json
from pathlib import Path

import pytest

from tests.agent.sidebyside import Done, assert_same, run_ours, run_plays
from tests.playbook.actions.cases import CASES
from tests.playbook.actions.ours import run_task

GOLDEN = Path(__file__).with_name("golden") / "results.json"
LIVE = [
    "copy_changed",
    "copy_attributes",
    "copy_tree_inside",
    "template_blocks",
    "fetch_flat",
    "script_runs",
    "assemble_here",
]


@pytest.fixture(scope="module")
def golden():
    return {name: Done(*value) for name, value in json.loads(GOLDEN.read_text()).items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_as_ansible(case, golden, tmp_path):
    ours = run_ours(case, tmp_path / "ours", run_task)
    if case.module == "fetch":
        # What ours fetches is its owner's alone (test_fetch.py); Ansible follows the umask.
        for part, tree in ours.trees.items():
            ours.trees[part] = tree.replace("0o100600", "0o100644")
    assert_same(ours, golden[case.name])


def test_the_golden_file_is_what_ansible_does(golden, tmp_path):
    cases = [case for case in CASES if case.name in LIVE]
    theirs = run_plays(cases, tmp_path / "real")
    for case in cases:
        assert_same(golden[case.name], theirs[case.name])
