"""What ``inventory validate`` looks at: hosts, groups and values as they were written.

Nothing here is merged or believed: what is broken, doubled or misspelt is still there, each with
the place of its value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from lpse_ops.marked import Origin


class Fault(NamedTuple):
    """One thing that is wrong, at the place of the value; ``subject`` is a host or group, or ""."""

    origin: Origin
    message: str
    hint: str
    subject: str = ""


class Cell(NamedTuple):
    """A value that a variable is given somewhere.

    ``owner`` is the host or group whose variable it is, ``name_at`` and ``value_at`` the places of
    name and value; ``value`` is as the engine reads it (``Text``, numbers, ``Map``, ``Sealed``).
    ``in_sealed_file`` says that the whole file is vault-encrypted.
    """

    owner: str
    is_host: bool
    name: str
    value: Any
    name_at: Origin
    value_at: Origin
    in_sealed_file: bool = False


class HostSeen(NamedTuple):
    """A host as a source writes it, once for each mention; ``group`` is where that is."""

    name: str
    group: str
    port: int | None
    origin: Origin


class GroupSeen(NamedTuple):
    """A group as a source writes it, once for each mention; ``parent`` is "" at the top."""

    name: str
    parent: str
    origin: Origin


@dataclass(frozen=True)
class Seen:
    """Everything that is known without asking anybody.

    ``faults`` are those of reading, by rule id.  ``effective`` has, for each host, the cell that
    wins for each variable, the order being Ansible's.  ``used`` are variables that playbooks and
    roles use, and ``defined`` those that they define themselves; both empty without playbooks.
    ``lkpp_addresses`` are those of the settings, or of the variable of that name.
    ``is_complete`` is false when a program, a plugin or a sealed file was not read: then there may
    be hosts, groups and variables that nobody has seen, and what is missing is no fault.
    ``reserved`` are names that mean something to playbooks already.
    """

    hosts: Sequence[HostSeen]
    groups: Sequence[GroupSeen]
    cells: Sequence[Cell]
    effective: Mapping[str, Mapping[str, Cell]]
    faults: Mapping[str, Sequence[Fault]]
    members: Mapping[str, Sequence[str]]
    today: date
    used: Mapping[str, Origin]
    defined: frozenset[str]
    lkpp_addresses: Sequence[str] = ()
    is_complete: bool = True
    reserved: frozenset[str] = frozenset()
