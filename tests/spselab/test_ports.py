"""The scan finds what listens on a machine, and what a firewall hides it does not find."""

import pytest

from tests.lab.lab import Host
from tests.spselab.ports import answering_udp_ports, open_tcp_ports

pytestmark = pytest.mark.xdist_group("spse-hosts")

LISTEN = """
import socket, sys, time
tcp = [socket.create_server(("", port)) for port in (1, 5000, 65535)]
local = socket.create_server(("127.0.0.1", 5001))
six = socket.create_server(("::", 5002), family=socket.AF_INET6)
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("", 123))
print("ready", flush=True)
while True:
    udp.sendto(b"answer", udp.recvfrom(1000)[1])
"""
HIDE = """
table inet trial {
  chain input {
    type filter hook input priority 0; policy drop;
    ct state established accept
    meta l4proto ipv6-icmp accept
    tcp dport { 22, 5000, 5002 } accept
  }
}
"""


def test_all_that_listens_is_found_and_nothing_else(fresh_host: Host):
    unit = ["systemd-run", "--quiet", "--unit=listen", "python3", "-c", LISTEN]
    fresh_host.run(*unit)
    fresh_host.run("sh", "-c", "until journalctl -u listen | grep -q ready; do sleep 0.05; done")
    assert open_tcp_ports(fresh_host.address) == {1, 22, 5000, 65535}
    udp = answering_udp_ports(fresh_host.address)
    assert udp.pop(123) == "answers"
    assert set(udp.values()) == {"closed"}

    fresh_host.run("nft", "-f", "-", stdin=HIDE)
    assert open_tcp_ports(fresh_host.address) == {22, 5000}
    assert answering_udp_ports(fresh_host.address) == {}
    assert open_tcp_ports(link_local(fresh_host), range(4990, 5010)) == {5002}


def link_local(host: Host) -> str:
    """The host's own IPv6 address, through the cable that leads to the lab."""
    shown = host.run("ip", "-6", "-o", "addr", "show", "dev", "host0", "scope", "link").stdout
    number = host.address.split(".")[2]
    return f"{shown.split()[3].partition('/')[0]}%lpselab{number}"
