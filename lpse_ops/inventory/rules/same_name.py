"""A group and a host have the same name.

Variables of that name are set for the group, also those that stand beside the host; Ansible warns.
Give one of them another name.
"""

from collections.abc import Iterator

from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "warning"


def check(seen: Seen) -> Iterator[Fault]:
    told: set[str] = set()
    for host in seen.hosts:
        if host.name in seen.members and host.name not in told:
            told.add(host.name)
            problem = f"{host.name!r} is a host and a group"
            yield Fault(host.origin, problem, "give the group another name", host.name)
