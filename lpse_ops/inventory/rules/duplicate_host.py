"""A host is in the same group of one file twice, or has two ports.

The second mention changes nothing or, with variables, silently overrides the first one; a second
port is not looked at.  Often one of the two should have been another host.
"""

from collections.abc import Iterator

from lpse_ops.inventory.seen import Fault, HostSeen, Seen
from lpse_ops.marked import Origin

SEVERITY = "warning"


def check(seen: Seen) -> Iterator[Fault]:
    first: dict[tuple[str, str, str], HostSeen] = {}
    ports: dict[str, HostSeen] = {}
    for host in seen.hosts:
        before = first.setdefault((host.origin.file, host.group, host.name), host)
        with_port = ports.setdefault(host.name, host)
        if host.origin == before.origin and before is not host:
            # The file was named twice.
            continue
        if before is not host:
            problem = f"{host.name!r} is in this group already, {_place(before.origin, host)}"
            yield Fault(host.origin, problem, "remove one, or correct its name", host.name)
        elif host.port is not None and host.port != with_port.port:
            problem = (
                f"the port {host.port} of {host.name!r} counts for nothing: the host is there "
                f"already, {_place(with_port.origin, host)}"
            )
            yield Fault(host.origin, problem, f"set ansible_port: {host.port}", host.name)


def _place(origin: Origin, host: HostSeen) -> str:
    if origin.file != host.origin.file:
        return f"see {origin}"
    return f"in line {origin.line}" if origin.line != host.origin.line else "in this line"
