"""What the rules of the fleet share: which hosts they look at, and what is said of a variable.

A value that is a template or sealed is not known without a run: no rule judges it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from lpse_ops.inventory.fleetvariables import GROUP, example_of
from lpse_ops.inventory.hostnames import without_password
from lpse_ops.inventory.seen import Cell, Fault, Seen
from lpse_ops.marked import Origin, Sealed, origin_of
from lpse_ops.templating.embedded import is_template

_LONGEST = 60
_NOWHERE = Origin("inventory")


class Said(NamedTuple):
    """One value of a variable, and the SPSE servers it holds for."""

    cell: Cell
    hosts: Sequence[str]


def servers(seen: Seen) -> Sequence[str]:
    """The SPSE servers of an inventory."""
    return seen.members.get(GROUP, ())


def said(seen: Seen, name: str) -> list[Said]:
    """The values of a variable that hold for SPSE servers, each of them once."""
    found: dict[tuple[str, Origin, Origin], tuple[Cell, list[str]]] = {}
    for host in servers(seen):
        cell = seen.effective.get(host, {}).get(name)
        if cell is not None:
            key = cell.owner, cell.name_at, cell.value_at
            found.setdefault(key, (cell, []))[1].append(host)
    return [Said(cell, hosts) for cell, hosts in found.values()]


def judged(seen: Seen, name: str) -> Iterator[Said]:
    """Those that a rule can judge: not empty, no template, not sealed."""
    return (each for each in said(seen, name) if not is_empty(each.cell.value) and is_known(each))


def is_known(each: Said) -> bool:
    return not is_open(each.cell.value)


def is_open(value: Any) -> bool:
    """Whether only a run, or who has the password, knows the value."""
    return isinstance(value, Sealed) or (isinstance(value, str) and is_template(value))


def is_empty(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, list | dict) and not value)


def missing(seen: Seen, name: str, what: str) -> Iterator[Fault]:
    """A fault wherever a variable is empty, and for each SPSE server that has none.

    When no server has it, one fault where the group is.
    """
    hint = f"write: {example_of(name)}"
    values = said(seen, name)
    for each in values:
        if is_empty(each.cell.value):
            yield Fault(each.cell.value_at, f"{name} is empty: {what}", hint, each.cell.owner)
    if not seen.is_complete:
        return
    if not values:
        yield from _nobody_has(seen, name, what, hint)
        return
    having = {host for each in values for host in each.hosts}
    places = host_places(seen)
    for host in servers(seen):
        if host not in having:
            place = places.get(host, _NOWHERE)
            yield Fault(place, f"{named(host)} has no {name}: {what}", hint, host)


def _nobody_has(seen: Seen, name: str, what: str, hint: str) -> Iterator[Fault]:
    hosts = servers(seen)
    if len(hosts) == 1:
        place = host_places(seen).get(hosts[0], _NOWHERE)
        yield Fault(place, f"{named(hosts[0])} has no {name}: {what}", hint, hosts[0])
    elif hosts:
        message = f"none of the {len(hosts)} servers of {GROUP} has {name}: {what}"
        yield Fault(group_place(seen), message, hint, GROUP)


def host_places(seen: Seen) -> dict[str, Origin]:
    """Where the inventory names each host, first of all as a server of the group."""
    places: dict[str, Origin] = {}
    for each in reversed(seen.hosts):
        places[each.name] = each.origin
    places.update({each.name: each.origin for each in reversed(seen.hosts) if each.group == GROUP})
    return places


def group_place(seen: Seen) -> Origin:
    return next((each.origin for each in seen.groups if each.name == GROUP), _NOWHERE)


def items(cell: Cell) -> list[tuple[Any, Origin]]:
    """The entries of a list with their places, or the one value there is."""
    values = cell.value if isinstance(cell.value, list) else [cell.value]
    return [(each, origin_of(each) or cell.value_at) for each in values]


def shown(value: Any, cell: Cell | None = None) -> str:
    """A value as a message may show it: in one line, never long, nothing of an encrypted file."""
    if cell is not None and cell.in_sealed_file:
        return "what is encrypted here"
    kinds: dict[type, str] = {list: "a list", dict: "a mapping", set: "a set"}
    for kind, name in kinds.items():
        if isinstance(value, kind):
            return name
    text = value if isinstance(value, str) else _as_text(value)
    text = repr(without_password(str(text))[: _LONGEST + 1])
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...'"


def named(host: str) -> str:
    """The name of a host as a message may show it."""
    name = host[:_LONGEST]
    return name if name.isprintable() else ascii(name)[1:-1]


def _as_text(value: Any) -> str:
    try:
        return str(value)
    # Python refuses to write numbers of some thousand digits.
    except ValueError:
        return "a huge number"
