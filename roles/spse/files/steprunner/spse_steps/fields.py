"""Values taken out of a JSON object that somebody else wrote, each checked, and none overlooked."""

import difflib
import os
import re
from typing import Any, Callable, Dict, List, Optional, Pattern, Set, Tuple, TypeVar

from spse_steps.errors import PlanError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONGEST_TEXT = 4096
_MISSING = object()

T = TypeVar("T")


class Fields:
    """The keys of one object; ``where`` is its place in the plan, e.g. ``plan.health``.

    All methods raise PlanError.  ``prefix`` goes before every path on this machine.
    """

    def __init__(self, value: Any, where: str, prefix: str = "") -> None:
        if not isinstance(value, dict):
            raise PlanError(f"{where} is not an object", hint="see README.md of the role spse")
        self._values: Dict[str, Any] = value
        self._seen: Set[str] = set()
        self._where = where
        self._prefix = prefix

    def has(self, key: str) -> bool:
        self._seen.add(key)
        return self._values.get(key) is not None

    def text(
        self, key: str, default: Any = _MISSING, *, pattern: Optional[Pattern[str]] = None
    ) -> str:
        """A text of one line, not too long."""
        value = self._take(key, default)
        if not isinstance(value, str) or len(value) > _LONGEST_TEXT or _CONTROL.search(value):
            raise self.wrong(key, "is not a text of one line")
        if pattern is not None and not pattern.fullmatch(value):
            raise self.wrong(key, f"does not look like {pattern.pattern}")
        return value

    def lines(self, key: str, default: Any = _MISSING) -> str:
        """A text of any number of lines."""
        value = self._take(key, default)
        if not isinstance(value, str) or "\0" in value:
            raise self.wrong(key, "is not a text")
        return value

    def number(self, key: str, low: int, high: int, default: Any = _MISSING) -> int:
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.wrong(key, f"is not a whole number from {low} to {high}")
        return value

    def path(self, key: str, default: Any = _MISSING) -> str:
        """An absolute path without ``..``, with the prefix before it."""
        value = self.text(key, default)
        if not value.startswith("/") or os.path.normpath(value) != value or value == "/":
            raise self.wrong(key, "is not an absolute path without .. and doubled slashes")
        return self._prefix + value

    def inner_path(self, key: str, default: Any = _MISSING) -> str:
        """A path inside a release."""
        value = self.text(key, default)
        if os.path.isabs(value) or os.path.normpath(value) != value or value.startswith("."):
            raise self.wrong(key, "is not a path inside the release")
        return value

    def texts(self, key: str, default: Any = _MISSING) -> Tuple[str, ...]:
        values = self._take(key, default)
        if not isinstance(values, (list, tuple)) or not all(isinstance(v, str) for v in values):
            raise self.wrong(key, "is not a list of texts")
        if any("\0" in value for value in values):
            raise self.wrong(key, "holds a NUL character")
        return tuple(values)

    def mapping(self, key: str) -> Tuple[Tuple[str, str], ...]:
        """Names with texts, sorted; empty when it is left out."""
        values = self._take(key, {})
        if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
            raise self.wrong(key, "is not an object of texts")
        return tuple(sorted(values.items()))

    def inner(self, key: str, parse: Callable[["Fields"], T]) -> T:
        """What ``parse`` makes of the object under this key."""
        return self._parse(self._take(key, _MISSING), f"{self._where}.{key}", parse)

    def inner_list(self, key: str, parse: Callable[["Fields"], T]) -> Tuple[T, ...]:
        values = self._take(key, [])
        if not isinstance(values, list):
            raise self.wrong(key, "is not a list")
        found: List[T] = []
        for number, value in enumerate(values):
            found.append(self._parse(value, f"{self._where}.{key}[{number}]", parse))
        return tuple(found)

    def finish(self) -> None:
        """Refuse keys that nobody asked for."""
        for key in sorted(set(self._values) - self._seen):
            near = difflib.get_close_matches(key, self._seen, 1)
            known = (
                f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(self._seen))}"
            )
            raise PlanError(f"{self._where}.{key} is not known", hint=known)

    def wrong(self, key: str, text: str) -> PlanError:
        hint = f"correct {key} in the plan file; README.md of the role spse describes it"
        return PlanError(f"{self._where}.{key} {text}", hint=hint)

    def _parse(self, value: Any, where: str, parse: Callable[["Fields"], T]) -> T:
        fields = Fields(value, where, self._prefix)
        parsed = parse(fields)
        fields.finish()
        return parsed

    def _take(self, key: str, default: Any) -> Any:
        self._seen.add(key)
        value = self._values.get(key)
        if value is None:
            if default is _MISSING:
                raise self.wrong(key, "is missing")
            return default
        return value
