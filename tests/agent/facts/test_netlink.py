import json
import shutil
import socket
import struct
import subprocess

import pytest

from lpse_ops.agent.facts.netlink import Address, Route, parse_address, parse_route, read_addresses

FIRST = Address(socket.AF_INET, 2, "eth0", "192.0.2.7", "192.0.2.255", 24, "global", False)


def attribute(kind: int, value: bytes) -> bytes:
    padding = b"\0" * (-len(value) % 4)
    return struct.pack("=HH", 4 + len(value), kind) + value + padding


def test_a_message_about_an_address():
    body = struct.pack("=BBBBI", socket.AF_INET, 24, 0x81, 0, 2)
    body += attribute(1, socket.inet_aton("192.0.2.1")) + attribute(
        2, socket.inet_aton("192.0.2.7")
    )
    body += attribute(3, b"eth0\0") + attribute(4, socket.inet_aton("192.0.2.255"))
    expected = FIRST._replace(secondary=True)
    assert parse_address(body) == expected


def test_a_message_about_another_family():
    assert parse_address(struct.pack("=BBBBI", 99, 0, 0, 0, 1)) is None


def test_a_message_about_a_route():
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, 32, 0, 0, 254, 0, 0, 1, 0)
    body += attribute(4, struct.pack("=I", 2)) + attribute(5, socket.inet_aton("192.0.2.1"))
    assert parse_route(body) == Route(2, "192.0.2.1", "")


@pytest.mark.skipif(shutil.which("ip") is None, reason="install iproute2")
def test_the_addresses_are_those_of_ip():
    told = subprocess.run(["ip", "-j", "addr"], capture_output=True, check=True)
    expected = {
        (each["ifindex"], info["local"], info["prefixlen"])
        for each in json.loads(told.stdout)
        for info in each.get("addr_info", ())
    }
    found = {(each.interface, each.address, each.prefix) for each in read_addresses()}
    assert found == expected
