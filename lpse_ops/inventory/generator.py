"""The inventory plugin ``generator``: a host for every combination of what its layers list."""

import itertools
from collections.abc import Iterator

from lpse_ops.inventory.address import MAX_HOSTS
from lpse_ops.inventory.declaration import (
    UNGROUPED,
    ChildStated,
    GroupStated,
    HostStated,
    Statement,
    VariableStated,
)
from lpse_ops.inventory.pluginfile import Evaluator, PluginFile, Values
from lpse_ops.marked import Map, Text

_OPTIONS = frozenset({"plugin", "hosts", "layers"})
_PARTS = frozenset({"name", "parents", "vars"})


def generate(file: PluginFile, templating: Evaluator) -> Iterator[Statement]:
    """Hosts and the groups above them; a combination's values are known to all templates."""
    file.check_options(_OPTIONS)
    hosts, layers = file.mapping("hosts"), file.mapping("layers")
    for name, values in layers.items():
        if not isinstance(values, list):
            file.fail(name, f"the layer {str(name)!r} is no list")
    combinations = itertools.product(*layers.values())
    for number, combination in enumerate(combinations):
        if number == MAX_HOSTS:
            file.fail(layers, f"more than {MAX_HOSTS} hosts")
        known = dict(zip(map(str, layers), combination, strict=True))
        host = _name(file, hosts, known, templating)
        if not host:
            file.fail(hosts, "the hosts have no name")
        yield HostStated(host, UNGROUPED, None, file.place(hosts))
        yield from _parents(file, hosts, host, known, templating, is_host=True)


def _name(file: PluginFile, part: Map, known: Values, templating: Evaluator) -> str:
    file.check_options(_PARTS, part)
    name = templating.evaluate(part.get("name"), known)
    return "" if name is None else str(name)


def _parents(
    file: PluginFile,
    part: Map,
    child: str,
    known: Values,
    templating: Evaluator,
    *,
    is_host: bool = False,
) -> Iterator[Statement]:
    for parent in file.entries("parents", _PARTS, part):
        place = file.place(parent)
        group = _name(file, parent, known, templating)
        if not group:
            file.fail(parent, f"Element {child} has a parent with no name.")
        yield GroupStated(group, place)
        for key, value in file.mapping("vars", parent).items():
            # As in Ansible: templates inside of lists and mappings wait until they are used.
            found = templating.evaluate(value, known) if isinstance(value, Text) else value
            yield VariableStated(group, Text(str(key), file.place(key)), found)
        if is_host:
            yield HostStated(child, group, None, place)
        else:
            yield ChildStated(group, child, place)
        yield from _parents(file, parent, group, known, templating)
