"""Inventories in YAML (and JSON) format: groups with ``hosts``, ``vars`` and ``children``."""

from collections.abc import Iterator
from typing import Any

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.address import MAX_HOSTS, expand_hosts
from lpse_ops.inventory.declaration import (
    ChildStated,
    GroupStated,
    HostStated,
    Refuse,
    Refused,
    Statement,
    VariableStated,
    Warn,
    raise_at_once,
)
from lpse_ops.inventory.places import Places
from lpse_ops.marked import Map, Origin, Text, origin_of

_WRONG = "wrong-structure"


def read_groups(document: Any, name: str, warn: Warn) -> list[Statement]:
    """Return what a parsed document says; InventoryError where it is no inventory."""

    def leave_out(refused: Refused) -> None:
        warn(refused.message)

    return read_groups_leniently(document, name, raise_at_once, leave_out, Places())


def read_groups_leniently(
    document: Any, name: str, refuse: Refuse, leave_out: Refuse, places: Places
) -> list[Statement]:
    """Return what can be understood; ``leave_out`` is told what Ansible leaves out as well."""
    try:
        _check_document(document, name)
    except Refused as refused:
        refuse(refused)
        return []
    return list(_Reader(Origin(name), refuse, leave_out, places).groups(document))


def _check_document(document: Any, name: str) -> None:
    if not document:
        hint = "write at least 'all:' with 'hosts:' below it"
        raise _NoGroups(Origin(name), "is empty", hint=hint)
    if not isinstance(document, Map):
        raise _NoGroups(
            origin_of(document) or Origin(name),
            f"holds no groups but a {_kind(document)}",
            hint="begin with the name of a group, e.g. 'all:', and 'hosts:' below it",
        )
    if document.get("plugin"):
        plugin = document["plugin"]
        raise Refused(
            origin_of(plugin) or Origin(name),
            f"inventory plugins such as {plugin!r} are not supported",
            hint=f"ansible-inventory -i {name} --list --yaml --output hosts.yml writes plain hosts",
            rule=_WRONG,
        )


class _NoGroups(Refused):
    """Of a whole file: its name says where."""

    def __init__(self, origin: Origin, problem: str, *, hint: str) -> None:
        super().__init__(origin, f"this file {problem}", hint=hint, rule=_WRONG)
        self.message = f"{origin.file} {problem}"


class _Reader:
    """Gives statements; ``refuse`` may raise, and otherwise the rest is read on."""

    def __init__(self, origin: Origin, refuse: Refuse, leave_out: Refuse, places: Places) -> None:
        self._origin = origin
        self._refuse = refuse
        self._leave_out = leave_out
        self._places = places
        self._n_hosts = 0

    def groups(self, document: Map) -> Iterator[Statement]:
        for group, content in document.items():
            if content is None or isinstance(content, Map):
                yield from self._group(group, content or Map(), document)
            else:
                self._no_group(group, document)

    def _group(self, group: Any, content: Map, section: Map) -> Iterator[Statement]:
        if not isinstance(group, Text):
            place = self._key_place(group, section)
            self._fail(place, f"{group!r} is no name of a group", hint=f'write "{group}"')
            return
        yield GroupStated(group, self._place(group))
        readers = {"vars": self._vars, "children": self._children, "hosts": self._hosts}
        sections = {key: self._section(group, key, content) for key in readers if key in content}
        for key, value in content.items():
            if key in sections:
                yield from readers[key](group, sections[key])
            elif isinstance(value, Map):
                self._unknown_section(group, key, content)

    def _unknown_section(self, group: Text, key: Any, content: Map) -> None:
        problem = f"{key!r} in the group {group!r} is left out; "
        self._leave_out(
            Refused(
                self._key_place(key, content),
                f"{problem}only vars, children and hosts are known here",
                hint=f"if {str(key)!r} is a group, write it below children:; a host, below hosts:",
                rule="unknown-section",
            )
        )

    def _no_group(self, group: Any, section: Map) -> None:
        self._leave_out(
            Refused(
                self._key_place(group, section),
                f"{group!r} is no group and is left out",
                hint="write hosts:, vars: or children: below a group",
                rule=_WRONG,
            )
        )

    def _section(self, group: Text, key: str, content: Map) -> Map:
        """Return a section as a mapping; a single word is one entry without anything below."""
        value = content[key]
        if isinstance(value, Text):
            return Map({value: None}, origin=value.origin)
        if value is not None and not isinstance(value, Map):
            self._fail(
                origin_of(value) or self._places.of_value(content, key) or self._origin,
                f"{key!r} of the group {group!r} is a {_kind(value)}, not a mapping",
                hint=f"write every entry of {key} in a line of its own that ends with ':'",
            )
            return Map()
        return value or Map()

    def _vars(self, group: Text, section: Map) -> Iterator[Statement]:
        yield from self._variables(group, section)

    def _variables(self, owner: str, section: Map) -> Iterator[Statement]:
        for key, value in section.items():
            if isinstance(key, Text):
                yield VariableStated(owner, key, value)
            else:
                place = self._key_place(key, section)
                self._fail(place, f"the variable {key!r} has no name", hint=f'write "{key}"')

    def _children(self, group: Text, section: Map) -> Iterator[Statement]:
        for child, content in section.items():
            if content is None or isinstance(content, Map):
                yield from self._group(child, content or Map(), section)
                if not isinstance(child, Text):
                    continue
            else:
                self._no_group(child, section)
                yield GroupStated(child, self._place(child))
            yield ChildStated(group, child, self._place(child))

    def _hosts(self, group: Text, section: Map) -> Iterator[Statement]:
        for pattern, content in section.items():
            if not isinstance(pattern, Text):
                place = self._key_place(pattern, section)
                self._fail(place, f"the host {pattern!r} is no text", hint=f'write "{pattern}"')
                continue
            if content is not None and not isinstance(content, Map):
                self._fail(
                    self._place(pattern),
                    f"the variables of the host {pattern!r} are a {_kind(content)}",
                    hint="write NAME: VALUE in lines of their own below the host",
                )
                content = Map()
            yield from self._host(group, pattern, content or Map())

    def _host(self, group: Text, pattern: Text, content: Map) -> Iterator[Statement]:
        try:
            hosts, port = expand_hosts(pattern)
        except InventoryError as error:
            self._fail(self._place(pattern), error.message, hint=error.hint, rule="bad-host-name")
            return
        self._n_hosts += len(hosts)
        if self._n_hosts > MAX_HOSTS:
            problem = f"more than {MAX_HOSTS} hosts"
            self._fail(self._place(pattern), problem, hint="is it the right file?")
            return
        for host in hosts:
            yield HostStated(host, group, port, self._place(pattern))
            yield from self._variables(host, content)

    def _place(self, value: Any) -> Origin:
        return origin_of(value) or self._origin

    def _key_place(self, key: Any, section: Map) -> Origin:
        return self._places.of_key(section, key) or self._place(section)

    def _fail(self, place: Origin, problem: str, *, hint: str, rule: str = _WRONG) -> None:
        self._refuse(Refused(place, problem, hint=hint, rule=rule))


def _kind(value: Any) -> str:
    names = {dict: "mapping", list: "list", str: "text", bool: "truth value", int: "number"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "single value")
