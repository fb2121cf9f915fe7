"""``meta`` tasks and what is told of them, beside ansible-core."""

import re

import pytest

from tests.playbook.loading import run_ansible, write_tree

CONDITIONS = """
- hosts: all
  gather_facts: false
  tasks:
    - meta: noop
    - meta: refresh_inventory
    - meta: end_play
      when: inventory_hostname == "zz"
    - meta: end_batch
      when: false
    - meta: clear_facts
      when: inventory_hostname == "b"
    - meta: end_host
      when: inventory_hostname == "b"
    - name: x {{ inventory_hostname }}
      meta: clear_host_errors
    - meta: clear_host_errors
      when: false
    - meta: flush_handlers
      when: false
    - meta: reset_connection
      when: false
    - meta: flush_handlers
    - debug: msg=z
    - meta: end_batch
    - debug: msg=never
- hosts: a
  gather_facts: false
  tasks:
    - set_fact: {ansible_kept: 1, cacheable: true}
    - meta: clear_facts
    - assert: {that: ansible_facts.kept is undefined}
    - meta: end_play
"""
# A failure that is cleared ends with the block; in ``always`` of a block around it, too.
CLEARED = """
- hosts: all
  gather_facts: false
  tasks:
    - block:
        - fail:
      always:
        - meta: clear_host_errors
    - debug: msg=on
    - block:
        - block:
            - block:
                - fail:
              always: [debug: ]
          always:
            - meta: clear_host_errors
            - debug: msg=inner
        - debug: msg=after
      always: [debug: ]
    - block:
        - fail:
          when: inventory_hostname == "a"
      rescue:
        - fail:
      always:
        - meta: noop
    - debug: msg=last
"""
# What Ansible says on standard error: a task's error and its place.
_EXCERPT = re.compile(r"^(\[ERROR\]: |Origin: |\d+ | +\^ column |$)")


@pytest.mark.parametrize(("play", "hosts"), [(CONDITIONS, "a,b,"), (CLEARED, "a,")])
def test_the_screen_is_ansible_s(tmp_path, play, hosts):
    write_tree(tmp_path, {"site.yml": play})
    flags = ["-i", hosts, "-c", "local", "-vv", "site.yml"]
    env = {"ANSIBLE_DEPRECATION_WARNINGS": "0"}
    said = {}
    for program in (["ansible-playbook"], ["lpse-ops", "playbook", "run"]):
        done = run_ansible(*program, *flags, cwd=tmp_path, env=env, check=False)
        _, found, screen = done.stdout.partition("PLAYBOOK: ")
        assert found, done.stdout + done.stderr
        lines = [line for line in screen.splitlines() if not _EXCERPT.match(line)]
        warnings = [line for line in done.stderr.splitlines() if "does not support when" in line]
        said[program[0]] = (done.returncode, lines, warnings)
    assert said["lpse-ops"] == said["ansible-playbook"]


def test_the_end_of_a_role_is_told_only_where_it_is_not_ended(tmp_path):
    role = "- meta: end_role\n  when: inventory_hostname == 'b'\n- debug: {msg: inside}\n"
    play = "- {hosts: all, gather_facts: false, roles: [r]}\n"
    write_tree(tmp_path, {"site.yml": play, "roles/r/tasks/main.yml": role})
    flags = ["-i", "a,b,", "-c", "local", "-vv", "site.yml"]
    said = run_ansible("lpse-ops", "playbook", "run", *flags, cwd=tmp_path).stdout
    assert [line for line in said.splitlines() if line.startswith("META: ")] == [
        "META: end_role conditional evaluated to False, continuing role r for a"
    ]
    assert said.count('"msg": "inside"') == 1
    assert "ok: [a]" in said


def test_a_condition_that_cannot_be_evaluated_ends_the_run(tmp_path):
    play = "- {hosts: all, gather_facts: false, tasks: [{meta: end_host, when: nope}]}\n"
    write_tree(tmp_path, {"site.yml": play})
    run = ["lpse-ops", "playbook", "run", "-i", "a,", "-c", "local", "site.yml"]
    done = run_ansible(*run, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "'nope' is undefined" in done.stderr
