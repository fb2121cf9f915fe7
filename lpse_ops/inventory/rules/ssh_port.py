"""An SPSE server whose port of SSH is not written down, or is no port.

LKPP has to be told the port, and again before it changes, so it stands in the inventory even if it
is 22.  `ansible_port` is how this machine gets there; `ssh_port` is what LKPP is told.
"""

from collections.abc import Iterator

from lpse_ops.inventory.fleet import judged, missing, shown
from lpse_ops.inventory.fleetvariables import example_of
from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"
NAME = "ssh_port"
_HIGHEST = 65535


def check(seen: Seen) -> Iterator[Fault]:
    yield from missing(seen, NAME, "LKPP has to be told the port")
    for each in judged(seen, NAME):
        problem = _problem(each.cell.value)
        if problem:
            message = f"{NAME}: {shown(each.cell.value, each.cell)} {problem}"
            yield Fault(each.cell.value_at, message, f"write: {example_of(NAME)}", each.cell.owner)


def _problem(value: object) -> str:
    if isinstance(value, str) and value.strip().isdecimal():
        return "is a text, not a number: leave the quotes out"
    if isinstance(value, bool) or not isinstance(value, int):
        return "is no number"
    return "" if 1 <= value <= _HIGHEST else f"is no port: ports are 1 to {_HIGHEST}"
