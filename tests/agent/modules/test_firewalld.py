"""What a task of ``firewalld`` asks for; what firewalld makes of it is in ``onhosts``."""

from typing import Any

import pytest

from lpse_ops.agent.context import Failed
from lpse_ops.agent.firewalld import FOR_GOOD, NOW, Setting, Target, Zone
from lpse_ops.agent.modules import firewalld
from tests.agent.thishost import run_task


def given(**args: Any) -> dict[str, Any]:
    table = firewalld.ARGUMENTS
    return {**{name: spec.get("default") for name, spec in table.items()}, **args}


@pytest.mark.parametrize(
    ("args", "item", "wanted", "message"),
    [
        (
            {"service": "http", "timeout": 60},
            Setting("service=http", "z", 60),
            True,
            "Changed service http to enabled",
        ),
        (
            {"port": "1-2/udp", "state": "disabled"},
            Setting("port=1-2/udp", "z"),
            False,
            "Changed port 1-2/udp to disabled",
        ),
        (
            {"protocol": "ospf"},
            Setting("protocol=ospf", "z"),
            True,
            "Changed protocol ospf to enabled",
        ),
        (
            {"port_forward": [{"port": 1, "proto": "tcp", "toport": 2}]},
            Setting("forward-port=port=1:proto=tcp:toport=2", "z"),
            True,
            "Changed port_forward port=1:proto=tcp:toport=2:toaddr= to enabled",
        ),
        (
            {"rich_rule": "rule protocol value=esp drop"},
            Setting("rich-rule=rule protocol value=esp drop", "z"),
            True,
            "Changed rich_rule rule protocol value=esp drop to enabled",
        ),
        (
            {"source": "10.0.0.0/8", "timeout": 5},
            Setting("source=10.0.0.0/8", "z"),
            True,
            "Added 10.0.0.0/8 to zone z",
        ),
        (
            {"interface": "eth0"},
            Setting("interface=eth0", "z", moves=True),
            True,
            "Changed eth0 to zone z",
        ),
        (
            {"interface": "eth0", "state": "disabled"},
            Setting("interface=eth0", "z", moves=True),
            False,
            "Removed eth0 from zone z",
        ),
        (
            {"icmp_block": "echo-request"},
            Setting("icmp-block=echo-request", "z"),
            True,
            "Changed icmp-block echo-request to enabled",
        ),
        (
            {"icmp_block_inversion": True},
            Setting("icmp-block-inversion", "z"),
            True,
            "Changed icmp-block-inversion True to enabled",
        ),
        ({"masquerade": True}, Setting("masquerade", "z"), True, "Added masquerade to zone z"),
        (
            {"masquerade": False},
            Setting("masquerade", "z"),
            False,
            "Removed masquerade from zone z",
        ),
        (
            {"forward": False, "state": "disabled"},
            Setting("forward", "z"),
            True,
            "Added forward to zone z",
        ),
        (
            {"target": "DROP", "state": "present"},
            Target("DROP", "z"),
            True,
            "Set zone z target to DROP",
        ),
        (
            {"target": "DROP", "state": "absent"},
            Target("DROP", "z"),
            False,
            "Reset zone z target to default",
        ),
        ({"state": "present"}, Zone("z"), True, "Added zone z, Changed zone z to present"),
        ({"state": "absent"}, Zone("z"), False, "Removed zone z, Changed zone z to absent"),
    ],
)
def test_the_change_that_a_task_asks_for(args, item, wanted, message):
    assert firewalld.change_of(given(**{"state": "enabled", **args}), "z") == (
        item,
        wanted,
        message,
    )


def test_a_zone_alone_can_be_neither_on_nor_off():
    assert firewalld.change_of(given(state="enabled"), "z") is None


@pytest.mark.parametrize(
    ("args", "is_running", "sides"),
    [
        ({}, True, [NOW]),
        ({"permanent": True}, True, [FOR_GOOD]),
        ({"permanent": True}, False, [FOR_GOOD]),
        ({"permanent": True, "immediate": True}, True, [FOR_GOOD, NOW]),
        ({"permanent": True, "immediate": True, "offline": True}, False, [FOR_GOOD]),
        ({"permanent": True, "immediate": True, "offline": True}, True, [FOR_GOOD, NOW]),
    ],
)
def test_the_sides_that_a_task_is_about(args, is_running, sides):
    assert firewalld.sides_of(given(**args), is_running=is_running) == sides


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"service": "x", "state": "present"}, "only be used in zone level"),
        ({"service": "x", "port": "1/tcp", "state": "enabled"}, "mutually exclusive: icmp_block|"),
        ({"interface": "x", "state": "enabled"}, "required by 'interface': zone"),
    ],
)
def test_what_does_not_go_together(args, problem, tmp_path):
    assert problem in run_task("firewalld", args, tmp_path)["msg"]


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"port": "80"}, "improper port format"),
        ({"port_forward": [{}, {}]}, "Only one port forward"),
        ({"port_forward": [{"port": 1, "toport": 2}]}, "proto udp/tcp must be specified"),
        ({"port_forward": []}, "port must be specified"),
    ],
)
def test_ports_that_are_none(args, problem):
    with pytest.raises(Failed, match=problem):
        firewalld.change_of(given(state="enabled", **args), "z")


@pytest.mark.parametrize("args", [{"offline": True}, {}, {"permanent": True, "immediate": True}])
def test_what_cannot_be_while_firewalld_is_off(args):
    with pytest.raises(Failed, match=r"offline cannot|not currently running"):
        firewalld.sides_of(given(**args), is_running=False)
