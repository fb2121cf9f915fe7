"""Plays on real machines over SSH: root and sudo, hosts that die, lie or have no python3."""

import threading
import time
from pathlib import Path

import pytest

from tests.lab.accounts import DEBIAN, OPERATOR
from tests.lab.lab import Host, Lab
from tests.playbook.onmachines.plays import recap, run_play

pytestmark = pytest.mark.xdist_group("lab")


WHO = """
- hosts: all
  gather_facts: false
  tasks:
    - command: id -un
      changed_when: false
      register: who
    - debug: {msg: "it is {{ who.stdout }}"}
    - copy: {content: "made by {{ who.stdout }}\\n", dest: /root/made, mode: "0600"}
      become: true
    - slurp: {src: /root/made}
      become: true
      register: made
    - debug: {msg: "{{ made.content | b64decode }}"}
"""


@pytest.mark.parametrize(
    ("user", "more"),
    [
        ("root", {}),
        (DEBIAN.name, {}),
        (OPERATOR.name, {"ansible_become_password": OPERATOR.password}),
    ],
)
def test_root_and_sudo_users(lab_host: Host, tmp_path: Path, user: str, more: dict[str, str]):
    hosts = {"one": {**lab_host.ansible_variables(user), **more}}
    first = run_play(tmp_path, hosts, WHO)
    assert first.returncode == 0, first.stdout + first.stderr
    assert f'"msg": "it is {user}"' in first.stdout
    again = run_play(tmp_path, hosts, WHO)
    assert recap(again.stdout, "one")["changed"] == 0
    assert OPERATOR.password not in first.stdout + first.stderr


def test_a_wrong_sudo_password_is_told(lab_host: Host, tmp_path: Path):
    hosts = {"one": {**lab_host.ansible_variables(OPERATOR.name), "ansible_become_password": "no"}}
    ran = run_play(tmp_path, hosts, WHO)
    assert ran.returncode == 2
    assert "incorrect sudo password" in ran.stdout
    assert recap(ran.stdout, "one")["failed"] == 1


RAW = """
- hosts: all
  gather_facts: false
  tasks:
    - raw: echo $WORD; id -un; command -v python3 || echo none
      environment: {WORD: "it's here"}
      become: true
      changed_when: false
      register: said
    - debug: {var: said.stdout_lines}
"""


def test_raw_needs_no_python(lab: Lab, tmp_path: Path):
    [host] = lab.up("raw")
    host.run("sh", "-c", "rm -f /usr/bin/python3*")
    ran = run_play(tmp_path, {"one": host.ansible_variables(DEBIAN.name)}, RAW)
    host.remove()
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for word in ("it's here", "root", "none"):
        assert f'"{word}"' in ran.stdout


FIVE = """
- hosts: all
  gather_facts: false
  tasks:
    - command: echo first
      changed_when: false
    - command: sleep 2
      changed_when: false
    - command: echo last
      changed_when: false
"""


def test_five_hosts_of_which_three_are_in_trouble(lab: Lab, tmp_path: Path):
    names = ("good", "fine", "dies", "stranger", "bare")
    machines = dict(zip(names, lab.up(*names), strict=True))
    hosts = {name: host.ansible_variables() for name, host in machines.items()}
    known = tmp_path / "known_hosts"
    lines = lab.known_hosts.read_text().splitlines()
    address = machines["stranger"].address
    other = next(line.split(" ", 1)[1] for line in lines if machines["good"].address in line)
    known.write_text(
        "\n".join([each for each in lines if address not in each] + [f"{address} {other}"]) + "\n"
    )
    config = tmp_path / "ssh_config"
    config.write_text(lab.ssh_config.read_text().replace(str(lab.known_hosts), str(known)))
    for each in hosts.values():
        each["ansible_ssh_common_args"] = f"-F {config}"
    machines["bare"].run("sh", "-c", "rm -f /usr/bin/python3*")

    def die() -> None:
        time.sleep(1.5)
        machines["dies"].kill()

    killer = threading.Thread(target=die)
    killer.start()
    ran = run_play(tmp_path, hosts, FIVE)
    killer.join()
    for name in names:
        machines[name].remove()
    assert ran.returncode == 4, ran.stdout + ran.stderr
    for name in ("good", "fine"):
        assert recap(ran.stdout, name) == dict.fromkeys(
            ("changed", "unreachable", "failed", "skipped", "rescued", "ignored"), 0
        ) | {"ok": 3}
    for name in ("dies", "stranger", "bare"):
        assert recap(ran.stdout, name)["unreachable"] == 1, ran.stdout
    assert "host key" in ran.stdout.lower()
    assert "python" in ran.stdout


REBOOT = """
- hosts: all
  gather_facts: false
  tasks:
    - command: cat /proc/sys/kernel/random/boot_id
      register: before
      changed_when: false
    - reboot: {reboot_timeout: 60}
      become: true
    - command: cat /proc/sys/kernel/random/boot_id
      register: after
      changed_when: false
    - assert: {that: before.stdout != after.stdout}
"""


def test_a_host_is_rebooted_and_waited_for(fresh_host: Host, tmp_path: Path):
    ran = run_play(tmp_path, {"one": fresh_host.ansible_variables(DEBIAN.name)}, REBOOT)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert recap(ran.stdout, "one")["changed"] == 1
