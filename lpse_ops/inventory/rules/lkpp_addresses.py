"""LKPP's networks are not known, or are not what they should be.

LKPP must be able to reach an SPSE server, and by SSH nobody else should: its networks fence the
access.  They stand in `lkpp_addresses`, or in `lpse-ops.yml` under `lkpp: addresses:`.  A network
with bits behind its mask (203.0.113.5/28) makes OpenSSH refuse everybody; a wide one is no
fence.
"""

import ipaddress
from collections.abc import Iterator

from lpse_ops.inventory.addresskinds import Network, why_not_public
from lpse_ops.inventory.fleet import group_place, is_open, items, judged, missing, servers, shown
from lpse_ops.inventory.fleetvariables import GROUP, example_of
from lpse_ops.inventory.seen import Cell, Fault, Seen
from lpse_ops.marked import Origin

SEVERITY = "error"
NAME = "lkpp_addresses"
# More addresses than an office has: a fence for everybody.
_WIDEST = {4: 24, 6: 48}
_ASK = "ask LKPP for the networks it connects from; write them as NETWORK/BITS"


def check(seen: Seen) -> Iterator[Fault]:
    if not servers(seen):
        return
    if not seen.lkpp_addresses:
        yield from missing(seen, NAME, "without it there is no fence for LKPP's access")
    values = list(judged(seen, NAME))
    for each in values:
        owner = each.cell.owner
        if not isinstance(each.cell.value, list):
            message = f"{NAME}: {shown(each.cell.value, each.cell)} is no list"
            yield Fault(each.cell.value_at, message, f"write: {example_of(NAME)}", owner)
            continue
        for value, place in items(each.cell):
            yield from _faults(value, place, each.cell)
    if not values:
        for text in seen.lkpp_addresses:
            yield from _faults(text, group_place(seen), None)


def _faults(value: object, place: Origin, cell: Cell | None) -> Iterator[Fault]:
    if is_open(value):
        return
    problem, hint = _problem(value)
    if problem:
        owner = cell.owner if cell else GROUP
        yield Fault(place, f"{NAME}: {shown(value, cell)} {problem}", hint, owner)


def _problem(value: object) -> tuple[str, str]:
    """What is wrong with one network, and what to write; "" where it is right."""
    text = value.strip() if isinstance(value, str) else ""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return "is no network", _ASK
    address = ipaddress.ip_address(text.partition("/")[0])
    if network.prefixlen < _WIDEST[network.version]:
        return f"lets {_many(network)} addresses in", _ASK
    why = why_not_public(network)
    if why:
        return why, _ASK
    if address != network.network_address:
        return "has bits behind its mask: OpenSSH then refuses everybody", f"write {network}"
    return "", ""


def _many(network: Network) -> str:
    bits = network.max_prefixlen - network.prefixlen
    return f"{2**bits:,}".replace(",", " ") if bits <= 32 else f"2^{bits}"
