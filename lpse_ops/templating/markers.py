"""What stands for a value that is not there, or must not be there: markers and ``omit``.

A marker travels through filters and attribute access, so ``x.y.z | default(1)`` works; any real
use of it raises ``MarkerUsed``, and the evaluation that meets it last turns it into an error.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from jinja2.exceptions import UndefinedError
from jinja2.runtime import StrictUndefined
from jinja2.utils import missing

from lpse_ops.marked import Origin


class Omit:
    """The value of ``omit``: a key or an item that has it vanishes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<omit>"


OMIT = Omit()


class Source(NamedTuple):
    """A template, for the message of an error: its text, where that begins, and what it is."""

    text: str
    origin: Origin | None
    is_expression: bool = False
    is_file: bool = False


class Marker(StrictUndefined):
    """An undefined value; with ``cause``, the failure that stands where a value should be.

    ``source`` is the innermost template that it came from, ``line`` the line in it if known.
    """

    __slots__ = ("cause", "line", "source")

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: type[Any] = UndefinedError,  # noqa: ARG002
        *,
        cause: BaseException | None = None,
    ) -> None:
        super().__init__(hint, obj, name, self._used)  # type: ignore[arg-type]
        self.cause = cause
        self.source: Source | None = None
        self.line = 0

    def _used(self, _message: str) -> "MarkerUsed":
        return MarkerUsed(self)

    @property
    def message(self) -> str:
        """What is undefined, in words; never the content of a value."""
        if self.cause is not None:
            return str(self.cause) or type(self.cause).__name__
        if self._undefined_hint or self._undefined_obj is missing:
            return self._undefined_message
        kind = type_name(self._undefined_obj)
        if isinstance(self._undefined_name, str):
            return f"object of type {kind!r} has no attribute {self._undefined_name!r}"
        return f"{kind} object has no element {self._undefined_name!r}"

    @property
    def variable(self) -> str | None:
        """The name of the variable that is undefined, if it is a variable."""
        is_variable = self.cause is None and self._undefined_obj is missing
        return str(self._undefined_name) if is_variable and self._undefined_name else None

    @property
    def members(self) -> list[str]:
        """The keys that there are where one was asked for that is not."""
        parent = self._undefined_obj
        return [str(key) for key in parent] if isinstance(parent, Mapping) else []

    @property
    def word(self) -> str:
        """The word in the template that is to blame, where there is one."""
        return "" if self._undefined_name is None else str(self._undefined_name)


class MarkerUsed(UndefinedError):
    """A marker was used as if it were a value."""

    def __init__(self, marker: Marker) -> None:
        super().__init__(marker.message)
        self.marker = marker


def type_name(value: Any) -> str:
    """The name of a value's type as a person knows it: ``dict``, also for our kinds of dict."""
    for kind in (bool, int, float, str, dict, list):
        if isinstance(value, kind):
            return kind.__name__
    if isinstance(value, Mapping):
        return "dict"
    return "NoneType" if value is None else type(value).__name__
