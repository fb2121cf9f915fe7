"""An SPSE server without an address that the internet can reach.

The official letter to LKPP names this address, bidders and LKPP's staff come to it, and checks
from outside knock there.  A private one (10.x, 172.16.x, 192.168.x) is that of the network
behind the firewall.  Write the address as the internet sees it as `spse_public_address`.
"""

import ipaddress
from collections.abc import Iterator

from lpse_ops.inventory.addresskinds import why_not_public
from lpse_ops.inventory.fleet import judged, missing, shown
from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"
NAME = "spse_public_address"
_HINT = "write the address at which the internet reaches SPSE, e.g. as `dig +short DOMAIN` shows it"


def check(seen: Seen) -> Iterator[Fault]:
    yield from missing(seen, NAME, "LKPP and bidders come to this address")
    for each in judged(seen, NAME):
        problem = _problem(each.cell.value)
        if problem:
            message = f"{NAME}: {shown(each.cell.value, each.cell)} {problem}"
            yield Fault(each.cell.value_at, message, _HINT, each.cell.owner)


def _problem(value: object) -> str:
    try:
        address = ipaddress.ip_address(str(value).strip() if isinstance(value, str) else "")
    except ValueError:
        return "is no address"
    return why_not_public(address)
