"""Hosts on several lines that are one host, because a colon is missing.

In YAML two lines without a colon at their end are one text.  Ansible then has one host with a
space in its name and never tells: the hosts that were meant are not managed.  End the line of
every host with `:`.
"""

from collections.abc import Iterator

from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"


def check(seen: Seen) -> Iterator[Fault]:
    for host in seen.hosts:
        words = host.name.split()
        if len(words) > 1:
            problem = f"{len(words)} hosts are read as one, {' '.join(words)!r}"
            hint = f"write every host in a line of its own that ends with ':', as {words[0]}:"
            yield Fault(host.origin, problem, hint, host.name)
