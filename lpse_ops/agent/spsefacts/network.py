"""Names, listening ports and connections, as the kernel and the resolver tell them.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import contextlib
import ipaddress
import os
import re
import socket
import struct
import threading
import time
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Sequence

from lpse_ops.agent.facts.hostfiles import read_lines, read_text

_LISTEN, _ESTABLISHED = "0A", "01"
_FOLDER = "/proc/net"
_RESOLVING_SECONDS = 10.0
_MOST_LINES = 200000


class Socket(NamedTuple):
    """A line of ``/proc/net/tcp``."""

    address: str
    port: int
    peer: str
    state: str
    inode: str


def read_names(names: Iterable[str]) -> List[Dict[str, Any]]:
    """What the host's own resolver makes of names, all asked at once."""
    answers: List[Dict[str, Any]] = [{"name": name} for name in dict.fromkeys(names)]
    threads = [threading.Thread(target=_resolve, args=(each,), daemon=True) for each in answers]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + _RESOLVING_SECONDS
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))
    # Copies: a thread that is late must not change what is being sent.
    return [dict(each) if len(each) > 1 else dict(each, trouble="no answer") for each in answers]


def _resolve(answer: Dict[str, Any]) -> None:
    begun = time.monotonic()
    found: Dict[str, Any]
    try:
        addresses = {str(each[4][0]) for each in socket.getaddrinfo(answer["name"], None)}
        found = {"addresses": sorted(addresses)}
    except (OSError, UnicodeError) as error:
        found = {"trouble": str(getattr(error, "strerror", "") or error)}
    answer.update(found, seconds=round(time.monotonic() - begun, 3))


def read_ports(ports: Sequence[int]) -> Dict[str, Any]:
    """Who listens on some ports, and how many others are connected to them."""
    sockets = list(_read_sockets())
    listening = [each for each in sockets if each.state == _LISTEN and each.port in ports]
    holders = find_holders({each.inode for each in listening})
    # Behind a proxy the application's own connections are of this machine.
    peers = [each for each in sockets if each.state == _ESTABLISHED and each.port in ports]
    outside = [each for each in peers if not is_own(each.peer)]
    return {
        "listening": [
            {"port": each.port, "address": each.address, "program": holders.get(each.inode, "")}
            for each in sorted(listening)
        ],
        "connected": {
            str(port): sum(each.port == port for each in outside) for port in sorted(ports)
        },
        "connected_peers": len({each.peer for each in outside}),
    }


def is_own(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def _read_sockets() -> Iterator[Socket]:
    for name in ("tcp", "tcp6"):
        yield from parse_sockets(read_lines(f"{_FOLDER}/{name}"))


def parse_sockets(lines: Sequence[str]) -> Iterator[Socket]:
    """Lines of ``/proc/net/tcp`` or ``tcp6``, the heading left out."""
    for line in lines[1:_MOST_LINES]:
        fields = line.split()
        with contextlib.suppress(ValueError, IndexError, struct.error):
            local, port = fields[1].split(":")
            peer = fields[2].split(":")[0]
            yield Socket(
                parse_address(local), int(port, 16), parse_address(peer), fields[3], fields[9]
            )


def parse_address(text: str) -> str:
    """An address as the kernel prints it: words in the machine's own order; ValueError if none."""
    raw = bytes.fromhex(text)
    if len(raw) not in (4, 16):
        raise ValueError(text)
    words = struct.unpack(f"={len(raw) // 4}I", raw)
    address = ipaddress.ip_address(struct.pack(f">{len(words)}I", *words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def find_holders(inodes: Iterable[str]) -> Dict[str, str]:
    """Names of the programs that hold sockets open, as far as we may look."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: Dict[str, str] = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            for descriptor in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    inode = wanted.get(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
                    if inode and inode not in found:
                        found[inode] = re.sub(r"\W", "", read_text(f"/proc/{pid}/comm"))
        if len(found) == len(wanted):
            break
    return found
