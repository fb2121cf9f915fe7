"""``ufw`` and ``firewalld`` of Debian on real hosts, beside the modules of the collections."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lpse_ops.remote.connect import open_link
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.request import RunOptions
from tests.agent.modules.onhosts.conftest import (
    CHECK_CHECK_RUN_AGAIN,
    ask_as_operator,
    target_of,
)
from tests.agent.modules.onhosts.sametasks import (
    Step,
    assert_same,
    do_ours,
    do_theirs,
    send_judge,
)
from tests.lab.lab import Host, Lab

pytestmark = pytest.mark.xdist_group("lab-modules")

# Files are looked at: each call of these commands takes a third of a second.
UFW_LOOK = "cat /etc/ufw/ufw.conf /etc/default/ufw; grep -h '^### tuple' /etc/ufw/user*.rules"
FOR_GOOD = "cat /etc/firewalld/zones/*.xml"


def ufw(name: str, /, **args: object) -> Step:
    return Step(f"ufw {name}", "community.general.ufw", args, UFW_LOOK)


def firewalld(name: str, /, look: str = FOR_GOOD, **args: object) -> Step:
    return Step(f"firewalld {name}", "ansible.posix.firewalld", args, look)


def both(name: str, /, **args: object) -> Step:
    now = "firewall-cmd --list-all"
    return firewalld(name, f"{FOR_GOOD}; {now}", permanent=True, immediate=True, **args)


def for_good(name: str, /, **args: object) -> Step:
    return firewalld(name, permanent=True, **args)


# Each task is many calls; the words of rules and settings are judged in ``test_ufwrules`` and
# ``test_firewalld``.  While ufw is not active it is three times as fast.
UFW_STEPS = [
    ufw("an address", rule="deny", src="10.0.0.0/8", port="514", proto="udp", comment="Block it"),
    ufw("before it", rule="deny", port="20", to="::", insert=0, insert_relative_to="first-ipv6"),
    ufw("deleted", rule="deny", src="10.0.0.0/8", port="514", proto="udp", delete=True),
    ufw("enabled", state="enabled", policy="reject", logging="high"),
    # Else nobody gets in any more.
    ufw("disabled", state="disabled"),
]
FIREWALLD_STEPS = [
    both("a service", service="https", state="enabled"),
    for_good("an interface", interface="host9", zone="dmz", state="enabled"),
    for_good("it moves", interface="host9", zone="public", state="enabled"),
    for_good(
        "a port elsewhere",
        port_forward=[{"port": 443, "proto": "tcp", "toport": 8443, "toaddr": "10.1.2.3"}],
        state="enabled",
    ),
]


def comparable(answer: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Without the programs that only the real module asks; failures in few words."""
    kept = {}
    for phase, result in answer.items():
        kept[phase] = dict(result)
        commands = [
            each
            for each in result.get("commands", ())
            if "/grep " not in each and "--version" not in each
        ]
        if "commands" in result:
            kept[phase]["commands"] = commands
        if result["failed"] and "Exception caught" in result["msg"]:
            kept[phase]["msg"] = "an exception"
    return kept


def in_turn(both: tuple[Any, Any], *argv: str) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda host: host.run(*argv, timeout_seconds=180), both))


@pytest.fixture(scope="module")
def walled(lab: Lab) -> Iterator[tuple[Host, Host]]:
    """Two hosts with both firewalls, neither of which is at work."""
    theirs, ours = lab.up("walled-theirs", "walled-ours")
    with ThreadPoolExecutor() as pool:
        list(pool.map(Host.reach_debian, (theirs, ours)))
    apt = "DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends"
    in_turn((theirs, ours), "sh", "-c", f"{apt} ufw firewalld && systemctl stop firewalld")
    send_judge(theirs)
    yield theirs, ours
    for host in (theirs, ours):
        host.remove()


@pytest.fixture(scope="module")
def walled_link(walled: tuple[Host, Host]) -> Iterator[AgentLink]:
    opened = open_link(target_of(walled[1]))
    yield opened
    opened.close()


def do_both(steps: Sequence[Step], walled: tuple[Host, Host], link: AgentLink) -> Any:
    with ThreadPoolExecutor() as pool:
        theirs = pool.submit(do_theirs, steps, walled[0])
        ours = do_ours(steps, link)
        return theirs.result(), ours


@pytest.fixture(scope="module")
def done_ufw(walled, walled_link):
    return do_both(UFW_STEPS, walled, walled_link)


@pytest.fixture(scope="module")
def done_firewalld(walled, walled_link):
    in_turn(walled, "systemctl", "start", "firewalld")
    return do_both(FIREWALLD_STEPS, walled, walled_link)


def judge(done: tuple[Any, Any], name: str) -> None:
    theirs, ours = done
    assert_same(comparable(theirs[name]), comparable(ours[name]))


@pytest.mark.parametrize("name", [step.name for step in UFW_STEPS])
def test_ufw(done_ufw, name):
    judge(done_ufw, name)


def run_each(link: AgentLink, module: str, *tasks: dict[str, object]) -> list[bool]:
    """What tasks one after the other say of ``changed``."""
    results = [link.run(module, args, options=RunOptions()) for args in tasks]
    assert not any(result.get("failed") for result in results), results
    return [result["changed"] for result in results]


def test_ufw_that_is_not_active_tells_of_its_policies(done_ufw, walled_link):
    # The real module reads them from the status, which says nothing of them then.
    policy = {"default": "allow", "direction": "routed", "logging": "full"}
    assert run_each(walled_link, "ufw", policy, policy) == [True, False]


@pytest.mark.parametrize("name", [step.name for step in FIREWALLD_STEPS])
def test_firewalld(done_firewalld, name):
    judge(done_firewalld, name)


def test_a_zone_of_firewalld_is_made_once(done_firewalld, walled_link):
    # With firewalld 1.3 the real module fails the second time.
    there = {"zone": "mine", "permanent": True, "state": "present"}
    gone = {**there, "state": "absent"}
    assert run_each(walled_link, "firewalld", there, there, gone) == [True, False, True]


def test_firewalld_that_is_off(done_firewalld, walled, walled_link):
    in_turn(walled, "systemctl", "stop", "firewalld")
    now = {"service": "http", "state": "enabled"}
    refused = walled_link.run("firewalld", now, options=RunOptions())
    assert "firewall is not currently running" in refused["msg"]
    # The real module adds it at each run, and loses what else the zone has.
    later = {**now, "permanent": True, "immediate": True, "offline": True}
    assert run_each(walled_link, "firewalld", later, later) == [True, False]
    zone = walled[1].run("cat", "/etc/firewalld/zones/public.xml").stdout
    assert '<service name="http"/>' in zone
    assert '<service name="https"/>' in zone


def test_firewalld_as_a_sudo_user(done_firewalld, walled):
    in_turn(walled, "systemctl", "start", "firewalld")
    asked = {"service": "ldap", "permanent": True, "immediate": True}
    for state in ("enabled", "disabled"):
        told = ask_as_operator(walled[1], "firewalld", state=state, **asked)
        assert told == CHECK_CHECK_RUN_AGAIN
