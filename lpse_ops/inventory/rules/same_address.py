"""Two hosts are reached at one address and port.

Mostly a line was copied and its address forgotten: every change is made twice on one machine and
never on the other.  Hosts that are reached by different means (`ansible_connection`, a jump host)
are not compared.
"""

import ipaddress
from collections.abc import Iterator, Mapping

from lpse_ops.inventory.connectionvars import HOSTS, PORTS, is_unknown_yet
from lpse_ops.inventory.seen import Cell, Fault, HostSeen, Seen
from lpse_ops.marked import Origin

SEVERITY = "warning"
_WAYS = ("ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args")
_BY_NETWORK = frozenset({"ssh", "smart", "paramiko", "paramiko_ssh"})


def check(seen: Seen) -> Iterator[Fault]:
    mentions: dict[str, HostSeen] = {}
    for host in seen.hosts:
        mentions.setdefault(host.name, host)
    taken: dict[tuple[str, ...], str] = {}
    for name, host in mentions.items():
        cells = seen.effective.get(name, {})
        where = _where(name, cells)
        other = taken.setdefault(where, name) if where else name
        if other != name:
            used = [cells[each] for each in (*HOSTS, *PORTS) if each in cells]
            is_sealed = any(cell.in_sealed_file for cell in used)
            place = "one address" if is_sealed else f"{where[0]} port {where[1]}"
            problem = f"{name!r} and {other!r} are both at {place}"
            hint = "correct the address of one, or accept that one machine has two names"
            yield Fault(_place(host, cells), problem, hint, name)


def _where(name: str, cells: Mapping[str, Cell]) -> tuple[str, ...]:
    """Address, port and way; empty where only a run can tell."""
    used = [cells[each] for each in ("ansible_connection", *HOSTS, *PORTS, *_WAYS) if each in cells]
    if any(is_unknown_yet(cell.value) for cell in used):
        return ()
    connection = str(_first(cells, ("ansible_connection",)) or "ssh").rpartition(".")[2]
    if connection not in _BY_NETWORK:
        return ()
    ways = [str(cells[each].value) for each in _WAYS if each in cells]
    address = _spelt_once(str(_first(cells, HOSTS) or name))
    return (address, str(_first(cells, PORTS) or 22).strip(), *ways)


def _spelt_once(address: str) -> str:
    """One spelling of what is one address: ``2001:DB8:0::1`` is ``2001:db8::1``."""
    plain = address.strip().lower()
    try:
        return str(ipaddress.ip_address(plain.removeprefix("[").removesuffix("]")))
    except ValueError:
        return plain


def _first(cells: Mapping[str, Cell], names: tuple[str, ...]) -> object:
    return next((cells[name].value for name in names if name in cells), None)


def _place(host: HostSeen, cells: Mapping[str, Cell]) -> Origin:
    """The address itself where it is the host's own."""
    own = (cells[name] for name in HOSTS if name in cells and cells[name].is_host)
    return next((cell.value_at for cell in own), host.origin)
