"""Everything that is wrong with what is read, by rule: ``validate`` collects where others stop."""

import re
from collections.abc import Mapping, Sequence

from lpse_ops.errors import OpsError
from lpse_ops.inventory.declaration import Refused
from lpse_ops.inventory.seen import Fault
from lpse_ops.marked import Origin

_PLACE = re.compile(r":(\d+)(?::(\d+))?: (.*)", re.DOTALL)


class Faults:
    """Grows while files are read; what is found twice is told once."""

    def __init__(self) -> None:
        self._found: dict[str, dict[Fault, None]] = {}

    def add(self, rule: str, origin: Origin, message: str, hint: str, subject: str = "") -> None:
        fault = Fault(origin, message, hint, subject)
        self._found.setdefault(rule, {})[fault] = None

    def refuse(self, refused: Refused) -> None:
        self.add(refused.rule, refused.origin, refused.problem, refused.hint)

    def add_error(self, rule: str, error: OpsError, file: str) -> None:
        """An error of reading a file, whose message begins with the place."""
        origin, problem = split_place(error.message, file)
        self.add(rule, origin, problem, error.hint)

    def take(self, others: "Faults") -> None:
        for rule, found in others._found.items():
            self._found.setdefault(rule, {}).update(found)

    @property
    def by_rule(self) -> Mapping[str, Sequence[Fault]]:
        return {rule: tuple(found) for rule, found in self._found.items()}


def split_place(message: str, file: str) -> tuple[Origin, str]:
    """Take the place off a message such as ``hosts.yml:3:1: problem``."""
    found = _PLACE.fullmatch(message.removeprefix(file)) if message.startswith(file) else None
    if not found:
        return Origin(file), message
    return Origin(file, int(found[1]), int(found[2] or 0)), found[3]
