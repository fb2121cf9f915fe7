"""TCP connections of the host, out of /proc/net/tcp and tcp6."""

import binascii
import socket
import struct
from typing import Iterator, List, NamedTuple, Set

from lpse_ops.agent.facts.hostfiles import read_lines

# Numbers of net/tcp_states.h.
STATES = {
    "ESTABLISHED": 1,
    "SYN_SENT": 2,
    "SYN_RECV": 3,
    "FIN_WAIT1": 4,
    "FIN_WAIT2": 5,
    "TIME_WAIT": 6,
}


class Connection(NamedTuple):
    """Both ends of a connection and its state's number."""

    local: str
    port: int
    remote: str
    state: int


def read_connections() -> List[Connection]:
    """All TCP connections, of both families."""
    lines = read_lines("/proc/net/tcp")[1:] + read_lines("/proc/net/tcp6")[1:]
    return list(parse_connections(lines))


def parse_connections(lines: List[str]) -> Iterator[Connection]:
    """Read lines of /proc/net/tcp without the headline."""
    for line in lines:
        fields = line.split()
        local, port = fields[1].split(":")
        remote = parse_address(fields[2].partition(":")[0])
        yield Connection(parse_address(local), int(port, 16), remote, int(fields[3], 16))


def parse_address(digits: str) -> str:
    """Read an address: words of 32 bits in the machine's order; mapped IPv4 becomes IPv4."""
    packed = binascii.unhexlify(digits)
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    data = struct.pack(f">{len(words)}I", *words)
    if len(data) == 4:
        return socket.inet_ntop(socket.AF_INET, data)
    if data.startswith(b"\0" * 10 + b"\xff\xff"):
        return socket.inet_ntop(socket.AF_INET, data[12:])
    return socket.inet_ntop(socket.AF_INET6, data)


def count_active(
    connections: List[Connection],
    *,
    port: int,
    addresses: Set[str],
    excluded: Set[str],
    states: Set[int],
) -> int:
    """Count connections to our port that others still use; the wildcard address matches all."""
    any_address = bool(addresses & {"0.0.0.0", "::"})  # noqa: S104
    return sum(
        1
        for each in connections
        if each.port == port
        and each.state in states
        and each.remote not in excluded
        and (any_address or each.local in addresses)
    )
