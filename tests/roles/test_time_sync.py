"""chrony on a real machine: it runs, asks those that it was told to ask, and serves nobody."""

import pytest

from tests.roles.running import RoleRunner
from tests.spselab.ports import answering_udp_ports

pytestmark = pytest.mark.xdist_group("roles")

# The lab's machines have no clock of their own.
LAB = {"time_sync_options": "-x"}


def test_chrony_asks_the_sources_of_the_site_and_answers_monitors(roles: RoleRunner):
    host = roles.host
    servers = [
        "192.0.2.1",
        {"address": "192.0.2.2", "nts": True},
        {"address": "192.0.2.3", "prefer": True},
    ]
    roles.prove("time_sync", {**LAB, "time_sync_servers": servers})
    shown = host.run("chronyc", "-c", "-n", "sources").stdout.splitlines()
    assert sorted(line.split(",")[2] for line in shown) == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert host.run("chronyc", "-c", "tracking").stdout.count(",") == 13
    assert host.run("chronyc", "-n", "authdata").stdout.count("NTS") == 1
    assert host.run("systemctl", "is-enabled", "chrony").stdout == "enabled\n"
    # With the packet filter of another test, or without.
    assert answering_udp_ports(host.address).get(123) != "answers"
    assert host.run("ss", "-Hlun", "sport = :123").stdout == ""
    sockets = host.run("ss", "-Hlun", "sport = :323").stdout.split()
    assert {word for word in sockets if word.endswith(":323")} == {"127.0.0.1:323", "[::1]:323"}


def test_a_mistake_reaches_no_file(roles: RoleRunner):
    before = roles.host.run("cat", "/etc/chrony/chrony.conf", check=False).stdout
    ran = roles.run("time_sync", variables={**LAB, "time_sync_make_step": "soon"})
    assert (ran.status, ran.failed) == (2, ["time_sync : Name the sources"])
    assert roles.host.run("cat", "/etc/chrony/chrony.conf", check=False).stdout == before
