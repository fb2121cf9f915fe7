"""A port that there cannot be.

Ports are from 1 to 65535.
"""

from collections.abc import Iterator

from lpse_ops.inventory.connectionvars import PORTS
from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "error"
_HINT = "write a port from 1 to 65535; ssh listens on 22 unless somebody changed that"


def check(seen: Seen) -> Iterator[Fault]:
    """What is no number at all is told by ``wrong-type``."""
    for cell in seen.cells:
        number = _number(cell.value) if cell.name in PORTS else None
        if number is not None and not 1 <= number <= 65535:
            shown = "this" if cell.in_sealed_file else str(number)
            yield Fault(cell.value_at, f"{shown} is no port", _HINT, cell.owner)
    for host in seen.hosts:
        if host.port is not None and not 1 <= host.port <= 65535:
            yield Fault(host.origin, f"{host.port} is no port", _HINT, host.name)


def _number(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip() if isinstance(value, str) else ""
    # Python refuses to read numbers of some thousand digits; the first ones tell enough.
    return int(text.lstrip("0")[:20] or "0") if text.isascii() and text.isdigit() else None
