"""Try the recovery sheet, as has to be done once a year, and record that it was done."""

import os
import pwd
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpse_ops.cli.backup_key_recover import read_sheet, sheet_option
from lpse_ops.cli.backup_options import path_text
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.records import record
from lpse_ops.cli.repository_access import choose_backend
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError

if TYPE_CHECKING:
    from lpse_ops.backup.keydrill import KeyDrill
    from lpse_ops.backup.recovery import RecoverySecret

_FAILED = 1
_KEY = "recovery sheet"


@click.command(epilog="Example: lpse-ops backup key drill --by 'Kepala LPSE'")
@sheet_option
@click.option("--by", metavar="WHO", help="Who opened the envelope; default: this account.")
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    sheet: Path | None,
    by: str | None,
    output_format: str,
    output: Path | None,
) -> int:
    """Open the newest snapshot and one document with the recovery sheet alone.

    Nothing is written to the repository.  That it was done, or failed, is recorded in the log.
    """
    from lpse_ops.backup.recovery import parse_sheet

    secret = parse_sheet(read_sheet(app, sheet))
    drilled, is_recorded = _drill(app, secret, by or _account())
    due = app.clock.now() + _period(app)
    emit(
        "backup/key-drill",
        {
            "repository_id": secret.repository_id,
            "key": _KEY,
            "status": "ok",
            "snapshot": drilled.snapshot.id,
            "path": path_text(drilled.path),
            "size": drilled.size_bytes,
            "due": due,
        },
        text=lambda: _render(secret.repository_id, drilled, due, is_recorded=is_recorded),
        output_format=output_format,
        output=output,
    )
    return 0 if is_recorded else _FAILED


def _drill(app: App, secret: "RecoverySecret", by: str) -> "tuple[KeyDrill, bool]":
    """What was opened, and whether that is on record."""
    from lpse_ops.backup.keydrill import drill_key

    facts = {"repository_id": secret.repository_id, "key": _KEY, "by": by}
    # A place that is not reached says nothing about the sheet.
    backend = choose_backend(app, for_reading=True)
    try:
        drilled = drill_key(backend, secret, random.SystemRandom().shuffle)
    except OpsError:
        record(app, "key-drill", {**facts, "status": "failed"})
        raise
    return drilled, record(app, "key-drill", {**facts, "status": "ok"})


def _period(app: App) -> timedelta:
    from lpse_ops.cli.settings import BackupSettings

    settings = app.settings_unless_empty
    return (settings.backup if settings else BackupSettings()).key_drill_after


def _render(repository_id: str, drilled: "KeyDrill", due: datetime, *, is_recorded: bool) -> str:
    snapshot = drilled.snapshot
    return (
        f"the sheet opens repository {repository_id[:10]}: snapshot {snapshot.short_id} of "
        f"{snapshot.time:%Y-%m-%d %H:%M}, {path_text(drilled.path)} "
        f"({drilled.size_bytes} bytes, proved by its hashes)\n"
        f"{'recorded' if is_recorded else 'NOT recorded'}; seal the envelope again; "
        f"due next: {due:%Y-%m-%d}"
    )


def _account() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
