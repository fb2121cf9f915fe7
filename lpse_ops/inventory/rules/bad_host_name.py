"""A name of a host that cannot be one, or that means something else in a pattern.

`root@10.0.0.1`, `db-1,` or `!db-1` are taken as they stand: the host is never reached, or
`--limit` means others.  Users and ports have variables of their own.
"""

import re
from collections.abc import Iterator

from lpse_ops.inventory.hostnames import find_fault
from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"
# What a pattern of hosts is made of, and what no program takes for a host.
_ODD = re.compile(r"[,;!&*?~\"'`$|<>(){}=%\\\x00-\x1f\x7f]|^-|\[|\]|@|/|\.\.|^\.")
_LONGEST = 253
_SHOWN = 80


def check(seen: Seen) -> Iterator[Fault]:
    """Several hosts read as one are told by ``host-without-colon``."""
    yield from seen.faults.get("bad-host-name", ())
    told: set[str] = set()
    for host in seen.hosts:
        if host.name in told or len(host.name.split()) > 1:
            continue
        told.add(host.name)
        if fault := _fault(host.name):
            yield Fault(host.origin, *fault, host.name)


def _fault(name: str) -> tuple[str, str] | None:
    found = _ODD.search(name)
    if not found and len(name) <= _LONGEST and not _has_bad_port(name):
        return None
    shown = name[:_SHOWN]
    if "@" in name or _has_bad_port(name):
        hint = find_fault(name)
        if hint and "user" in hint.message:
            return hint
        return f"{shown!r} is no name of a host", "set a port as ansible_port: 22"
    why = f": it has {found[0]!r} in it" if found else ", it is too long"
    return f"{shown!r} is no name of a host{why}", "use letters, digits, '-', '_' and '.'"


def _has_bad_port(name: str) -> bool:
    """A colon that belongs neither to a port nor to an address."""
    return name.count(":") == 1
