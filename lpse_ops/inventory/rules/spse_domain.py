"""An SPSE server without a domain name, or with one that cannot exist.

Letters, certificates and checks from outside use the domain.  Write the name alone as
`spse_domain`, without `https://`; under the central domain also `spse.inaproc.id/contohkab`.
"""

import ipaddress
import re
from collections.abc import Iterator

from lpse_ops.inventory.fleet import judged, missing, shown
from lpse_ops.inventory.fleetvariables import example_of
from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"
NAME = "spse_domain"
# Since 2024 LKPP gives every LPSE a path of this domain.
CENTRAL = "spse.inaproc.id"
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", re.ASCII)
_PATH = re.compile(r"[\w.-]{1,63}", re.ASCII)
_LONGEST = 253


def check(seen: Seen) -> Iterator[Fault]:
    yield from missing(seen, NAME, "letters, certificates and checks from outside need it")
    for each in judged(seen, NAME):
        problem = why_no_domain(each.cell.value)
        if problem:
            message = f"{NAME}: {shown(each.cell.value, each.cell)} {problem}"
            yield Fault(each.cell.value_at, message, f"write: {example_of(NAME)}", each.cell.owner)


def why_no_domain(value: object) -> str:
    """Why a value is no domain name, or ""."""
    if not isinstance(value, str):
        return "is no domain name"
    if "://" in value:
        return "is an address of the web, not a domain name"
    name, slash, path = value.partition("/")
    if slash and not (name.lower() == CENTRAL and _PATH.fullmatch(path)):
        return "has a path behind the domain name"
    return _why_no_name(name.removesuffix("."))


def _why_no_name(name: str) -> str:
    if _is_address(name):
        return "is an address, not a domain name"
    labels = name.split(".") if len(name) <= _LONGEST else []
    if not labels or not all(map(_LABEL.fullmatch, labels)):
        return "is no domain name"
    return "" if len(labels) > 1 and not labels[-1].isdigit() else "is no full domain name"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
