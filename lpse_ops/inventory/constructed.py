"""The inventory plugin ``constructed``: variables and groups that follow from other variables.

``compose`` gives variables to hosts, ``groups`` puts hosts into a group under a condition,
``keyed_groups`` into groups that are named after a value.  Hosts are those of earlier sources.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lpse_ops.errors import InventoryError, OpsError
from lpse_ops.inventory.declaration import (
    ChildStated,
    GroupStated,
    HostStated,
    Statement,
    VariableStated,
)
from lpse_ops.inventory.groupnames import safe_name
from lpse_ops.inventory.pluginfile import Evaluator, PluginFile, Values
from lpse_ops.marked import Map, Text

_FLAGS = ("strict", "use_extra_vars", "use_vars_plugins", "leading_separator")
_OPTIONS = frozenset({"plugin", "compose", "groups", "keyed_groups", *_FLAGS})
_KEYED = frozenset(
    {"key", "prefix", "separator", "parent_group", "default_value", "trailing_separator"}
)
# A value that says nothing, for which there may be a ``default_value``.
_NOTHING = (None, "")


def wants_files(config: Map) -> bool:
    """Whether ``group_vars`` and ``host_vars`` count for a file."""
    return config.get("use_vars_plugins") is True


def construct(
    file: PluginFile, hosts: Mapping[str, Values], extra: Values, templating: Evaluator
) -> Iterator[Statement]:
    """What follows for each of the ``hosts``, given with their variables so far."""
    file.check_options(_OPTIONS)
    groups = file.mapping("groups")
    compose = file.mapping("compose")
    keyed = _Keyed(file, file.flag("leading_separator", otherwise=True))
    more = extra if file.flag("use_extra_vars") else {}
    judge = _Judge(file, file.flag("strict"), templating)
    for host, variables in hosts.items():
        composed = dict(judge.composed(compose, host, {**variables, **more}))
        for name, value in composed.items():
            yield VariableStated(host, name, value)
        seen = {**variables, **composed}
        for group, condition in groups.items():
            if judge.holds(condition, host, str(group), seen):
                yield HostStated(host, safe_name(str(group)), None, file.place(group))
        for entry in file.entries("keyed_groups", _KEYED):
            yield from keyed.groups_of(host, entry, judge, {**seen, **more})


@dataclass(frozen=True)
class _Judge:
    """Evaluates; what cannot be evaluated is left out, unless ``strict``."""

    file: PluginFile
    strict: bool
    templating: Evaluator

    def composed(self, compose: Map, host: str, variables: Values) -> Iterator[tuple[Text, Any]]:
        for name, expression in compose.items():
            try:
                yield Text(str(name), self.file.place(name)), self.value(expression, variables)
            except OpsError as error:
                self.refuse(name, f"Could not set {name} for host {host}", error)

    def value(self, expression: Any, variables: Values) -> Any:
        if not isinstance(expression, Text):
            hint = "write an expression, in quotation marks if it is a number"
            raise InventoryError(f"{expression!r} is no expression", hint=hint)
        return self.templating.expression(expression, variables)

    def holds(self, condition: Any, host: str, group: str, variables: Values) -> bool:
        try:
            if not isinstance(condition, str | bool):
                raise InventoryError("a condition is one expression", hint="join them with `and`")
            return self.templating.condition(condition, variables)
        except OpsError as error:
            self.refuse(condition, f"Could not add host {host} to group {group}", error)
            return False

    def refuse(self, what: Any, problem: str, error: OpsError) -> None:
        if self.strict:
            raise InventoryError(
                f"{self.file.place(what)}: {problem}: {error.message}", hint=error.hint
            ) from error


@dataclass(frozen=True)
class _Keyed:
    """Groups that are named after values."""

    file: PluginFile
    leading_separator: bool

    def groups_of(
        self, host: str, entry: Map, judge: _Judge, variables: Values
    ) -> Iterator[Statement]:
        place = self.file.place(entry)
        if "trailing_separator" in entry and entry.get("default_value") is not None:
            self.file.fail(entry, "default_value and trailing_separator exclude each other")
        written = entry.get("key")
        try:
            value = judge.value(written, variables)
            parent = judge.templating.evaluate(entry.get("parent_group"), variables)
        except OpsError as error:
            judge.refuse(written, f"Could not generate group for host {host} from {written}", error)
            return
        if not value and judge.strict and value not in ([], {}) and not _has_default(entry, value):
            self.file.fail(entry, f"No key or key resulted empty for {written} in host {host}")
        prefix = str(entry.get("prefix", ""))
        separator = str(entry.get("separator", "_"))
        between = separator if prefix or self.leading_separator else ""
        for name in self._names(entry, value, separator):
            group = safe_name(f"{prefix}{between}{name}")
            yield HostStated(host, group, None, place)
            if parent:
                above = safe_name(str(parent))
                yield GroupStated(above, place)
                yield ChildStated(above, group, place)

    def _names(self, entry: Map, value: Any, separator: str) -> list[str]:
        """What the groups are called, before a prefix."""
        default = entry.get("default_value")
        if _has_default(entry, value):
            return [str(default)]
        if not value:
            return []
        if isinstance(value, str):
            return [str(value)]
        if isinstance(value, list):
            return [str(default if _has_default(entry, each) else each) for each in value]
        if not isinstance(value, Mapping):
            self.file.fail(entry, f"a group cannot be named after {type(value).__name__} values")
        return [self._pair(entry, str(key), each, separator) for key, each in value.items()]

    def _pair(self, entry: Map, key: str, value: Any, separator: str) -> str:
        if _has_default(entry, value):
            return f"{key}{separator}{entry['default_value']}"
        if value in _NOTHING and entry.get("trailing_separator") is False:
            return key
        return f"{key}{separator}{value}"


def _has_default(entry: Map, value: Any) -> bool:
    return value in _NOTHING and entry.get("default_value") is not None
