"""Inventories in YAML (and JSON) format: groups with ``hosts``, ``vars`` and ``children``."""

from collections.abc import Iterator
from typing import Any, NoReturn

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.address import MAX_HOSTS, expand_hosts
from lpse_ops.inventory.declaration import (
    ChildStated,
    GroupStated,
    HostStated,
    Statement,
    VariableStated,
    Warn,
)
from lpse_ops.marked import Map, Origin, Text, origin_of


def read_groups(document: Any, name: str, warn: Warn) -> list[Statement]:
    """Return what a parsed document says; InventoryError where it is no inventory."""
    if not document:
        raise InventoryError(
            f"{name} is empty", hint="write at least 'all:' with 'hosts:' below it"
        )
    if not isinstance(document, Map):
        raise InventoryError(
            f"{name} holds no groups but a {_kind(document)}",
            hint="begin with the name of a group, e.g. 'all:', and 'hosts:' below it",
        )
    if document.get("plugin"):
        raise InventoryError(
            f"{origin_of(document['plugin']) or name}: inventory plugins such as "
            f"{document['plugin']!r} are not supported",
            hint=f"ansible-inventory -i {name} --list --yaml --output hosts.yml writes plain hosts",
        )
    return list(_Reader(Origin(name), warn).groups(document))


class _Reader:
    def __init__(self, origin: Origin, warn: Warn) -> None:
        self._origin = origin
        self._warn = warn
        self._n_hosts = 0

    def groups(self, document: Map) -> Iterator[Statement]:
        for group, content in document.items():
            if content is None or isinstance(content, Map):
                yield from self._group(group, content or Map())
            else:
                self._warn(f"{self._place(group)}: {group!r} is no group and is left out")

    def _group(self, group: Any, content: Map) -> Iterator[Statement]:
        if not isinstance(group, Text):
            self._fail(content, f"{group!r} is no name of a group", hint=f'write "{group}"')
        yield GroupStated(group, self._place(group))
        readers = {"vars": self._vars, "children": self._children, "hosts": self._hosts}
        sections = {key: self._section(group, key, content) for key in readers if key in content}
        for key, value in content.items():
            if key in sections:
                yield from readers[key](group, sections[key])
            elif isinstance(value, Map):
                self._warn(
                    f"{self._place(key)}: {key!r} in the group {group!r} is left out; "
                    "only vars, children and hosts are known here"
                )

    def _section(self, group: Text, key: str, content: Map) -> Map:
        """Return a section as a mapping; a single word is one entry without anything below."""
        value = content[key]
        if isinstance(value, Text):
            return Map({value: None}, origin=value.origin)
        if value is not None and not isinstance(value, Map):
            self._fail(
                value,
                f"{key!r} of the group {group!r} is a {_kind(value)}, not a mapping",
                hint=f"write every entry of {key} in a line of its own that ends with ':'",
            )
        return value or Map()

    def _vars(self, group: Text, section: Map) -> Iterator[Statement]:
        for key, value in section.items():
            yield VariableStated(group, self._name(key, section), value)

    def _children(self, group: Text, section: Map) -> Iterator[Statement]:
        for child, content in section.items():
            if content is None or isinstance(content, Map):
                yield from self._group(child, content or Map())
            else:
                self._warn(f"{self._place(child)}: {child!r} is no group and is left out")
                yield GroupStated(child, self._place(child))
            yield ChildStated(group, child, self._place(child))

    def _hosts(self, group: Text, section: Map) -> Iterator[Statement]:
        for pattern, content in section.items():
            if not isinstance(pattern, Text):
                self._fail(section, f"the host {pattern!r} is no text", hint=f'write "{pattern}"')
            if content is not None and not isinstance(content, Map):
                self._fail(
                    pattern,
                    f"the variables of the host {pattern!r} are a {_kind(content)}",
                    hint="write NAME: VALUE in lines of their own below the host",
                )
            yield from self._host(group, pattern, content or Map())

    def _host(self, group: Text, pattern: Text, content: Map) -> Iterator[Statement]:
        try:
            hosts, port = expand_hosts(pattern)
        except InventoryError as error:
            self._fail(pattern, error.message, hint=error.hint)
        self._n_hosts += len(hosts)
        if self._n_hosts > MAX_HOSTS:
            self._fail(pattern, f"more than {MAX_HOSTS} hosts", hint="is it the right file?")
        for host in hosts:
            yield HostStated(host, group, port, self._place(pattern))
            for key, value in content.items():
                yield VariableStated(host, self._name(key, content), value)

    def _name(self, key: Any, section: Map) -> Text:
        if not isinstance(key, Text):
            self._fail(section, f"the variable {key!r} has no name", hint=f'write "{key}"')
        return key

    def _place(self, value: Any) -> Origin:
        return origin_of(value) or self._origin

    def _fail(self, value: Any, problem: str, *, hint: str) -> NoReturn:
        raise InventoryError(f"{self._place(value)}: {problem}", hint=hint)


def _kind(value: Any) -> str:
    names = {dict: "mapping", list: "list", str: "text", bool: "truth value", int: "number"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "single value")
