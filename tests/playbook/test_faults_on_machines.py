"""Whatever befalls one machine in the middle of a play: it says so, and the others go on.

Each machine counts in a file what was done on it: nothing that may have run is ever run again.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.accounts import DEBIAN, OPERATOR, VISITOR
from tests.lab.lab import Host, Lab
from tests.lab.protocol import LabError
from tests.playbook.onmachines.plays import recap, run_play

pytestmark = pytest.mark.xdist_group("lab")

COUNTER = "/root/counter"
# Long enough for everything to happen, short enough for a line that comes back.
LONG = f"""
- hosts: all
  gather_facts: false
  tasks:
    - name: long
      ansible.builtin.shell: echo begun >> {COUNTER}; sleep 20; echo ended >> {COUNTER}
      register: it
      until: it is succeeded
      retries: 3
      delay: 0
      ignore_unreachable: "{{{{ inventory_hostname == 'forgiven' }}}}"
    - name: after it
      ansible.builtin.shell: echo after >> {COUNTER}
"""


def counted(host: Host) -> list[str]:
    return host.run("cat", COUNTER).stdout.split()


def befall(host: Host, word: str, what: Callable[[Host], None]) -> threading.Thread:
    """Do something to a machine as soon as it has counted that far."""

    def wait_and_do() -> None:
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            if host.run("grep", "-q", word, COUNTER, check=False).status == 0:
                what(host)
                return
            time.sleep(0.05)
        raise LabError(f"{host.name} never counted {word}")

    thread = threading.Thread(target=wait_and_do)
    thread.start()
    return thread


def go_silent(host: Host) -> None:
    host.wire(down=True)


def be_silent_for_a_while(host: Host) -> None:
    host.wire(down=True)
    time.sleep(12)
    host.unwire()


def break_connection(host: Host) -> None:
    host.run("pkill", "-KILL", "-f", "^sshd: root@notty")


def reboot_by_itself(host: Host) -> None:
    host.run("systemctl", "reboot", check=False)


def kill_agent(host: Host) -> None:
    # The oldest: the processes of its tasks look the same, and end with it by themselves.
    host.run("pkill", "-KILL", "--oldest", "-f", "^[^ ]*python3 -I -u -c")


BEFALLS: dict[str, Callable[[Host], None]] = {
    "silent": go_silent,
    "quiet": be_silent_for_a_while,
    "cut": break_connection,
    "reboots": reboot_by_itself,
    "killed": kill_agent,
    "forgiven": kill_agent,
}
SAYS = {
    "silent": "no sign of life for",
    "cut": "the connection broke",
    "reboots": "the connection",
    "killed": "the agent has ended",
}


def test_the_middle_of_a_task(lab: Lab, tmp_path: Path):
    names = ["good", *BEFALLS]
    machines = dict(zip(names, lab.up(*names), strict=True))
    hosts = {name: host.ansible_variables() for name, host in machines.items()}
    boot_id = machines["reboots"].boot_id()
    threads = [befall(machines[name], "begun", what) for name, what in BEFALLS.items()]
    ran = run_play(tmp_path, hosts, LONG)
    for thread in threads:
        thread.join()
    machines["reboots"].wait_for_boot(after=boot_id)
    done = {name: counted(machines[name]) for name in names}
    for host in machines.values():
        host.remove()

    assert ran.returncode == 4, ran.stdout + ran.stderr
    for name in ("good", "quiet"):
        assert done[name] == ["begun", "ended", "after"]
        assert recap(ran.stdout, name)["ok"] == 2
    for name, words in SAYS.items():
        assert done[name].count("begun") == 1, name
        assert "after" not in done[name], name
        assert recap(ran.stdout, name)["unreachable"] == 1, ran.stdout
        [line] = [each for each in ran.stdout.splitlines() if each.startswith(f"fatal: [{name}]")]
        assert words in line
        assert "may have run" in line
    # Who goes on all the same goes on with the next task.
    assert done["forgiven"] == ["begun", "after"]


LOOP = f"""
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.shell: |
        echo item-{{{{ item }}}} >> {COUNTER}
        [ {{{{ item }}}} != 2 ] || sleep 20
      loop: [1, 2, 3]
      retries: "{{{{ tries }}}}"
"""


@pytest.mark.parametrize("tries", ["0", "3"])
def test_the_middle_of_a_loop(fresh_host: Host, tmp_path: Path, tries: str):
    thread = befall(fresh_host, "item-2", kill_agent)
    ran = run_play(tmp_path, {"one": fresh_host.ansible_variables()}, LOOP, "-e", f"tries={tries}")
    thread.join()
    assert ran.returncode == 4, ran.stdout + ran.stderr
    assert recap(ran.stdout, "one")["unreachable"] == 1
    assert counted(fresh_host) == ["item-1", "item-2"]


BECOME = """
- hosts: all
  gather_facts: false
  become: true
  tasks:
    - ansible.builtin.command: id -un
      changed_when: false
"""


def test_sudo_refuses_some(lab_host: Host, tmp_path: Path):
    def variables(account: str, password: str | None) -> dict[str, str]:
        given = {} if password is None else {"ansible_become_password": password}
        return {**lab_host.ansible_variables(account), **given}

    hosts = {
        "good": variables(DEBIAN.name, None),
        "fine": variables(OPERATOR.name, OPERATOR.password),
        "wrong": variables(OPERATOR.name, "bukan ini"),
        "none": variables(OPERATOR.name, None),
        "never": variables(VISITOR.name, VISITOR.password),
    }
    ran = run_play(tmp_path, hosts, BECOME)
    assert ran.returncode == 2, ran.stdout + ran.stderr
    for name in ("good", "fine"):
        assert recap(ran.stdout, name)["ok"] == 1
    for name, words in (
        ("wrong", "incorrect sudo password for root"),
        ("none", "sudo to root on none needs a password"),
        ("never", "visitor is not in the sudoers file"),
    ):
        assert recap(ran.stdout, name)["failed"] == 1
        [line] = [each for each in ran.stdout.splitlines() if each.startswith(f"fatal: [{name}]")]
        assert words in line
    for secret in ("bukan ini", OPERATOR.password, VISITOR.password):
        assert secret not in ran.stdout + ran.stderr


OLD = "lama\nbaris\n"
FULL = """
- hosts: all
  gather_facts: false
  ignore_errors: true
  tasks:
    - ansible.builtin.copy: {content: "baru\\n", dest: /srv/isi}
    - ansible.builtin.copy: {content: "baru\\n", dest: /srv/isi, backup: true}
    - ansible.builtin.copy: {src: besar, dest: /srv/besar}
    - ansible.builtin.copy: {src: pohon/, dest: /srv/pohon/}
    - ansible.builtin.template: {src: besar.j2, dest: /srv/templat}
    - ansible.builtin.lineinfile: {path: /srv/baris, line: baru}
    - ansible.builtin.blockinfile: {path: /srv/blok, block: baru}
    - ansible.builtin.replace: {path: /srv/ganti, regexp: lama, replace: baru}
    - ansible.builtin.assemble: {src: /srv/bagian, dest: /srv/gabung}
"""
FILES = ("isi", "besar", "pohon/daun", "templat", "baris", "blok", "ganti", "gabung")


def write_sources(folder: Path) -> None:
    (folder / "pohon").mkdir()
    (folder / "pohon/daun").write_text("baru\n")
    (folder / "besar").write_bytes(b"x" * (3 << 20))
    (folder / "besar.j2").write_text("{{ 'y' * 300000 }}\n")


@pytest.fixture
def small_host(lab: Lab) -> Iterator[Host]:
    [host] = lab.up("small", disk_mb=40)
    yield host
    host.remove()


def contents(host: Host) -> str:
    return host.run("sh", "-c", "cd /srv && find . -type f -exec sha1sum {} + | sort").stdout


def test_a_full_disk_harms_no_file(small_host: Host, lab_host: Host, tmp_path: Path):
    write_sources(tmp_path)
    small_host.run("mkdir", "-p", "/srv/pohon", "/srv/bagian")
    for name in (*FILES, "bagian/satu"):
        small_host.run("sh", "-c", f"cat >/srv/{name}", stdin=OLD if name != "gabung" else "")
    before = contents(small_host)
    small_host.run("dd", "if=/dev/zero", "of=/penuh", "bs=4k", check=False)
    hosts = {"full": small_host.ansible_variables()}
    ran = run_play(tmp_path, hosts, FULL, "--format", "json")
    assert contents(small_host) == before
    results = [
        task["hosts"]["full"]["result"] for task in json.loads(ran.stdout)["plays"][0]["tasks"]
    ]
    assert [result["msg"] for result in results if not result.get("failed")] == []
    for result in results:
        assert "No space left on device" in result["msg"]
        assert "/srv/" in result["msg"]

    small_host.run("rm", "/penuh")
    ran = run_play(tmp_path, hosts, FULL)
    assert recap(ran.stdout, "full")["changed"] == 8, ran.stdout
    assert recap(ran.stdout, "full")["failed"] == 0


NOEXEC = """
- hosts: all
  gather_facts: false
  become: true
  tasks:
    - ansible.builtin.script: naskah.sh satu
    - ansible.builtin.command: cat
      args: {stdin: masuk}
    - ansible.builtin.template: {src: aturan.j2, dest: /etc/sudoers.d/uji, validate: visudo -cf %s}
    - ansible.builtin.setup: {gather_subset: [min, local]}
    - ansible.builtin.tempfile:
"""


def test_folders_for_temporary_files_that_run_nothing(fresh_host: Host, tmp_path: Path):
    (tmp_path / "naskah.sh").write_text("#!/bin/sh\necho naskah $1\n")
    (tmp_path / "aturan.j2").write_text("operator ALL=(ALL) /usr/bin/true\n")
    for folder in ("/tmp", "/var/tmp", "/root", "/home/debian"):
        fresh_host.run("sh", "-c", f"mount --bind {folder} {folder}")
        fresh_host.run("mount", "-o", "remount,bind,noexec", folder)
    ran = run_play(tmp_path, {"one": fresh_host.ansible_variables(DEBIAN.name)}, NOEXEC, "-v")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "naskah satu" in ran.stdout
    assert recap(ran.stdout, "one")["ok"] == 5


MANY = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.ping:
    - ansible.builtin.command: id -un
      become: true
      changed_when: false
    - ansible.builtin.raw: id -un
      changed_when: false
    - ansible.builtin.command: id -un
      changed_when: false
"""


def test_a_server_that_lets_in_few_at_a_time(fresh_host: Host, tmp_path: Path):
    settings = "MaxSessions 1\nMaxStartups 3:100:3\n"
    fresh_host.run("sh", "-c", "cat >/etc/ssh/sshd_config.d/few.conf", stdin=settings)
    fresh_host.run("systemctl", "reload", "ssh")
    variables: dict[str, Any] = fresh_host.ansible_variables(DEBIAN.name)
    hosts = {f"name-{number}": variables for number in range(10)}
    ran = run_play(tmp_path, hosts, MANY)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for name in hosts:
        assert recap(ran.stdout, name)["ok"] == 4
