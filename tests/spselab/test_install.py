"""From a bare machine to SPSE, by our engine and by ansible-playbook: both do the same, once."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.lab.lab import Host, Lab
from tests.spselab.controller import Controller, Ended, package_variables
from tests.spselab.endstate import State, differences, read_state
from tests.spselab.installed import find_dump
from tests.spselab.ports import ALL_PORTS, answering_udp_ports, open_tcp_ports
from tests.spselab.sites import Site
from tests.standin.build import Package

pytestmark = pytest.mark.xdist_group("spse-install")

OPEN = {22, 80, 443}
# Who may listen where; whatever else does is open without need.
LISTENERS = {
    ("tcp", "22", "everywhere"): "sshd",
    ("tcp", "80", "everywhere"): "apache2",
    ("tcp", "443", "everywhere"): "apache2",
    ("tcp", "9090", "local"): "java",
    ("tcp", "5432", "local"): "postgres",
    ("udp", "323", "local"): "chronyd",
}


@dataclass(frozen=True)
class Installed:
    """Two machines, bare before: ``ours`` was installed by our program, ``theirs`` by Ansible."""

    controller: Controller
    ours: Host
    theirs: Host
    by_us: Ended
    by_them: Ended
    # Of the two, before anybody used them.
    states: tuple[State, State]


@pytest.fixture(scope="module")
def installed(
    lab: Lab, packages: dict[str, Package], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installed]:
    """Both at a time: the test has two cores."""
    ours, theirs = lab.up("bare-ours", "bare-theirs")
    package = packages["spse-4.3"]
    with ThreadPoolExecutor() as pool:
        list(pool.map(Host.reach_debian, (ours, theirs)))
        controllers = [Controller(tmp_path_factory.mktemp(host.name)) for host in (ours, theirs)]
        for controller, host in zip(controllers, (ours, theirs), strict=True):
            controller.prepare([host], {host.name: {"spse_database_dump": str(find_dump())}})
        by_us = pool.submit(controllers[0].install, package)
        by_them = pool.submit(
            controllers[1].their_playbook, "install", **package_variables(package)
        )
        ended = by_us.result(), by_them.result()
    print(f"ours {ended[0].seconds:.0f} s, theirs {ended[1].seconds:.0f} s, both at a time")
    states = read_state(ours), read_state(theirs)
    yield Installed(controllers[0], ours, theirs, *ended, states)
    ours.remove()
    theirs.remove()


def test_a_bare_machine_becomes_a_site(installed: Installed):
    assert installed.by_us.status == 0, installed.by_us.text
    assert installed.by_us.seconds < 300
    site = Site(installed.ours)
    assert site.version() == "4.3"
    assert site.health() == []
    # LKPP's rows are there, and users can work.
    assert site.data().rows["public.paket"] > 10
    content = b"penawaran" * 5000
    assert site.download(site.upload(content)) == content
    failed = site.host.run("systemctl", "--failed", "--plain", "--no-legend").stdout
    assert failed == ""


def test_installing_again_changes_nothing(installed: Installed, packages: dict[str, Package]):
    again = installed.controller.install(packages["spse-4.3"])
    assert again.status == 0, again.text
    recap = again.recap(installed.ours)
    assert (recap["changed"], recap["failed"]) == (0, 0), again.text


def test_ansible_makes_the_same_machine(installed: Installed):
    assert installed.by_them.status == 0, installed.by_them.text
    assert Site(installed.theirs).version() == "4.3"
    assert differences(*installed.states) == []


def test_nothing_is_open_that_need_not_be(installed: Installed):
    address = installed.ours.address
    assert open_tcp_ports(address) == OPEN
    assert answering_udp_ports(address) == {}
    shown = installed.ours.run("ip", "-6", "-o", "addr", "show", "dev", "host0").stdout
    six = shown.split()[3].partition("/")[0]
    assert open_tcp_ports(f"{six}%lpselab{address.split('.')[2]}", ALL_PORTS[:10_000]) == OPEN


def test_who_listens(installed: Installed):
    found = {}
    for line in installed.ours.run("ss", "-Hltnup").stdout.splitlines():
        words = line.split()
        place, _, port = words[4].rpartition(":")
        local = place.strip("[]").removeprefix("::ffff:") in ("127.0.0.1", "::1")
        program = re.findall(r'"([^"]+)"', line)
        found[(words[0], port, "local" if local else "everywhere")] = program[0]
    assert found == LISTENERS


@pytest.mark.parametrize(
    ("unit", "most"), [("spse.service", 3.0), ("lpse-ops-backup.service", 3.0)]
)
def test_the_services_are_fenced_in(installed: Installed, unit: str, most: float):
    argv = ["systemd-analyze", "security", "--no-pager", unit]
    said = installed.ours.run(*argv, check=False).stdout
    match = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert match is not None, said
    assert float(match[1]) <= most, said


def test_it_comes_up_by_itself_after_a_reboot(installed: Installed):
    installed.ours.reboot()
    site = Site(installed.ours)
    site.wait_until_up()
    assert site.health() == []
