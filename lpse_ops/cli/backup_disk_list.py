"""List portable disks: where each is, who carried it out, how old its copy is, when it is full."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpse_ops.backup.disk import DiskState, DiskStatus
from lpse_ops.backup.diskforecast import (
    WARN_BELOW_DAYS,
    days_until_full,
    growth_per_day,
    is_short,
)
from lpse_ops.backup.diskkeeping import ARTICLE
from lpse_ops.backup.diskregister import (
    DiskEvent,
    last_hand_over,
    last_proof,
    newest_snapshot,
    next_due,
    read_events,
)
from lpse_ops.backup.statusfacts import History, SnapshotMark, read_history
from lpse_ops.cli.output import emit, render_table
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.sizes import format_size
from lpse_ops.cli.wiring import App
from lpse_ops.errors import LedgerError, OpsError

if TYPE_CHECKING:
    from lpse_ops.cli.settings import Destination
    from lpse_ops.ledger import Record

_HEADER = (
    "DISK",
    "LABEL",
    "STATE",
    "KEPT AT",
    "CARRIED BY",
    "NEWEST",
    "VERIFIED",
    "FREE",
    "FULL IN",
)
_UNKNOWN = "-"
# What the register is made of.
_KINDS = {"disk", "backup", "sync", "check", "drill"}


@dataclass(frozen=True)
class Row:
    """One disk."""

    state: DiskState
    kept_at: str | None
    hand_over: DiskEvent | None
    newest: SnapshotMark | None
    verified_at: datetime | None
    growth_per_day: int | None = None

    @property
    def name(self) -> str:
        return self.state.disk.name

    @property
    def free_bytes(self) -> int | None:
        return self.state.seen.free_bytes if self.state.is_here else None

    @property
    def days_until_full(self) -> int | None:
        free = self.free_bytes
        return None if free is None else days_until_full(free, self.growth_per_day)


@click.command(epilog="Example: lpse-ops backup disk list")
@format_option
@output_option
@repository_options
@click.pass_obj
def command(app: App, /, output_format: str, output: Path | None) -> None:
    """List the portable disks of the settings, and say which one to plug in next.

    Of a disk that is plugged in, the repository itself is asked, if its password is in a file.
    """
    from lpse_ops.cli.disk_access import disk_state

    records = _read_records(app)
    events, history = read_events(records), read_history(records)
    now = app.clock.now()
    rows = [
        _with_repository(app, each, make_row(each, disk_state(each), events, history, now))
        for each in app.settings.backup.destinations
        if each.disk is not None
    ]
    due = next_due({row.name: row.newest.time if row.newest else None for row in rows})
    for warning in find_warnings(rows):
        app.console.warn(warning)
    emit(
        "backup/disk-list",
        {"disks": [_fields(row, due) for row in rows], "due_next": due},
        text=lambda: _render(rows, due),
        output_format=output_format,
        output=output,
    )


def _read_records(app: App) -> "list[Record]":
    """Those of a broken log up to its first broken line, which is told."""
    records = []
    try:
        for each in app.ledger.records():
            if each.kind in _KINDS:
                records.append(each)
    except LedgerError as error:
        app.console.warn(f"the register is cut off: {error.message}; {error.hint}")
    return records


def make_row(
    destination: "Destination",
    state: DiskState,
    events: "dict[str, list[DiskEvent]]",
    history: History,
    now: datetime,
) -> Row:
    hand_over = last_hand_over(events.get(destination.name, []))
    settled = destination.disk.kept_at if destination.disk else None
    proof = last_proof(history, destination.name)
    return Row(
        state=state,
        kept_at=(hand_over.kept_at if hand_over else None) or settled,
        hand_over=hand_over,
        newest=newest_snapshot(history, destination.name),
        verified_at=proof.time if proof else None,
        growth_per_day=growth_per_day(history.rooms.get(destination.name, ()), now),
    )


def find_warnings(rows: Sequence[Row]) -> list[str]:
    """What a person should do about the disks."""
    warnings = []
    for row in rows:
        if row.state.message and not (row.state.is_away and row.state.status is DiskStatus.AWAY):
            warnings.append(f"{row.state.message}; {row.state.hint}")
        if is_short(row.days_until_full):
            warnings.append(
                f"disk {row.name} is full in {row.days_until_full} days (less than "
                f"{WARN_BELOW_DAYS}): lpse-ops backup forget --prune, or a larger disk"
            )
        if row.kept_at is None:
            warnings.append(f"where is {row.name} kept? write kept_at into lpse-ops.yml")
    if rows and all(row.state.mount is not None for row in rows):
        warnings.append(
            f"every disk is plugged in: none is away from the server room ({ARTICLE}); "
            f"lpse-ops backup disk eject {rows[0].name} --to PLACE --by NAME"
        )
    return warnings


def _with_repository(app: App, destination: "Destination", row: Row) -> Row:
    """Add what the snapshots on a disk that is here say; nothing if they cannot be read."""
    if row.state.status not in (DiskStatus.READY, DiskStatus.READ_ONLY):
        return row
    password = _password(app)
    if password is None:
        return row
    try:
        newest = _read_newest(destination, password)
    except OpsError as error:
        app.console.warn(f"cannot read the snapshots of {row.name}: {error.message}")
        return row
    return replace(row, newest=newest or row.newest)


def _password(app: App) -> str | None:
    """The password, if it can be had without asking."""
    from lpse_ops.cli.repository_access import PASSWORD_VARIABLE, read_password

    if (
        app.password_file
        or app.settings.backup.password_file
        or (PASSWORD_VARIABLE in app.environment)
    ):
        return read_password(app)
    return None


def _read_newest(destination: "Destination", password: str) -> SnapshotMark | None:
    from contextlib import closing

    from lpse_ops.backup.repository import open_repository
    from lpse_ops.cli.disk_access import open_disk_destination

    with closing(open_disk_destination(destination, for_reading=True)) as backend:
        if not backend.exists("config"):
            return None
        snapshots = open_repository(backend, password).snapshots(lambda _: None)
    last = snapshots[-1] if snapshots else None
    return SnapshotMark(last.id, last.time) if last else None


def _fields(row: Row, due: str | None) -> dict[str, Any]:
    state, mount = row.state, row.state.mount
    return {
        "name": row.name,
        "label": state.disk.label,
        "uuid": state.disk.uuid,
        "location": state.disk.location,
        "status": state.status,
        "message": state.message or None,
        "hint": state.hint or None,
        "mounted_at": mount.point if mount else None,
        "kept_at": row.kept_at,
        "carried_by": row.hand_over.by if row.hand_over else None,
        "carried_at": row.hand_over.time if row.hand_over else None,
        "newest_snapshot": row.newest.id if row.newest else None,
        "newest_snapshot_time": row.newest.time if row.newest else None,
        "verified_at": row.verified_at,
        "free_bytes": row.free_bytes,
        "total_bytes": state.seen.total_bytes if state.is_here else None,
        "growth_bytes_per_day": row.growth_per_day,
        "days_until_full": row.days_until_full,
        "is_due_next": row.name == due,
    }


def _render(rows: Sequence[Row], due: str | None) -> str:
    if not rows:
        return "no portable disk is in lpse-ops.yml: lpse-ops backup disk init makes one"
    table = render_table(_HEADER, [_cells(row) for row in rows], right=("FREE", "FULL IN"))
    return f"{table}due next: {due}"


def _cells(row: Row) -> tuple[str, ...]:
    carried = row.hand_over
    return (
        row.name,
        row.state.disk.label or _UNKNOWN,
        _state(row.state),
        row.kept_at or _UNKNOWN,
        f"{carried.by}, {carried.time:%Y-%m-%d}" if carried else _UNKNOWN,
        f"{row.newest.time:%Y-%m-%d %H:%M}" if row.newest else _UNKNOWN,
        f"{row.verified_at:%Y-%m-%d}" if row.verified_at else _UNKNOWN,
        _UNKNOWN if row.free_bytes is None else format_size(row.free_bytes),
        _UNKNOWN if row.days_until_full is None else f"{row.days_until_full} days",
    )


def _state(state: DiskState) -> str:
    if state.status is DiskStatus.READY and state.mount:
        return f"at {state.mount.point}"
    return {DiskStatus.AWAY: "away", DiskStatus.NOT_MOUNTED: "plugged in, not mounted"}.get(
        state.status, str(state.status).replace("-", " ")
    )
