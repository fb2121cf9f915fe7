"""Machines of the lab as SPSE servers whose upgrades end as a test says.

The step runner there is the real one, and so is every state; a small playbook in the place of the
site's own puts the state there that an upgrade would leave.  Whole upgrades: tests/spselab.
"""

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.lab.lab import Host
from tests.spse_steps import conftest  # noqa: F401 - the runner's own folder on the path
from tests.spse_steps.values import plan_value, release_value, state_up_to, state_with

from spse_steps.state import State, render_state  # isort: skip

LIBRARY = "/usr/local/lib/lpse-ops"
STATE = "/var/lib/lpse-ops/upgrade/state.json"
RUNNER = Path(__file__).parents[2] / "roles/spse/files/steprunner"
CALLS = ({"command": "run", "at": "2026-11-22T02:15:00Z", "by": "root", "pid": 5},)
# 90 seconds without SPSE.
_TIMES: dict[str, dict[str, Any]] = {
    "stop": {"begun": "2026-11-22T02:15:10Z"},
    "backup": {"notes": {"snapshot": "4f0c1b2c4f0c1b2c"}},
    "let-in": {"ended": "2026-11-22T02:16:40Z"},
}
# What the play's own tasks are called, in the order in which a run has them.
PLAYBOOK = """
- name: Upgrade SPSE
  hosts: spse
  become: true
  gather_facts: false
  vars:
    asked_for: "{{ spse_upgrade_action | default('upgrade') }}"
  serial: "{{ spse_serial | default(1) }}"
  max_fail_percentage: "{{ spse_max_fail_percentage | default(0) }}"
  tasks:
    - name: Show what was asked for
      ansible.builtin.debug:
        msg: >-
          {{ inventory_hostname }}: {{ asked_for }} to {{ spse_version | default('-') }},
          {{ spse_reason | default('-') }} under {{ spse_change_id | default('-') }}
    - name: Refuse
      ansible.builtin.command: sh -c 'echo no; exit 7'
      when: refuses | default(false)
      check_mode: false
    - name: Run the steps
      ansible.builtin.copy:
        content: "{{ ends[asked_for] | to_json }}"
        dest: /var/lib/lpse-ops/upgrade/state.json
        mode: "0600"
      when: asked_for in ends
    - name: Work for a while
      ansible.builtin.command: sleep {{ works }}
      when: works is defined
    - name: End as it ended
      ansible.builtin.assert:
        that: asked_for == 'rollback' or ends[asked_for].outcome == 'done'
        fail_msg: "rc=6"
        quiet: true
      when: asked_for in ends and not ansible_check_mode
"""


def upgrade_state(
    old: str, new: str, stamp: str, *, state: State | None = None, **fields: Any
) -> dict[str, Any]:
    """A state as the step runner writes it: done, unless ``state`` says how far it came."""
    if state is None:
        state = state_up_to("tidy", "done", outcome="done", ended="2026-11-22T02:20:00Z")
        for name, own in _TIMES.items():
            state = state.with_record(state.record(name)._replace(**own))
    versions = {"from": release_value(old), "to": release_value(new)}
    plan = plan_value() | versions | {"id": f"trial-{new}"}
    whole = state._replace(stamp=stamp, plan=plan, calls=CALLS, **fields)
    value: dict[str, Any] = json.loads(render_state(whole))
    return value


def rolled_back(old: str, new: str, stamp: str, reason: str, **fields: Any) -> dict[str, Any]:
    undone = state_with(*["undone"] * 9, direction="back", outcome="rolled-back")
    ended = {"ended": "2026-11-22T02:20:00Z", "reason": reason}
    return upgrade_state(old, new, stamp, state=undone, **ended, **fields)


def prepare(hosts: Sequence[Host], before: dict[str, Any]) -> None:
    """The step runner, and the state of the upgrade before."""
    for host in hosts:
        host.run("mkdir", "-p", LIBRARY)
        host.run("mkdir", "-p", "-m", "700", str(Path(STATE).parent))
        packing = subprocess.run(
            ["tar", "--create", "--exclude=*cache*", f"--directory={RUNNER.parent}", RUNNER.name],
            check=True, stdout=subprocess.PIPE,
        )  # fmt: skip
        unpack = host.ssh_argv("tar", "--extract", f"--directory={LIBRARY}")
        subprocess.run(unpack, check=True, input=packing.stdout)
        put_state(host, before)


def put_state(host: Host, state: dict[str, Any]) -> None:
    host.run("sh", "-c", f"umask 077; cat >{STATE}", stdin=json.dumps(state))


def write_inventory(folder: Path, hosts: Sequence[Host], **of_host: dict[str, Any]) -> Path:
    known = {
        host.name: {**host.ansible_variables(user="debian"), **of_host.get(host.name, {})}
        for host in hosts
    }
    path = folder / "hosts.json"
    path.write_text(json.dumps({"all": {"children": {"spse": {"hosts": known}}}}))
    return path


def rows(text: str) -> Iterator[list[str]]:
    """The lines of a recap, in words."""
    for line in text.splitlines()[1:]:
        yield line.split()
