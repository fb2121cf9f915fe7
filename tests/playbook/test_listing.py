"""Listings, letter for letter those of ``ansible-playbook``: one run of it for each kind."""

from pathlib import Path

import pytest

from lpse_ops.playbook.listing import Listing, Surroundings, render_listing, render_syntax_check
from lpse_ops.playbook.load import load_playbook
from lpse_ops.templating.engine import Templating
from tests.playbook.loading import make_context, run_ansible, write_tree

HOSTS = "web-1,db-1"
SITE = """
- name: First
  hosts: all
  tags: [play]
  become: true
  vars: {which: more, several: [x, y]}
  pre_tasks:
    - {name: before, ping: , tags: pre}
  roles:
    - web
    - {role: base, tags: [b], x: 1}
  tasks:
    - import_tasks: "tasks/{{ which }}.yml"
      tags: imported
      when: true
    - include_tasks: tasks/more.yml
      tags: included
    - block:
        - command: echo hi
        - {name: nested, ping: , tags: [never, nest]}
        - block:
            - {name: deeper still, ping: }
      rescue:
        - {name: saved, ping: }
      always:
        - {name: ever, ping: , tags: always}
      tags: block
    - import_role: {name: base, tasks_from: other}
      tags: [role]
    - include_role: {name: base}
    - {name: inclusion, include_role: {name: base}}
    - ansible.builtin.file: path=/tmp/x state=absent
    - local_action: command echo hi
    - action: ansible.legacy.copy src=a dest=b
    - {name: "templated {{ which }}", ping: , tags: "{{ several }}"}
    - {name: with commas, ping: , tags: "one, two"}
    - meta: flush_handlers
    - {name: only on request, ping: , tags: never}
    - {name: every time, ping: , tags: always}
  handlers:
    - {name: restart, ping: , listen: topic}
- hosts: localhost,web-1
  gather_facts: false
  tasks: []
- import_playbook: "{{ second | default('second') }}.yml"
  tags: imported play
  vars: {answer: 1}
- hosts: [db-1, "!web-1"]
  name: "Last {{ 1 + 1 }}"
  force_handlers: true
  post_tasks:
    - {name: last, ping: }
"""
TREE = {
    "site.yml": SITE,
    "second.yml": """
- hosts: [all, web-1]
  tags: [own]
  tasks:
    - {name: "second {{ answer }}", ping: , tags: "a, b"}
    - import_tasks: tasks/more.yml
""",
    "tasks/more.yml": """
- {name: more, ping: }
- import_tasks: deeper.yml
  tags: deep
""",
    "tasks/deeper.yml": "- {name: deeper, ping: }",
    "roles/web/tasks/main.yml": """
- {name: configure, copy: {src: a, dest: /b}, notify: reload}
- ping:
- import_tasks: sub/part.yml
""",
    "roles/web/tasks/sub/part.yml": "- {name: part, ping: }\n- import_tasks: again.yml",
    "roles/web/tasks/sub/again.yml": "- {name: again, ping: , tags: again}",
    "roles/web/handlers/main.yml": "- {name: reload, ping: }",
    "roles/web/meta/main.yml": """
dependencies:
  - {role: base, tags: dependency}
argument_specs:
  main:
    short_description: A web server
    options: {x: {type: str}}
""",
    "roles/base/tasks/main.yml": "- {name: base task, ping: }",
    "roles/base/tasks/other.yml": "- {name: other task, ping: , tags: other}",
}
KINDS = [
    (["--list-tasks"], Listing(tasks=True)),
    (["--list-tags"], Listing(tags=True)),
    (["--list-hosts"], Listing(hosts=True)),
    (
        ["--list-tasks", "--list-tags", "--tags", "block,dependency,x", "--skip-tags", "nest"],
        Listing(
            tasks=True,
            tags=True,
            only=frozenset({"block", "dependency", "x"}),
            skip=frozenset({"nest"}),
        ),
    ),
    (
        ["--list-tasks", "--tags", "never,untagged"],
        Listing(tasks=True, only=frozenset({"never", "untagged"})),
    ),
    (
        ["--list-tasks", "--tags", "tagged", "--skip-tags", "always"],
        Listing(tasks=True, only=frozenset({"tagged"}), skip=frozenset({"always"})),
    ),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_tree(folder, TREE)
    return folder


def list_ours(folder: Path, listing: Listing) -> str:
    evaluate = Templating().evaluate
    around = Surroundings(
        hosts_of=lambda patterns: match(patterns),
        evaluate=lambda value, play: evaluate(value, play.vars),
    )
    playbook = load_playbook(folder / "site.yml", make_context())
    return render_listing([("site.yml", playbook)], listing, around)


def match(patterns: list[str]) -> list[str]:
    words = [word for pattern in patterns for word in pattern.split(",")]
    wanted = {"web-1", "db-1"} if "all" in words else set(words) & {"web-1", "db-1"}
    implicit = ["localhost"] if "localhost" in words else []
    return [*implicit, *(name for name in ("web-1", "db-1") if name in wanted)]


def sorted_hosts(text: str) -> list[str]:
    """Ansible lists the hosts and the play's tags as a set has them."""
    lines = text.split("\n")
    hosts = sorted(line for line in lines if line.startswith("      ") and "TAGS" not in line)
    plays = [line.replace("[own,imported play]", "[imported play,own]") for line in lines]
    return [line for line in plays if line not in hosts] + hosts


@pytest.mark.parametrize(("flags", "listing"), KINDS, ids=[" ".join(each[0]) for each in KINDS])
def test_listings_are_those_of_ansible(tree, flags, listing):
    done = run_ansible("ansible-playbook", "-i", HOSTS, *flags, "site.yml", cwd=tree)
    assert sorted_hosts(list_ours(tree, listing)) == sorted_hosts(done.stdout)


def test_a_syntax_check_names_the_playbooks(tree):
    names = ["site.yml", "second.yml"]
    done = run_ansible("ansible-playbook", "-i", HOSTS, "--syntax-check", *names, cwd=tree)
    assert render_syntax_check(names) == done.stdout
