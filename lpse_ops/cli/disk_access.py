"""Joins settings and ledger with the portable disks of ``backup/disk.py``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lpse_ops.backup.disk import DiskState, PortableDisk, find_disk, open_disk
from lpse_ops.backup.diskdevices import SystemDisks
from lpse_ops.backup.diskregister import KIND, PLUGGED, read_events
from lpse_ops.cli.records import record
from lpse_ops.errors import LedgerError, UsageError

if TYPE_CHECKING:
    from lpse_ops.backup.diskbackend import DiskBackend
    from lpse_ops.cli.settings import Destination
    from lpse_ops.cli.wiring import App
    from lpse_ops.ledger import Ledger


def portable_disk(destination: "Destination") -> PortableDisk:
    """What the settings say of a destination's disk; ``UsageError`` if it is on none."""
    if destination.disk is None:
        raise UsageError(
            f"destination {destination.name} is on no portable disk",
            hint="lpse-ops backup disk list shows those that are; disk init makes one",
        )
    location = Path(destination.location.removeprefix("local:"))
    if not location.is_absolute():
        raise UsageError(
            f"destination {destination.name} has a disk, but {destination.location} is no folder",
            hint="a disk's location is a folder on it: /mnt/disk-a/repo",
        )
    return PortableDisk(
        name=destination.name,
        uuid=destination.disk.uuid,
        location=location,
        repository_id=destination.repository_id,
        label=destination.disk.label,
    )


def open_disk_destination(
    destination: "Destination", *, for_reading: bool = False
) -> "DiskBackend":
    """A backend on the destination's disk, proven to be the one.

    Raises ``DiskAway`` when it is not there, ``StorageError`` when it must not be used.
    """
    return open_disk(portable_disk(destination), SystemDisks(), for_reading=for_reading)


def disk_state(destination: "Destination") -> DiskState:
    """Where the destination's disk is now; raises only for a destination that is on none."""
    return find_disk(portable_disk(destination), SystemDisks())


def note_plugged(app: "App", destination: "Destination") -> None:
    """Record that a disk is back, once, when it was written to after it had been away."""
    events = read_events(app.ledger.records(KIND)).get(destination.name, [])
    if not events or events[-1].event != PLUGGED:
        record(app, KIND, event_facts(destination, PLUGGED))


def event_facts(
    destination: "Destination",
    event: str,
    *,
    kept_at: str | None = None,
    by: str | None = None,
    note: str | None = None,
) -> dict[str, str | None]:
    """What happened to a disk, for the ledger."""
    disk = destination.disk
    return {
        "event": event,
        "destination": destination.name,
        "label": disk.label if disk else None,
        "uuid": disk.uuid if disk else None,
        "kept_at": kept_at,
        "by": by,
        "note": note,
    }


def find_destination(app: "App", name: str) -> "Destination":
    """The destination of a name that is on a portable disk."""
    for destination in app.settings.backup.destinations:
        if destination.name == name:
            portable_disk(destination)
            return destination
    known = ", ".join(each.name for each in app.settings.backup.destinations) or "none"
    raise UsageError(
        f"there is no destination {name} in {app.settings.file}",
        hint=f"known are: {known}; lpse-ops backup disk init makes a new one",
    )


def ensure_can_record(ledger: "Ledger") -> None:
    """Refuse before a disk is touched, when what happens to it could not be recorded."""
    folder = ledger.folder
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        raise LedgerError(
            f"cannot write the log in {ledger.folder}",
            hint="run as the user who makes the backups (root), or set LPSE_OPS_STATE",
        )
