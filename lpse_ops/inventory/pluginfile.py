"""A file that configures an inventory plugin: its options, checked, each with its place."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from lpse_ops.errors import InventoryError
from lpse_ops.marked import Map, Origin, Seq, key_origin, origin_of

_PREFIXES = ("ansible.builtin.", "ansible.legacy.")

Values = Mapping[str, Any]


class Evaluator(Protocol):
    """What evaluates templates and expressions: ``Templating``."""

    def evaluate(self, value: Any, variables: Values) -> Any: ...

    def expression(self, text: str, variables: Values) -> Any: ...

    def condition(self, expression: Any, variables: Values) -> bool: ...


def plugin_of(document: Any) -> str:
    """The name of the plugin that a document is for, short; empty when it is for none."""
    name = document.get("plugin") if isinstance(document, Map) else None
    if not name:
        return ""
    short = str(name)
    for prefix in _PREFIXES:
        short = short.removeprefix(prefix)
    return short


@dataclass(frozen=True)
class PluginFile:
    """The parsed file ``name``."""

    name: str
    config: Map

    def place(self, value: Any) -> Origin:
        return origin_of(value) or Origin(self.name)

    def check_options(self, known: Collection[str], part: Map | None = None) -> None:
        for option in self.config if part is None else part:
            if option not in known:
                near = difflib.get_close_matches(str(option), known, n=1)
                question = f"did you mean {near[0]!r}? " if near else ""
                self._fail_at(
                    self.place(option),
                    f"there is no option {str(option)!r} here",
                    hint=f"{question}options: {', '.join(sorted(known))}",
                )

    def flag(self, option: str, *, otherwise: bool = False) -> bool:
        value = self.config.get(option, otherwise)
        if not isinstance(value, bool):
            self.fail(key_origin(self.config, option), f"{option} has to be true or false")
        return value

    def mapping(self, option: str, part: Map | None = None) -> Map:
        """An option that is a mapping; empty when it is not said."""
        value = (self.config if part is None else part).get(option)
        if value is not None and not isinstance(value, Map):
            self.fail(value, f"{option} has to be a mapping")
        return value or Map()

    def entries(self, option: str, known: Collection[str], part: Map | None = None) -> list[Map]:
        """An option that is a list of mappings with ``known`` keys."""
        value = (self.config if part is None else part).get(option)
        entries = [] if value is None else value
        if not isinstance(entries, Seq | list):
            self.fail(value, f"{option} has to be a list")
        for each in entries:
            if not isinstance(each, Map):
                self.fail(each, f"each entry of {option} has to be a mapping")
            self.check_options(known, each)
        return list(entries)

    def fail(self, what: Any, problem: str) -> NoReturn:
        place = what if isinstance(what, Origin) else self.place(what)
        self._fail_at(place, problem, hint="see Ansible's documentation of this inventory plugin")

    def _fail_at(self, place: Origin, problem: str, *, hint: str) -> NoReturn:
        raise InventoryError(f"{place}: {problem}", hint=hint)
