"""What an inventory source says, statement by statement: where all formats meet."""

from collections.abc import Callable
from typing import Any, NamedTuple

from lpse_ops.marked import Origin, Text

ALL = "all"
UNGROUPED = "ungrouped"

Warn = Callable[[str], None]
# Decrypts the content of a vault-encrypted file; the second argument is its name.
OpenSealed = Callable[[bytes, str], bytes]


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
