"""Facts that a host told, read leniently: what is missing or of another type is not known.

A host is believed as little as a file from the post: whatever it sends, reading it raises nothing.
"""

from collections.abc import Mapping
from typing import Any

_LONGEST_TEXT = 400
_MOST_PARTS = 1000


class Facts:
    """A JSON object, or what came in place of one."""

    def __init__(self, value: Any) -> None:
        self._value: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
        self._is_object = isinstance(value, Mapping)

    @property
    def trouble(self) -> str:
        """Why this side of the host could not be read; ``""`` if it could."""
        if not self._is_object:
            return "the host does not tell"
        return self.text("trouble")

    def has(self, name: str) -> bool:
        return self._value.get(name) is not None

    def inner(self, name: str) -> "Facts":
        return Facts(self._value.get(name))

    def text(self, name: str) -> str:
        value = self._value.get(name)
        return value[:_LONGEST_TEXT] if isinstance(value, str) else ""

    def whole_text(self, name: str) -> str:
        """The same, however long it is."""
        value = self._value.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> float | None:
        value = self._value.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        # Not infinite and not NaN, neither of which JSON knows and Python's reader takes.
        return value if abs(value) < 1e300 else None

    def count(self, name: str) -> int | None:
        """A number that is whole and not negative."""
        value = self.number(name)
        return int(value) if value is not None and value >= 0 else None

    def flag(self, name: str) -> bool | None:
        value = self._value.get(name)
        return value if isinstance(value, bool) else None

    def parts(self, name: str) -> list["Facts"]:
        value = self._value.get(name)
        return [Facts(each) for each in value[:_MOST_PARTS]] if isinstance(value, list) else []

    def texts(self, name: str) -> list[str]:
        value = self._value.get(name)
        listed = value[:_MOST_PARTS] if isinstance(value, list) else []
        return [each[:_LONGEST_TEXT] for each in listed if isinstance(each, str)]
