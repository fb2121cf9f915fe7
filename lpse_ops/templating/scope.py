"""The variables of one evaluation: found by name, resolved when they are used.

A scope belongs to one call and one thread.  It knows which templates are being resolved, so one
that needs itself is an error instead of an endless loop.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from jinja2.utils import missing

from lpse_ops.marked import Map, Sealed, Seq, Text
from lpse_ops.templating.lazy import PENDING, LazyDict, LazyList


class Resolver(Protocol):
    """What a scope asks when a variable is a template, sealed, or looked up elsewhere."""

    settings: Mapping[str, Any]

    def warn(self, message: str) -> None:
        """Tell the user about something that goes on."""

    def resolve_text(self, text: Text, scope: "Scope") -> Any:
        """The value of a template, or a marker."""

    def reveal(self, sealed: Sealed) -> Any:
        """The plain text, or a marker."""

    def check_lookup(self, name: str) -> None:
        """Raise if there is no such lookup."""

    def lookup(self, name: str, terms: list[Any], options: dict[str, Any], scope: "Scope") -> Any:
        """What a lookup gives, always a list; raises what the lookup raises."""

    def render_file(
        self, path: Path, folders: tuple[Path, ...], scope: "Scope", options: dict[str, Any]
    ) -> Any:
        """What a template of the site gives; ``folders`` are where it looks for others."""

    def open_content(self, content: bytes, name: str) -> str:
        """What is in a file that may be vault-encrypted."""

    def find_file(self, folder: str, name: str) -> Any:
        """The path of a file of the site."""


class Scope:
    """Finds and resolves; ``active`` holds the ids of the templates being resolved."""

    __slots__ = ("active", "resolver", "variables")

    def __init__(self, variables: Mapping[str, Any], resolver: Resolver) -> None:
        self.variables = variables
        self.resolver = resolver
        self.active: set[int] = set()

    def find(self, name: str) -> Any:
        """The value of a variable, lazy where it can be; ``missing`` if there is none."""
        try:
            value = self.variables[name]
        except KeyError:
            return Resolved(self.variables, lambda: self) if name == "vars" else missing
        return self.resolve(value) if type(value) in PENDING else value

    def without_names(self) -> "Scope":
        """One without variables, whose templates may still look things up."""
        return Scope({}, self.resolver)

    def resolve(self, value: Any) -> Any:
        """A pending value, resolved now, or when somebody looks into it; or a marker."""
        kind = type(value)
        if kind is Text:
            return self.resolver.resolve_text(value, self)
        if kind is Map:
            return LazyDict(value, self.resolve)
        if kind is Seq:
            return LazyList(value, self.resolve)
        return self.resolver.reveal(value)


class Resolved(Mapping[str, Any]):
    """Variables as a mapping whose values are resolved, in their own scope, when they are read.

    A value that cannot be resolved is read as a marker, which is an error once it is used.
    """

    __slots__ = ("_scope", "_variables")

    def __init__(self, variables: Mapping[str, Any], scope: Callable[[], Scope]) -> None:
        """``scope`` gives the scope of one reading; a new one where threads may share this."""
        self._variables = variables
        self._scope = scope

    def __getitem__(self, name: str) -> Any:
        value = self._variables[name]
        return self._scope().resolve(value) if type(value) in PENDING else value

    def __contains__(self, name: object) -> bool:
        return name in self._variables

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)
