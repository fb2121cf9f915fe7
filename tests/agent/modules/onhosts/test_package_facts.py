"""``package_facts`` on real hosts, beside ansible-core's: dpkg and apt, and rpm beside them."""

from collections.abc import Iterator

import pytest

from lpse_ops.remote.connect import open_link
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.request import RunOptions
from tests.agent.modules.onhosts.conftest import target_of
from tests.agent.modules.onhosts.sametasks import Step, assert_same, do_ours, do_theirs
from tests.lab.lab import Host

pytestmark = pytest.mark.xdist_group("lab-packages")

STEPS = [
    Step("auto", "package_facts", {}),
    Step("apt", "package_facts", {"manager": "apt", "strategy": "all"}),
]


@pytest.fixture(scope="module")
def link(hosts: tuple[Host, Host]) -> Iterator[AgentLink]:
    """Ours on ansible-core's host: what is installed there is the same for both."""
    opened = open_link(target_of(hosts[0]))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def done(hosts, link):
    return do_theirs(STEPS, hosts[0]), do_ours(STEPS, link)


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_as_ansible(done, name):
    theirs, ours = done
    assert len(ours[name]["run"]["ansible_facts"]["packages"]) > 100
    assert_same(theirs[name], ours[name])


def test_a_manager_that_is_not_there(done, link):
    failed = link.run("package_facts", {"manager": "rpm"}, options=RunOptions())
    assert failed["msg"].startswith("Could not detect a supported package manager from the")
    assert 'required executable "rpm"' in failed["warnings"][0]
    unknown = link.run("package_facts", {"manager": ["pkg5", "apt"]}, options=RunOptions())
    assert unknown["msg"].startswith("Unsupported package managers requested: pkg5; there are apt")


def test_an_rpm_that_is_none(hosts, link):
    hosts[0].run("sh", "-c", "mkdir /opt/palsu && install -m 700 /dev/null /opt/palsu/rpm")
    options = RunOptions(environment={"PATH": "${PATH}:/opt/palsu"})
    result = link.run("package_facts", {"manager": ["rpm", "apt"]}, options=options)
    assert "cannot run /opt/palsu/rpm" in result["warnings"][0]
    assert result["ansible_facts"]["packages"]["dpkg"][0]["source"] == "apt"
