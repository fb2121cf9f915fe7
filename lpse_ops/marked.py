"""Values that know where they were written: what YAML and INI files of a site are read into.

``Text`` is a string that a person wrote, so it may be a template; a plain ``str`` came from a
host or a program and is never one.  That is the whole rule of what is trusted.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Origin(NamedTuple):
    """A place in a file; ``line`` and ``column`` count from 1, 0 where there are none."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        place = f"{self.file}:{self.line}"
        return f"{place}:{self.column}" if self.column else place


class Text(str):
    """A string with its place; every operation on it gives a plain ``str``."""

    __slots__ = ("origin",)
    origin: Origin | None

    def __new__(cls, value: str, origin: Origin | None = None) -> "Text":
        text = super().__new__(cls, value)
        text.origin = origin
        return text

    def __getnewargs__(self) -> tuple[str, Origin | None]:  # type: ignore[override]
        return str(self), self.origin


class Map(dict[Any, Any]):
    """A mapping with its place; its keys are ``Text`` and so have theirs."""

    __slots__ = ("origin",)
    origin: Origin | None

    def __init__(self, *values: Any, origin: Origin | None = None) -> None:
        super().__init__(*values)
        self.origin = origin


class Seq(list[Any]):
    """A list with its place."""

    __slots__ = ("origin",)
    origin: Origin | None

    def __init__(self, *values: Any, origin: Origin | None = None) -> None:
        super().__init__(*values)
        self.origin = origin


class Sealed:
    """A ``!vault`` string: opened only when it is used, never shown."""

    __slots__ = ("ciphertext", "origin")

    def __init__(self, ciphertext: str, origin: Origin | None = None) -> None:
        self.ciphertext = ciphertext
        self.origin = origin

    def __repr__(self) -> str:
        return "<a vault-encrypted value>"


class Revealed(str):
    """The text of a ``Sealed``: a plain string, never a template, that a test can tell apart."""

    __slots__ = ()


def origin_of(value: object) -> Origin | None:
    """Where a value was written, if it knows; numbers and plain strings do not."""
    return getattr(value, "origin", None)


def key_origin(mapping: Mapping[Any, Any], key: str) -> Origin | None:
    """Where a key of a mapping was written."""
    return next((origin_of(each) for each in mapping if each == key), None)


def plain(value: Any) -> Any:
    """The same without places: what JSON, an agent or a person gets; ``Sealed`` stays as it is."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def every_text(value: Any) -> Iterator[Text]:
    """All strings in a value that a person wrote, keys included."""
    if isinstance(value, Text):
        yield value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from every_text(key)
            yield from every_text(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from every_text(each)
