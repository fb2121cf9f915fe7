"""Which variable wins: every place that may set one for a host, the weakest first.

The order is Ansible's: variables of groups in the inventory, files of the group ``all``, files of
the other groups, then the same for the host; beside the playbook beats beside the inventory.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from lpse_ops.inventory.model import Assignment, Group, Host
from lpse_ops.inventory.varsfiles import VarsFile
from lpse_ops.marked import Map, Origin, Text, key_origin, origin_of


class Files(Protocol):
    """The files of one ``group_vars`` or ``host_vars`` folder: ``VarsFiles``."""

    def of(self, name: str, /) -> Sequence[VarsFile]: ...


class Place(NamedTuple):
    """A folder that may hold ``group_vars`` and ``host_vars``; ``beside`` is what stands there."""

    beside: str
    groups: Files
    hosts: Files


class Setting(NamedTuple):
    """One value that a variable was given for a host, and by what."""

    layer: str
    origin: Origin | None
    value: Any


class Layer(NamedTuple):
    """One set of variables that is laid over all before it."""

    name: str
    owner: str
    assignments: Iterable[tuple[Any, Any]]
    # Of one variable, everything that was said about it here, the last one last.
    history: Callable[[str], Iterable[Assignment]]


def group_layers(
    everything: Group, groups: Sequence[Group], inventory: Sequence[Place], play: Sequence[Place]
) -> Iterator[Layer]:
    """Layers of the group ``all`` and of the other groups, which come sorted by their rank."""
    for group in (everything, *groups):
        said = group.variables
        yield Layer(f"group {group.name}", group.name, said.every(), said.history)
    for members in ([everything], groups):
        for place in (*inventory, *play):
            for group in members:
                yield from _file_layers(f"group_vars/{group.name}", place, place.groups, group.name)


def host_layers(host: Host, inventory: Sequence[Place], play: Sequence[Place]) -> Iterator[Layer]:
    """Layers of the host itself."""
    said = host.variables
    yield Layer(f"host {host.name}", host.name, said.every(), said.history)
    for place in (*inventory, *play):
        yield from _file_layers(f"host_vars/{host.name}", place, place.hosts, host.name)


def _file_layers(what: str, place: Place, files: Files, name: str) -> Iterator[Layer]:
    for file in files.of(name):
        title = f"{what} beside the {place.beside}"
        yield Layer(title, name, file.variables.items(), _history_of(file.variables))


def _history_of(variables: Map) -> Callable[[str], Iterable[Assignment]]:
    def history(name: str) -> Iterable[Assignment]:
        if name in variables:
            yield Assignment(Text(name, key_origin(variables, name)), variables[name])

    return history


def merge(layers: Iterable[Layer], below: Map | None = None, *, merge_hashes: bool = False) -> Map:
    """Lay the layers over each other; a key has the place of the value that won.

    A mapping takes the place of another one, or with ``merge_hashes`` is laid over it in turn.
    """
    merged = Map(below or ())
    for layer in layers:
        for key, value in layer.assignments:
            # Assigning alone would keep the key, and so the place, of what is beaten.
            old = merged.pop(key, None)
            merged[key] = _blend(old, value) if merge_hashes else value
    return merged


def _blend(old: Any, new: Any) -> Any:
    """Lay one mapping over another, key by key; anything else is replaced."""
    if not isinstance(old, Map) or not isinstance(new, Map):
        return new
    blended = Map(old, origin=new.origin)
    for key, value in new.items():
        before = blended.pop(key, None)
        blended[key] = _blend(before, value)
    return blended


def explain(layers: Iterable[Layer], name: str) -> list[Setting]:
    """Everything that sets one variable, the weakest first; the last one counts.

    A file that counts twice, because inventory and playbook are in one folder, is told once.
    """
    settings: dict[object, Setting] = {}
    for layer in layers:
        for key, value in layer.history(name):
            origin = key.origin or origin_of(value)
            place = origin or len(settings)
            settings.pop(place, None)
            settings[place] = Setting(layer.name, origin, value)
    return list(settings.values())
