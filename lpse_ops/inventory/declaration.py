"""What an inventory source says, statement by statement: where all formats meet."""

from collections.abc import Callable
from typing import Any, NamedTuple

from lpse_ops.errors import InventoryError
from lpse_ops.marked import Map, Origin, Text

ALL = "all"
UNGROUPED = "ungrouped"

Warn = Callable[[str], None]
# Decrypts the content of a vault-encrypted file; the second argument is its name.
OpenSealed = Callable[[bytes, str], bytes]
# A mapping, a key of it, and the places of the key and of its value; INI has no mapping.
Note = Callable[[Map | None, Any, Origin, Origin], None]


class Refused(InventoryError):
    """Something in a source that is not understood; ``rule`` is what ``validate`` calls it."""

    def __init__(self, origin: Origin, problem: str, *, hint: str, rule: str) -> None:
        super().__init__(f"{origin}: {problem}", hint=hint)
        self.origin = origin
        self.problem = problem
        self.rule = rule


# What is done about something that is refused: raise it, or remember it and read on.
Refuse = Callable[[Refused], None]


def raise_at_once(refused: Refused) -> None:
    raise refused


def note_nothing(_mapping: Map | None, _key: Any, _key_at: Origin, _value_at: Origin) -> None:
    """Who reads an inventory to use it needs no places of numbers."""


class Policy(NamedTuple):
    """What is let pass.

    ``missing_warns``: a source that is not there is left out with a warning, as in Ansible.
    ``none_warns``: so is told that there is no source at all.  ``group_names``: ``groupnames``.
    """

    missing_warns: bool = False
    none_warns: bool = False
    group_names: str = "never"


class GroupStated(NamedTuple):
    """There is a group."""

    group: str
    origin: Origin


class HostStated(NamedTuple):
    """There is a host, in a group."""

    host: str
    group: str
    port: int | None
    origin: Origin


class ChildStated(NamedTuple):
    """All hosts of one group belong to another as well."""

    group: str
    child: str
    origin: Origin


class VariableStated(NamedTuple):
    """A variable of a group or host; numbers have no place of their own, so the key has one."""

    owner: str
    key: Text
    value: Any


Statement = GroupStated | HostStated | ChildStated | VariableStated
