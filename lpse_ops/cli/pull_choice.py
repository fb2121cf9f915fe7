"""Which server a backup is of: this machine, or one of the inventory that is read over SSH.

Imports nothing that a backup of this machine has no use for.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lpse_ops.cli.pull_options import PullFlags
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError


class Asked(NamedTuple):
    """A host of the inventory, and the name that its snapshots bear."""

    name: str
    recorded: str


def choose_host(app: App, host: str | None, pull: PullFlags) -> Asked | None:
    """The host to read over SSH, or None: this machine, and ``host`` is a name to record.

    Only ``-i``, ``backup.host`` or ``backup.inventory`` make it a host of the inventory.  The one
    that the settings name is the site's server, whose snapshots bear the site's slug.
    """
    settings = app.settings_unless_empty
    backup = settings.backup if settings else None
    configured = backup.host if backup else None
    has_inventory = bool(pull.inventory or configured or (backup and backup.inventory))
    name = host or configured
    if not has_inventory or (name is None and not pull.inventory):
        _refuse_flags_of_ssh(pull)
        return None
    if name is None:
        raise UsageError(
            "-i names an inventory, but no server of it",
            hint="add --host NAME; lpse-ops inventory list shows all hosts",
        )
    is_own = settings is not None and name == configured
    return Asked(name, settings.site.slug if settings and is_own else name)


def _refuse_flags_of_ssh(pull: PullFlags) -> None:
    """Who says how to log in does not mean this machine."""
    if pull != PullFlags():
        raise UsageError(
            "there is nothing to log in to: no server is read over SSH without an inventory",
            hint="add --host NAME -i INVENTORY, or leave out the flags that say how to log in",
        )


def require_whole_paths(paths: Sequence[Path]) -> None:
    """A folder of this machine says nothing about where one is on a host."""
    for path in paths:
        if not path.is_absolute():
            raise UsageError(
                f"{str(path)!r} is no whole path of the host", hint=f"write it as /{path}"
            )
