"""What a lookup is called with, and how it refuses."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from lpse_ops.templating.scope import Scope

_TRUE = frozenset({"y", "yes", "on", "1", "true", "t", "1.0"})
_WHOLE = re.compile(r"([+-]?\d{1,18})(?:\.0*)?", re.ASCII)


class LookupProblem(Exception):
    """A lookup cannot do this; the message names no secret."""


@dataclass(frozen=True)
class LookupCall:
    """The terms and options of one call, already plain values."""

    name: str
    terms: list[Any]
    options: dict[str, Any]
    scope: Scope

    def find(self, folder: str, name: str) -> Path:
        """A file of the site; an OpsError if there is none."""
        path: Path = self.scope.resolver.find_file(folder, name)
        return path

    def option(self, name: str, default: Any = None) -> Any:
        return self.options.get(name, default)

    def flag(self, name: str, *, default: bool) -> bool:
        """An option that is true or false; every word that is not for true is for false."""
        value = self.options.get(name)
        return default if value is None else str(value).lower() in _TRUE

    def number(self, name: str, default: int) -> int:
        """An option that is a whole number."""
        value = self.options.get(name)
        if value is None or isinstance(value, int):
            return default if value is None else int(value)
        match = _WHOLE.fullmatch(str(value).strip())
        return int(match.group(1)) if match else self._refuse(name, "no whole number")

    def choice(self, name: str, *choices: str) -> str:
        """An option that is one of some words; the first is the default."""
        value = str(self.options.get(name, choices[0]))
        return value if value in choices else self._refuse(name, f"none of {', '.join(choices)}")

    def _refuse(self, name: str, problem: str) -> NoReturn:
        raise LookupProblem(
            f"the option {name!r} of the lookup {self.name!r} has an invalid value: "
            f"{self.options[name]!r} is {problem}"
        )

    def only(self, *names: str) -> None:
        """Refuse options that the lookup does not have."""
        unknown = sorted(set(self.options) - set(names))
        if unknown:
            raise LookupProblem(
                f"{unknown[0]!r} is not a valid option of the lookup {self.name!r}, "
                f"only: {', '.join(names)}"
            )


Lookup = Callable[[LookupCall], list[Any]]
