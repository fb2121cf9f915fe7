"""Two equal hosts of the lab: one for ansible-core's modules, one for ours."""

from collections.abc import Iterator

import pytest

from lpse_ops.remote.connect import open_link
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.target import Target
from tests.agent.modules.onhosts.sametasks import send_judge
from tests.lab.fixtures import lab
from tests.lab.lab import Host, Lab

__all__ = ["lab"]


@pytest.fixture(scope="session")
def hosts(lab: Lab) -> Iterator[tuple[Host, Host]]:
    theirs, ours = lab.up("theirs", "ours")
    send_judge(theirs)
    yield theirs, ours
    for host in (theirs, ours):
        host.remove()


@pytest.fixture(scope="session")
def link(hosts: tuple[Host, Host]) -> Iterator[AgentLink]:
    opened = open_link(target_of(hosts[1]))
    yield opened
    opened.close()


def target_of(host: Host) -> Target:
    variables = host.ansible_variables()
    return Target(
        host.name,
        host=variables["ansible_host"],
        user=variables["ansible_user"],
        ssh_common_args=tuple(variables["ansible_ssh_common_args"].split()),
    )
