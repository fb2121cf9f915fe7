"""Machines that are installed alike are told so, and every single change is named."""

import copy

import pytest

from tests.lab.lab import Host, Lab
from tests.spselab.endstate import Excuse, differences, every_difference, read_state

pytestmark = pytest.mark.xdist_group("spse-hosts")

LISTEN = """systemd-run --quiet python3 -c 'import socket, time
s = socket.create_server(("", 99))
time.sleep(999)'
until ss -Hltn | grep -q :99; do sleep 0.05; done"""
CHANGES = {
    "echo more >>/etc/issue": "files: /etc/issue: ",
    "chmod 600 /etc/motd": "files: /etc/motd: has 0o644 root:root ",
    "mkdir -p /home/file && chown 1:1 /home/file && ln -s x /etc/own": "files: /etc/own: ",
    "useradd --system other": "accounts: other: has nothing",
    "systemctl stop cron": "units: cron.service now: has active running",
    "systemctl disable rsyslog": "units: rsyslog.service: has enabled, the other disabled",
    "apt-get install -qy lab-hello": "packages: lab-hello: has nothing, the other 2.0 ",
    "sysctl -qw net.ipv4.ip_forward=1": "sysctl: net.ipv4.ip_forward: has 0, the other 1",
    "nft add table inet trial": "nft: 0 table inet trial {",
    "echo MaxAuthTries 2 >/etc/ssh/sshd_config.d/x.conf": "sshd: maxauthtries: has 6, the other 2",
    LISTEN: "sockets: tcp 0.0.0.0:99: ",
}


def test_every_change_is_named(lab: Lab):
    one, other = lab.up("alike-one", "alike-two")
    for host in (one, other):
        host.run("systemctl", "is-system-running", "--wait", check=False)
    before = read_state(one)
    assert differences(before, read_state(other)) == []
    # Not for want of looking.
    assert {len(before[name]) > 20 for name in ("files", "units", "packages", "sysctl")} == {True}
    assert {"tcp 0.0.0.0:22"} <= set(before["sockets"])
    # What is excused does differ.
    assert any("ssh_host" in line for line in every_difference(before, read_state(other)))
    for command in CHANGES:
        other.run("sh", "-c", command)
    found = differences(before, read_state(other))
    for start in CHANGES.values():
        assert any(line.startswith(start) for line in found), (start, found)
    one.remove()
    other.remove()


def test_a_secret_that_differs_is_no_difference_of_what_it_is_in(fresh_host: Host):
    write = "umask 077; mkdir -p /etc/lpse-ops; echo $1 >/etc/lpse-ops/database.password; {}"
    config = "echo db=postgres://epns:$1@localhost/x >/etc/app.conf"
    states = []
    for secret in ("kata-sandi-satu", "kata-sandi-dua"):
        fresh_host.run("sh", "-c", write.format(config), "sh", secret)
        states.append(read_state(fresh_host))
    assert differences(*states) == []
    assert len(every_difference(*states)) == 0


def test_an_excuse_is_for_one_thing_only():
    one = {"files": {"/etc/key": "1", "/etc/keys": "1"}, "units": {"a": "on"}}
    other = copy.deepcopy(one)
    other["files"].update({"/etc/key": "2", "/etc/keys": "2"})
    del other["units"]
    excuse = Excuse(r"files: /etc/key$", "made by chance")
    assert differences(one, other, [excuse]) == [
        "files: /etc/keys: has 1, the other 2",
        "units: a: has on, the other nothing",
    ]
