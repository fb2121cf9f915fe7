"""A whole host: its facts beside ansible-core's on the same one, and a reboot."""

import contextlib
import time

import pytest

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.connect import open_link
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.request import RunOptions
from tests.agent.modules.onhosts.conftest import target_of
from tests.agent.modules.onhosts.sametasks import Step, do_theirs
from tests.agent.modules.test_setup import comparable
from tests.lab.lab import Host

pytestmark = pytest.mark.xdist_group("lab-modules")


def test_facts_as_ansible(hosts):
    judged = hosts[0]
    link = open_link(target_of(judged))
    ours, theirs = {}, {}
    # Hosts share the loop devices of this machine: others plug disks while we look.
    for _ in range(4):
        ours = link.run("setup", {}, options=RunOptions())["ansible_facts"]
        theirs = do_theirs([Step("facts", "setup", {})], judged)["facts"]["run"]["ansible_facts"]
        if comparable(ours) == comparable(theirs):
            break
    link.close()
    assert comparable(ours) == comparable(theirs)
    assert ours["ansible_service_mgr"] == "systemd"
    assert ours["ansible_systemd"]["version"] >= 252


def open_link_in_time(host: Host) -> AgentLink:
    """A link to a host whose sshd is still on its way."""
    give_up = time.monotonic() + 20
    while True:
        try:
            return open_link(target_of(host))
        except HostUnreachable:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.1)


def test_reboot_and_after_it(lab):
    [host] = lab.up("reboots")
    link = open_link(target_of(host))
    before = link.run("reboot", {"_step": "status"}, options=RunOptions())
    # It may be gone before it can answer.
    with contextlib.suppress(HostUnreachable):
        link.run("reboot", {}, options=RunOptions())
    link.close()
    host.wait_for_boot(after=before["boot_time"])
    link = open_link_in_time(host)
    args = {"_step": "status", "_boot_time": before["boot_time"], "test_command": "whoami"}
    after = link.run("reboot", args, options=RunOptions())
    link.close()
    host.remove()
    assert after["is_up"]
    assert after["boot_time"] != before["boot_time"]
    assert after["stdout"] == "root"
