"""An address that there cannot be: four numbers of which one is over 255, a port or URL within.

Ansible takes any text and fails when it connects, as `unreachable`.  A port belongs into
`ansible_port`, a user into `ansible_user`.
"""

from collections.abc import Iterator

from lpse_ops.inventory.connectionvars import HOSTS, is_unknown_yet
from lpse_ops.inventory.hostnames import HostFault, find_fault
from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"
# What stands in an encrypted file is not told.
_SEALED = HostFault("this is no address or name of a host", "see it with lpse-ops vault edit FILE")


def check(seen: Seen) -> Iterator[Fault]:
    for cell in seen.cells:
        if cell.name not in HOSTS or is_unknown_yet(cell.value) or not isinstance(cell.value, str):
            continue
        if fault := find_fault(str(cell.value)):
            told = _SEALED if cell.in_sealed_file else fault
            yield Fault(cell.value_at, *told, cell.owner)
    yield from _names(seen)


def _names(seen: Seen) -> Iterator[Fault]:
    """Of hosts that are reached by their names, those that look like addresses."""
    told: set[str] = set()
    for host in seen.hosts:
        known = seen.effective.get(host.name, {})
        looks_so = host.name.replace(".", "").isdigit() and "." in host.name
        if looks_so and host.name not in told and not any(each in known for each in HOSTS):
            told.add(host.name)
            if fault := find_fault(host.name):
                yield Fault(host.origin, *fault, host.name)
