"""Names that no variable should have."""

import subprocess
import sys

import pytest

from lpse_ops.marked import Map, Origin, Text
from lpse_ops.playbook.model import Keywords, Task
from lpse_ops.playbook.reserved import RESERVED, warn_of_reserved, warn_of_reserved_in
from tests.playbook.loading import load

ASK = "from ansible.vars.reserved import get_reserved_names as get; print(*get())"


def test_names_are_those_of_ansible():
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    theirs = set(done.stdout.split())
    # ``vars`` is a variable of Ansible's own; names of its objects' fields are nobody's business.
    inner = {"become_pass", "dep_chain", "finalized", "resolved_action", "validate_argspec"}
    assert theirs - {"vars"} - inner == RESERVED - inner


PLAY = """
- hosts: all
  vars: {lipsum: 1, fine: 2}
  vars_prompt: [{name: action}]
  roles: [{role: r, param: 1, query: 2}]
  tasks:
    - block:
        - debug:
          vars: {q: 1}
          register: name
        - debug:
      vars: {tags: 1}
  handlers:
    - debug:
      vars: {loop: 1}
"""


def test_every_place_that_sets_a_variable_is_looked_at(tmp_path):
    files = {
        "site.yml": PLAY,
        "roles/r/defaults/main.yml": "when: 1\n",
        "roles/r/vars/main.yml": "block: 1\n",
        "roles/r/tasks/main.yml": "[]",
    }
    told: list[tuple[str, str]] = []

    def warn(message: str, origin: Origin | None = None) -> None:
        told.append((message, str(origin).removeprefix(f"{tmp_path}/")))

    (play,) = load(tmp_path, files).plays
    warn_of_reserved_in(play, warn)
    assert told == [
        (f"Found variable using reserved name {name!r}.", place)
        for name, place in [
            ("lipsum", "site.yml:3:10"),
            ("action", "site.yml:4:24"),
            ("when", "roles/r/defaults/main.yml:1:1"),
            ("block", "roles/r/vars/main.yml:1:1"),
            ("query", "site.yml:5:31"),
            ("q", "site.yml:9:18"),
            ("tags", "site.yml:12:14"),
            ("name", "site.yml:10:21"),
            ("loop", "site.yml:15:14"),
        ]
    ]


HERE, THERE = Origin("site.yml", 3, 1), Origin("site.yml", 4, 9)


@pytest.mark.parametrize(
    ("name", "args", "place"),
    [
        (Text("lookup", THERE), Map(), THERE),
        ("lookup", Map({Text("lookup", THERE): 1}), THERE),
        ("lookup", Map({Text("{{ x }}", THERE): 1}), HERE),
    ],
)
def test_a_fact_has_the_place_of_its_name_or_its_task(name, args, place):
    task = Task(Keywords(Map()), None, "set_fact", "set_fact", args, HERE, (0,))
    told = []
    warn_of_reserved([name, "fine"], lambda *words: told.append(words), task)
    assert told == [("Found variable using reserved name 'lookup'.", place)]
