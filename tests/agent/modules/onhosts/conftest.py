"""Two equal hosts of the lab: one for ansible-core's modules, one for ours."""

import contextlib
import dataclasses
from collections.abc import Iterator

import pytest

from lpse_ops.remote.connect import HostLinks, open_link
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.request import RunOptions
from lpse_ops.remote.target import Become, Target
from tests.agent.modules.onhosts.sametasks import send_judge
from tests.lab.accounts import OPERATOR
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


# What ``ask_as_operator`` says of a task that has something to do.
CHECK_CHECK_RUN_AGAIN = [True, True, True, False]


def ask_as_operator(host: Host, module: str, **args: object) -> list[bool]:
    """``changed`` of a task by a sudo user with a password.

    In check mode, in check mode with a diff, for real, and again.
    """
    target = dataclasses.replace(target_of(host), user=OPERATOR.name)
    phases = [(True, False), (True, True), (False, True), (False, True)]
    with contextlib.closing(HostLinks(target)) as links:
        link = links.link(Become(password=OPERATOR.password))
        results = [
            link.run(module, args, options=RunOptions(check_mode=check, diff_mode=diff))
            for check, diff in phases
        ]
    assert not any(result.get("failed") for result in results), results
    return [result["changed"] for result in results]
