"""Unmount a portable disk, and record who carries it where."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.wiring import App
from lpse_ops.errors import StorageError, UsageError

if TYPE_CHECKING:
    from lpse_ops.backup.disk import DiskState

_FAILED = 1


@click.command(
    epilog="Example: lpse-ops backup disk eject disk-a --to 'Brankas Setda' --by 'Budi Santoso'"
)
@click.argument("name")
@click.option("--to", "kept_at", metavar="PLACE", help="Where it is carried; not the server room.")
@click.option("--by", metavar="PERSON", help="Who carries it.")
@click.option("--note", metavar="TEXT", help="Anything else for the register.")
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    name: str,
    kept_at: str | None,
    by: str | None,
    note: str | None,
    output_format: str,
    output: Path | None,
) -> int:
    """Write everything to the disk NAME, unmount it, and record the hand-over.

    For a disk that is out already, --by records the hand-over alone.
    """
    from lpse_ops.backup.disk import DiskAway
    from lpse_ops.backup.diskkeeping import ensure_kept_outside
    from lpse_ops.backup.diskregister import EJECT, HAND_OVER, KIND
    from lpse_ops.cli.disk_access import (
        disk_state,
        ensure_can_record,
        event_facts,
        find_destination,
    )
    from lpse_ops.cli.records import record

    destination = find_destination(app, name)
    place = kept_at or (destination.disk.kept_at if destination.disk else None)
    if kept_at and not by:
        raise UsageError("who carries the disk?", hint=f"add --by NAME: --to {kept_at!r} --by NAME")
    if by and not place:
        raise UsageError(f"where is {name} carried?", hint="add --to PLACE, e.g. 'Brankas Setda'")
    if place:
        ensure_kept_outside(place, app.settings.site.server_room)
    ensure_can_record(app.ledger)
    state = disk_state(destination)
    unmounted = _take_out(state)
    if state.is_away and state.seen.device is None and not by:
        raise DiskAway(state)
    is_recorded = True
    if unmounted or by is None:
        is_recorded = record(app, KIND, event_facts(destination, EJECT, note=note))
    if by:
        facts = event_facts(destination, HAND_OVER, kept_at=place, by=by, note=note)
        is_recorded &= record(app, KIND, facts)
    else:
        app.console.warn(f"who carries {name} out? record it: --to PLACE --by NAME")
    emit(
        "backup/disk-eject",
        {
            "destination": name,
            "unmounted": unmounted,
            "kept_at": place,
            "by": by,
            "recorded": is_recorded,
        },
        text=lambda: _render(
            name,
            place,
            by if is_recorded else None,
            is_out=state.seen.device is None and not unmounted,
        ),
        output_format=output_format,
        output=output,
    )
    return 0 if is_recorded else _FAILED


def _take_out(state: "DiskState") -> bool:
    """Unmount the disk wherever it is mounted; False if it was not."""
    from lpse_ops.backup.disk import DiskStatus
    from lpse_ops.backup.diskactions import ensure_released, unmount
    from lpse_ops.backup.diskdevices import SystemDisks

    if state.status is DiskStatus.BROKEN:
        raise StorageError(state.message, hint=state.hint)
    facts = SystemDisks()
    device = state.seen.device or (facts.device_of(state.mount) if state.mount else None)
    # The last one mounted first: one may lie inside another.
    points = [each.point for each in facts.mounts() if device and facts.device_of(each) == device]
    for point in reversed(points):
        unmount(point)
    if device:
        ensure_released(device)
    return bool(points)


def _render(name: str, place: str | None, by: str | None, *, is_out: bool) -> str:
    lines = [] if is_out else [f"{name} can be pulled out now"]
    if by:
        lines.append(f"hand-over recorded: {by} carries {name} to {place}")
    return "\n".join(lines)
