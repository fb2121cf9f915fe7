"""Addresses and routes from the kernel itself: a few netlink messages instead of programs.

rtnetlink(7); sizes and numbers are those of linux/rtnetlink.h and linux/if_addr.h.
"""

import socket
import struct
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

_GET_ADDRESS, _ADDRESS = 22, 20
_GET_ROUTE, _ROUTE = 26, 24
_DONE, _ERROR = 3, 2
_REQUEST, _DUMP = 0x1, 0x300
_HEADER = struct.Struct("=IHHII")
_ADDRESS_BODY = struct.Struct("=BBBBI")
_ROUTE_BODY = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_IFA_ADDRESS, _IFA_LOCAL, _IFA_LABEL, _IFA_BROADCAST = 1, 2, 3, 4
_RTA_DESTINATION, _RTA_INTERFACE, _RTA_GATEWAY, _RTA_PREFERRED = 1, 4, 5, 7
_IFA_F_SECONDARY = 0x01
_TABLE_LOCAL, _TYPE_LOCAL = 255, 2
_SCOPES = {0: "global", 200: "site", 253: "link", 254: "host"}
_BUFFER_BYTES = 1 << 17
_TIMEOUT_SECONDS = 2.0


class Address(NamedTuple):
    """An address of an interface."""

    family: int
    interface: int
    label: str
    address: str
    broadcast: str
    prefix: int
    scope: str
    secondary: bool


class Route(NamedTuple):
    """How the kernel would reach an address."""

    interface: int
    gateway: str
    source: str


def read_addresses() -> List[Address]:
    """All addresses of all interfaces, in the kernel's order."""
    request = _ADDRESS_BODY.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    found = []
    for kind, body in _ask(_GET_ADDRESS, _DUMP, request):
        if kind == _ADDRESS:
            address = parse_address(body)
            if address:
                found.append(address)
    return found


def read_route(family: int, destination: str) -> Optional[Route]:
    """The route to an address, or None when there is none."""
    packed = socket.inet_pton(family, destination)
    request = _ROUTE_BODY.pack(family, len(packed) * 8, 0, 0, 0, 0, 0, 0, 0)
    request += _pack_attribute(_RTA_DESTINATION, packed)
    for kind, body in _ask(_GET_ROUTE, 0, request):
        if kind == _ROUTE:
            return parse_route(body)
    return None


def read_local_networks(family: int) -> List[str]:
    """Addresses and networks that the kernel delivers to the host itself."""
    request = _ROUTE_BODY.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
    found = []
    for kind, body in _ask(_GET_ROUTE, _DUMP, request):
        if kind == _ROUTE and (body[0], body[4], body[7]) == (family, _TABLE_LOCAL, _TYPE_LOCAL):
            destination = _parse_attributes(body[_ROUTE_BODY.size :]).get(_RTA_DESTINATION)
            if destination:
                whole = "" if body[1] == len(destination) * 8 else f"/{body[1]}"
                found.append(socket.inet_ntop(family, destination) + whole)
    return sorted(set(found))


def parse_address(body: bytes) -> Optional[Address]:
    """Read one RTM_NEWADDR message."""
    family, prefix, flags, scope, interface = _ADDRESS_BODY.unpack_from(body)
    if family not in (socket.AF_INET, socket.AF_INET6):
        return None
    attributes = _parse_attributes(body[_ADDRESS_BODY.size :])
    # The local end of a point-to-point line stands in IFA_LOCAL, the peer in IFA_ADDRESS.
    packed = attributes.get(_IFA_LOCAL) or attributes.get(_IFA_ADDRESS, b"")
    broadcast = attributes.get(_IFA_BROADCAST)
    return Address(
        family=family,
        interface=interface,
        label=attributes.get(_IFA_LABEL, b"").rstrip(b"\0").decode("ascii", "replace"),
        address=socket.inet_ntop(family, packed),
        broadcast=socket.inet_ntop(family, broadcast) if broadcast else "",
        prefix=prefix,
        scope=_SCOPES.get(scope, str(scope)),
        secondary=bool(flags & _IFA_F_SECONDARY),
    )


def parse_route(body: bytes) -> Route:
    """Read one RTM_NEWROUTE message."""
    family = body[0]
    attributes = _parse_attributes(body[_ROUTE_BODY.size :])
    (interface,) = struct.unpack("=I", attributes.get(_RTA_INTERFACE, b"\0\0\0\0"))
    gateway, source = attributes.get(_RTA_GATEWAY), attributes.get(_RTA_PREFERRED)
    return Route(
        interface=interface,
        gateway=socket.inet_ntop(family, gateway) if gateway else "",
        source=socket.inet_ntop(family, source) if source else "",
    )


def _ask(kind: int, flags: int, body: bytes) -> Iterator[Tuple[int, bytes]]:
    """Send one request and give the kernel's messages; none when it refuses."""
    message = _HEADER.pack(_HEADER.size + len(body), kind, _REQUEST | flags, 1, 0) + body
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as line:
            line.settimeout(_TIMEOUT_SECONDS)
            line.send(message)
            while True:
                for answered, answer in _split(line.recv(_BUFFER_BYTES)):
                    if answered in (_DONE, _ERROR):
                        return
                    yield answered, answer
                if not flags & _DUMP:
                    return
    except OSError:
        return


def _split(data: bytes) -> Iterator[Tuple[int, bytes]]:
    while len(data) >= _HEADER.size:
        length, kind, _, _, _ = _HEADER.unpack_from(data)
        if length < _HEADER.size:
            return
        yield kind, data[_HEADER.size : length]
        data = data[_aligned(length) :]


def _parse_attributes(data: bytes) -> Dict[int, bytes]:
    found = {}
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            break
        found[kind] = data[_ATTRIBUTE.size : length]
        data = data[_aligned(length) :]
    return found


def _pack_attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value


def _aligned(length: int) -> int:
    return (length + 3) & ~3
