"""How much room is left at the destinations of a run, for the log and for who has to act."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpse_ops.backup.statusfacts import read_history
from lpse_ops.backup.storage.location import LOCAL, scheme_of

if TYPE_CHECKING:
    from lpse_ops.cli.backup_places import Outcome
    from lpse_ops.cli.settings import Destination
    from lpse_ops.cli.wiring import App


def room_fields(app: "App", outcomes: "dict[str, Outcome]") -> dict[str, Any]:
    """``room`` of a ``backup`` record: of each folder and disk that was written."""
    from lpse_ops.cli.backup_places import WRITTEN

    found = {
        each.name: _room_of(each)
        for each in app.settings.backup.destinations
        if each.name in outcomes and outcomes[each.name].status == WRITTEN
    }
    return {name: fields for name, fields in found.items() if fields is not None}


def _room_of(destination: "Destination") -> dict[str, int] | None:
    """None for what is on no file system here, or is gone already."""
    if scheme_of(destination.location) != LOCAL:
        return None
    if destination.disk is not None:
        from lpse_ops.cli.disk_access import disk_state

        state = disk_state(destination)
        seen = state.seen
        return _fields(seen.free_bytes, seen.total_bytes) if state.is_here else None
    try:
        usage = shutil.disk_usage(Path(destination.location.removeprefix("local:")))
    except OSError:
        return None
    return _fields(usage.free, usage.total)


def _fields(free_bytes: int, total_bytes: int) -> dict[str, int]:
    return {"free_bytes": free_bytes, "total_bytes": total_bytes}


def warn_if_short(app: "App", destination: "Destination") -> None:
    """Warn when a place will be full within two weeks, by what the log knows of its room."""
    from lpse_ops.backup.diskforecast import is_short

    days = read_history(app.ledger.records("backup")).days_until_full(
        destination.name, app.clock.now()
    )
    if is_short(days):
        app.console.warn(
            f"disk {destination.name} is full in about {days} days: lpse-ops backup forget "
            "--prune gives room back, or take a larger disk"
        )
