"""Names of actions: what a file writes, what the engine calls it, what takes free text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


def name_set(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Ansible's own collections, which need not be written out.
_BUILTIN = ("ansible.builtin.", "ansible.legacy.")
# Modules of these are looked up by their short name too, as Ansible's own redirects do.
_KNOWN_COLLECTIONS = ("ansible.posix.", "community.general.", "community.postgresql.")
_ALIASES = {"systemd_service": "systemd", "systemd": "systemd_service"}
_ALIASES |= {"yum": "dnf", "dnf5": "dnf"}

INCLUDES = frozenset({"include_tasks", "include_role"})
IMPORTS = frozenset({"import_tasks", "import_role"})
STRUCTURE = INCLUDES | IMPORTS | {"meta"}
# The whole text is theirs, but for a few options of commands.
FREE_TEXT = frozenset({"command", "shell", "raw", "script"})
# They take text that is no ``name=value`` as well.
SOME_TEXT = FREE_TEXT | STRUCTURE | {"include_vars", "add_host", "group_by", "set_fact"}
META_ACTIONS = name_set(
    "flush_handlers end_host end_play end_batch end_role clear_facts clear_host_errors noop "
    "refresh_inventory reset_connection"
)


@dataclass(frozen=True)
class ModuleSpec:
    """What a module or action takes, in the form of Ansible's ``argument_spec``.

    ``any_name``: its arguments are the user's own names (``set_fact``, ``add_host``).
    ``free_form``: the argument that free text becomes, "" when it takes none.
    """

    arguments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
    free_form: str = ""
    any_name: bool = False


# The short name of an action -> what it takes, or None when there is no such action.
FindModule = Callable[[str], ModuleSpec | None]


def short_name(written: str) -> str:
    """``ansible.builtin.copy`` is ``copy``; names of other collections stay as they are."""
    for prefix in _BUILTIN:
        if written.startswith(prefix):
            return written[len(prefix) :]
    return written


def find_action(written: str, find_module: FindModule) -> tuple[str, ModuleSpec] | None:
    """The name and the arguments of what a file calls ``written``, or None."""
    short = short_name(written)
    names = [short, _ALIASES.get(short, short)]
    names += [short[len(each) :] for each in _KNOWN_COLLECTIONS if short.startswith(each)]
    for name in names:
        spec = find_module(name)
        if spec is not None:
            return name, spec
    return None


def is_template(value: object) -> bool:
    """Whether a value holds Jinja, as far as a look can tell."""
    return isinstance(value, str) and any(mark in value for mark in ("{{", "{%", "{#"))
