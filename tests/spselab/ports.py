"""What of a host can be reached from outside: every TCP port, and UDP services by their own words.

assert open_tcp_ports(host.address) == {22, 80, 443}
"""

import resource
import selectors
import socket
import time
from collections.abc import Iterable

ALL_PORTS = range(1, 65536)
# Closed ports behind a firewall say nothing; in the lab an answer takes less than a millisecond.
_PATIENCE_SECONDS = 0.4
_AT_A_TIME = 8192

_DNS = bytes.fromhex("000001000001000000000000") + b"\x07version\x04bind\x00\x00\x10\x00\x03"
_SNMP = bytes.fromhex(
    "302902010104067075626c6963a01c020400000000020100020100300e300c06082b060102010101000500"
)
# What makes a service of that port answer.
UDP_QUESTIONS = {
    53: _DNS,
    69: b"\x00\x01passwd\x00octet\x00",
    111: bytes.fromhex("00000001000000000000000200018" + "6a0" + "00000002" + "00" * 20),
    123: b"\x23" + bytes(47),
    161: _SNMP,
    323: b"\x06\x01\x00\x00\x00\x21\x00\x00" + bytes(96),
    514: b"<13>lab",
    1900: b'M-SEARCH * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nMan: "ssdp:discover"\r\n\r\n',
    5353: _DNS,
    9090: b"lab",
}


def open_tcp_ports(address: str, ports: Iterable[int] = ALL_PORTS) -> set[int]:
    """Connect to the ports, thousands at a time; IPv6 link-local with its ``%interface``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, _AT_A_TIME + 1000)), hard))
    waiting, found = list(ports), set()
    while waiting:
        batch, waiting = waiting[:_AT_A_TIME], waiting[_AT_A_TIME:]
        found |= _try_ports(address, batch)
    return found


def answering_udp_ports(address: str, patience: float = 1) -> dict[int, str]:
    """Return port -> ``answers`` or ``closed`` (the host says so); who is silent is left out."""
    family, place = _resolve(address, 0)
    found = {}
    with selectors.DefaultSelector() as selector:
        for port, question in UDP_QUESTIONS.items():
            one = socket.socket(family, socket.SOCK_DGRAM)
            one.setblocking(False)
            one.connect((place[0], port, *place[2:]))
            one.send(question)
            selector.register(one, selectors.EVENT_READ, port)
        give_up = time.monotonic() + patience
        while (left := give_up - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                one = key.fileobj  # type: ignore[assignment]
                try:
                    one.recv(4096)
                    found[key.data] = "answers"
                except OSError:
                    found[key.data] = "closed"
                selector.unregister(one)
                one.close()
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
    return found


def _try_ports(address: str, ports: list[int]) -> set[int]:
    found = set()
    with selectors.DefaultSelector() as selector:
        family, place = _resolve(address, 0)
        for port in ports:
            one = socket.socket(family, socket.SOCK_STREAM)
            one.setblocking(False)
            one.connect_ex((place[0], port, *place[2:]))
            selector.register(one, selectors.EVENT_WRITE, port)
        while selector.get_map() and (events := selector.select(_PATIENCE_SECONDS)):
            for key, _ in events:
                one = key.fileobj  # type: ignore[assignment]
                if one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    found.add(key.data)
                selector.unregister(one)
                one.close()
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
    return found


def _resolve(address: str, port: int) -> tuple[int, tuple[object, ...]]:
    family, _, _, _, place = socket.getaddrinfo(address, port, type=socket.SOCK_DGRAM)[0]
    return family, place
