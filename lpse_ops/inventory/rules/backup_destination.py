"""The backups of an SPSE server go nowhere, or to where they are lost together with it.

A backup on the server itself dies with its disk.  The rules ask for copies on portable media, in a
safe place away from the server room: write `kept_at` for a disk that is carried there, or send a
copy to another site (`s3:`, `sftp:` to a machine that this inventory does not name).
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lpse_ops.inventory.fleet import is_empty, is_open, items, judged, missing, named, shown
from lpse_ops.inventory.fleetvariables import example_of
from lpse_ops.inventory.seen import Cell, Fault, Seen
from lpse_ops.marked import Origin, origin_of

SEVERITY = "error"
NAME = "backup_destinations"
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,20}):(.*)", re.DOTALL)
_URL_HOST = re.compile(r"(?:https?:)?(?://)?(?:[^/@\s]*@)?(\[[^\]]*\]|[^/:\s\[\]]*)")
_OWN_NAMES = ("ansible_host", "ansible_ssh_host", "spse_public_address", "spse_domain")
_LOCAL = "localhost"
_LOOPBACK = frozenset({_LOCAL, "localhost.localdomain", "ip6-localhost"})
_HINT = f"write: {example_of(NAME)}"


class Destination(NamedTuple):
    """``machine`` is "" for a folder of the server; ``is_carried``: a disk that is taken away."""

    machine: str
    is_carried: bool
    origin: Origin


def check(seen: Seen) -> Iterator[Fault]:
    yield from missing(seen, NAME, "nothing says where the backups go")
    aliases = {host: names_of(host, values) for host, values in seen.effective.items()}
    known = frozenset({_LOCAL}).union(*aliases.values())
    for cell, hosts in judged(seen, NAME):
        if not isinstance(cell.value, list):
            message = f"{NAME}: {shown(cell.value, cell)} is no list"
            yield Fault(cell.value_at, message, _HINT, cell.owner)
            continue
        found = [read_destination(*entry) for entry in items(cell)]
        yield from _no_places(cell, found)
        there = [each for each in found if each is not None]
        yield from _on_itself(cell, there, hosts, aliases)
        if len(there) == len(found) and not any(_is_away(each, known) for each in there):
            hint = "add kept_at: PLACE to a disk that is carried away, or a copy at another site"
            message = f"{NAME}: every copy is in the server room"
            yield Fault(cell.value_at, message, hint, cell.owner)


def _no_places(cell: Cell, found: list[Destination | None]) -> Iterator[Fault]:
    for (value, place), destination in zip(items(cell), found, strict=True):
        location = _location(value)
        if destination is None and not is_open(location):
            message = f"{NAME}: {shown(location, cell)} is no place for backups"
            yield Fault(place, message, _HINT, cell.owner)


def _on_itself(
    cell: Cell,
    found: list[Destination],
    hosts: Sequence[str],
    aliases: Mapping[str, frozenset[str]],
) -> Iterator[Fault]:
    hint = "send it to another machine, or to a disk that is carried away (kept_at: PLACE)"
    for one in found:
        if not one.machine and not one.is_carried:
            message = f"{NAME}: this folder is on the server itself"
            yield Fault(one.origin, message, hint, cell.owner)
            continue
        # The name of another host in the inventory may be a second name of the same machine.
        same = _all_names(one.machine, aliases) if one.machine else frozenset()
        for host in hosts:
            if one.machine == _LOCAL or same & aliases.get(host, frozenset()):
                message = f"{NAME}: {shown(one.machine, cell)} is {named(host)} itself"
                yield Fault(one.origin, message, hint, host)


def _is_away(one: Destination, known: frozenset[str]) -> bool:
    return one.is_carried or (bool(one.machine) and one.machine not in known)


def _all_names(machine: str, aliases: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset({machine}) | aliases.get(machine, frozenset())


def names_of(host: str, values: Mapping[str, Cell]) -> frozenset[str]:
    """Everything that one machine is called in an inventory: name, addresses, domain."""
    cells = [values[name] for name in _OWN_NAMES if name in values]
    said = [str(cell.value)[:300] for cell in cells if not is_empty(cell.value)]
    return frozenset(_normal(each) for each in (host, *said))


def read_destination(value: Any, place: Origin) -> Destination | None:
    """One entry of the list; None where it is none, or only a run knows it."""
    location = _location(value)
    if not isinstance(location, str) or not location.strip() or is_open(location):
        return None
    machine = machine_of(location.strip())
    if machine is None:
        return None
    return Destination(machine, _kept_at(value), origin_of(location) or place)


def _location(value: Any) -> Any:
    return value.get("location") if isinstance(value, dict) else value


def _kept_at(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    disk = value.get("disk")
    inner = disk.get("kept_at") if isinstance(disk, dict) else None
    return not is_empty(value.get("kept_at")) or not is_empty(inner)


def machine_of(location: str) -> str | None:
    """The machine of a location, "" for a folder of the server, None where it is neither."""
    found = _SCHEME.fullmatch(location)
    scheme, rest = (found[1], found[2]) if found else ("local", location)
    if scheme == "local":
        return "" if rest.startswith("/") else None
    if scheme not in ("sftp", "s3", "rest"):
        return None
    host = _URL_HOST.match(rest)
    name = _normal(host[1]) if host else ""
    return name or None


def _normal(name: str) -> str:
    """One spelling for each machine: no brackets, no capitals, addresses in short."""
    name = name.strip().strip("[]").rstrip(".").lower()
    if name in _LOOPBACK:
        return _LOCAL
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name
    return _LOCAL if address.is_loopback else str(address)
