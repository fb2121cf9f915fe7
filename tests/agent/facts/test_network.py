import socket

from lpse_ops.agent.facts.netlink import Address, Route
from lpse_ops.agent.facts.network import (
    add_addresses,
    all_addresses,
    describe_default,
    parse_resolv_conf,
    read_network,
)

FIRST = Address(socket.AF_INET, 2, "eth0", "192.0.2.7", "192.0.2.255", 24, "global", False)
SECOND = Address(socket.AF_INET, 2, "eth0:1", "192.0.2.8", "", 32, "global", True)
SIXTH = Address(socket.AF_INET6, 2, "", "2001:db8::7", "", 64, "global", False)
LOOP = Address(socket.AF_INET, 1, "lo", "127.0.0.1", "", 8, "host", False)


def test_addresses_are_put_where_they_belong():
    interfaces = {"lo": {"index": 1}, "eth0": {"index": 2}}
    add_addresses(interfaces, [LOOP, FIRST, SECOND, SIXTH])
    assert interfaces["eth0"]["ipv4"] == {
        "address": "192.0.2.7",
        "broadcast": "192.0.2.255",
        "netmask": "255.255.255.0",
        "network": "192.0.2.0",
        "prefix": "24",
    }
    assert [each["address"] for each in interfaces["eth0"]["ipv4_secondaries"]] == ["192.0.2.8"]
    assert interfaces["eth0"]["ipv6"] == [
        {"address": "2001:db8::7", "prefix": "64", "scope": "global"}
    ]


def test_loopback_is_no_address_for_others():
    assert all_addresses([LOOP, FIRST, SIXTH]) == {
        "all_ipv4_addresses": ["192.0.2.7"],
        "all_ipv6_addresses": ["2001:db8::7"],
    }


def test_a_route_over_an_interface_that_is_gone():
    facts = describe_default(socket.AF_INET, Route(9999, "192.0.2.1", "192.0.2.7"), {})
    assert facts == {"interface": "", "address": "192.0.2.7", "gateway": "192.0.2.1", "alias": ""}


def test_a_bridge_and_a_bond(tmp_path):
    for folder in ("br0/bridge", "br0/brif/eth1", "bond0/bonding"):
        (tmp_path / folder).mkdir(parents=True)
    for path, text in {
        "br0/bridge/bridge_id": "8000.0\n",
        "br0/bridge/stp_state": "1\n",
        "br0/address": "02:00:00:00:00:01\n",
        "br0/flags": "0x1003\n",
        "br0/mtu": "1400\n",
        "bond0/bonding/slaves": "eth2 eth3\n",
        "bond0/bonding/mode": "802.3ad 4\n",
    }.items():
        (tmp_path / path).write_text(text)
    facts = read_network(str(tmp_path))
    assert facts["br0"]["type"] == "bridge"
    assert facts["br0"]["interfaces"] == ["eth1"]
    assert (facts["br0"]["stp"], facts["br0"]["mtu"], facts["br0"]["active"]) == (True, 1400, True)
    assert facts["bond0"]["slaves"] == ["eth2", "eth3"]
    assert facts["bond0"]["mode"] == "802.3ad"


def test_resolv_conf():
    lines = ["# a comment", "nameserver 10.0.0.1", "nameserver 10.0.0.2", "search a.id b.id"]
    lines += ["options ndots:2 rotate", "domain a.id", "", "sortlist 10.0.0.0/8"]
    assert parse_resolv_conf(lines) == {
        "nameservers": ["10.0.0.1", "10.0.0.2"],
        "search": ["a.id", "b.id"],
        "options": {"ndots": "2", "rotate": True},
        "domain": "a.id",
        "sortlist": ["10.0.0.0/8"],
    }
