"""Faults that ansible-core's targets found: plays of assertions that hold under both programs."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.playbook.loading import write_tree

BIN = Path(sys.executable).parent
PLAY = """\
- hosts: one
  gather_facts: false
  vars: {known: {a: 1, b: {c: 2}}, holes: {a: "{{ nowhere }}", b: 1}}
  roles: [top]
  tasks:
    - getent: {database: passwd, key: root}
    - assert:
        that:
          - getent_passwd.root == ansible_facts.getent_passwd.root
          - ansible_getent_passwd is undefined
    - include_vars: {file: more.yml, hash_behaviour: merge}
    - assert: {that: "known == {'a': 1, 'b': {'c': 2, 'd': 3}}"}
    - include_vars: {dir: mixed, extensions: ['', yml]}
      register: mixed
    - assert:
        that: [plain == 1, linked == 2, mixed.ansible_included_var_files | length == 2]
    - include_vars: {dir: mixed}
      register: mixed
      ignore_errors: true
    - assert: {that: [mixed is failed, "'valid extension' in mixed.message"]}
    - debug: {var: holes}
      register: shown
    - assert: {that: "shown.holes == {'a': \\"<< error 1 - 'nowhere' is undefined >>\\", 'b': 1}"}
    - debug: {var: !unsafe holes}
      register: shown
      ignore_errors: true
    - assert: {that: [shown is failed, "'untrusted template or expression' in shown.msg"]}
    - add_host: "{{ {'name': 'two:2222', 'groups': 'new', 'answer': 42} }}"
    - assert: {that: [hostvars.two.answer == 42, hostvars.two.ansible_ssh_port == 2222]}
    - set_fact: {"true": 1}
      register: refused
      ignore_errors: true
    - assert: {that: [refused is failed, "\\"Invalid variable name 'true'\\" in refused.msg"]}
"""
TREE = {
    "play.yml": PLAY,
    "more.yml": "known: {b: {d: 3}}\n",
    "mixed/without": "plain: 1\n",
    "elsewhere/linked.yml": "linked: 2\n",
    "roles/top/meta/main.yml": "dependencies: [middle]\n",
    "roles/middle/meta/main.yml": "dependencies: [bottom]\n",
    "roles/middle/vars/main.yml": "from_role: middle\n",
    "roles/deepest/vars/main.yml": "from_role: deepest\n",
    "roles/bottom/meta/main.yml": "dependencies: [deepest]\n",
    # What a role depends on beats what depends on it.
    "roles/bottom/tasks/main.yml": """\
- assert: {that: from_role == 'deepest'}
# A lookup knows no folder of its own; with_first_found has that of the action.
- include_tasks: "{{ lookup('first_found', ['only.yml', 'here.yml']) }}"
- include_vars: "{{ item }}"
  with_first_found: [only.yml]
- assert: {that: [included_here, only_in_vars]}
""",
    "roles/bottom/tasks/here.yml": "- set_fact: {included_here: true}\n",
    "roles/bottom/files/only.yml": "- fail:\n",
    "roles/middle/vars/only.yml": "only_in_vars: true\n",
    "roles/top/tasks/main.yml": """\
- assert:
    that:
      - ansible_play_role_names == ['top']
      - ansible_dependent_role_names | sort == ['bottom', 'deepest', 'middle']
      - ansible_role_names | sort == ['bottom', 'deepest', 'middle', 'top']
      - ansible_parent_role_names is undefined
- include_role: {name: included}
""",
    "roles/included/tasks/main.yml": """\
- assert:
    that:
      - ansible_parent_role_names == ['top']
      - ansible_parent_role_paths == [playbook_dir ~ '/roles/top']
""",
}


@pytest.mark.parametrize("program", [["ansible-playbook"], ["lpse-ops", "playbook", "run"]])
def test_assertions_hold(program: list[str], tmp_path: Path) -> None:
    write_tree(tmp_path, TREE)
    (tmp_path / "mixed" / "link").symlink_to("../elsewhere")
    argv = [BIN / program[0], *program[1:], "-i", "one,", "-c", "local", "play.yml"]
    python = f"ansible_python_interpreter={sys.executable}"
    done = subprocess.run([*argv, "-e", python], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
