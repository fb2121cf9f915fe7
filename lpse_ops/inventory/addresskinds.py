"""What an address is for: whether the internet can reach it, and if not, why."""

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_KINDS = (
    ("is an address for examples: fill in the real one",
     ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")),
    ("is this machine itself", ("127.0.0.0/8", "::1/128")),
    ("is no address of one machine",
     ("0.0.0.0/8", "::/128", "224.0.0.0/4", "ff00::/8", "255.255.255.255/32")),
    ("is known on one cable only (link-local)", ("169.254.0.0/16", "fe80::/10")),
    ("is private: the internet cannot reach it",
     ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")),
    ("is shared by the customers of a provider: the internet cannot reach it",
     ("100.64.0.0/10",)),
)  # fmt: skip
_NETWORKS: Sequence[tuple[str, tuple[Network, ...]]] = tuple(
    (why, tuple(map(ipaddress.ip_network, networks))) for why, networks in _KINDS
)


def why_not_public(asked: Address | Network) -> str:
    """Why the internet cannot reach an address or a network, or "" if it can.

    A network is judged by where it begins; one that is wider than what it lies in is not.
    """
    network = asked if isinstance(asked, Network) else ipaddress.ip_network(asked)
    for why, known in _NETWORKS:
        if any(_is_within(network, each) for each in known):
            return why
    is_public = network.is_global and not network.is_reserved
    return "" if is_public or network.prefixlen < 8 else "is reserved: the internet cannot reach it"


def _is_within(network: Network, known: Network) -> bool:
    return network.version == known.version and network.subnet_of(known)  # type: ignore[arg-type]
