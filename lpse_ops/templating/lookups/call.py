"""What a lookup is called with, and how it refuses."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lpse_ops.templating.scope import Scope


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

    def only(self, *names: str) -> None:
        """Refuse options that the lookup does not have."""
        unknown = sorted(set(self.options) - set(names))
        if unknown:
            raise LookupProblem(
                f"{unknown[0]!r} is not a valid option of the lookup {self.name!r}, "
                f"only: {', '.join(names)}"
            )


Lookup = Callable[[LookupCall], list[Any]]
