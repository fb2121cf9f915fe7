"""Say how old the backups are, where they are, whether they were proved, and what is wrong."""

import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from lpse_ops.backup.status import judge
from lpse_ops.backup.statusfacts import SnapshotMark
from lpse_ops.backup.statusverdict import BackupStatus, DestinationStatus, Severity
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import (
    DURATION,
    FILE,
    format_option,
    output_option,
    repository_options,
)
from lpse_ops.cli.status_facts import PATIENCE, gather
from lpse_ops.cli.status_text import first_line, render_nagios, render_status
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError

_TROUBLE = 1


@click.command(epilog="Example: lpse-ops backup status --nagios")
@click.option("--nagios", is_flag=True, help="One line and exit code 0, 1, 2 or 3, for Nagios.")
@click.option("--metrics", type=FILE, metavar="FILE", help="Also write metrics for Prometheus.")
@click.option(
    "--notify",
    "is_telling",
    is_flag=True,
    help="Also tell who is to be told: notify in lpse-ops.yml.",
)
@click.option("--offline", is_flag=True, help="Ask no destination: what the log knows is enough.")
@click.option("--alert-after", type=DURATION, metavar="30h", help="Older copies are stale.")
@click.option(
    "--timeout",
    "patience",
    type=DURATION,
    default=PATIENCE,
    metavar="20s",
    help="Wait no longer for destinations to answer.",
)
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    nagios: bool,
    metrics: Path | None,
    is_telling: bool,
    offline: bool,
    alert_after: timedelta | None,
    patience: timedelta,
    output_format: str,
    output: Path | None,
) -> int:
    """Say how old each copy is, when it was proved restorable, and what is wrong.

    With --repo on another machine, the repository alone is asked: a timer that died is noticed
    from there as well.  Exit code 1 if anything is wrong.
    """

    def look() -> BackupStatus:
        if is_telling:
            from lpse_ops.cli.status_follow_up import note_dead_job

            note_dead_job(app)
        return look_at_backups(
            app, ask=not offline, alert_after=alert_after, patience=patience, metrics=metrics
        )

    if nagios:
        return answer_nagios(app, look, is_telling=is_telling)
    status = look()
    if is_telling:
        _tell(app, status)
    emit(
        "backup/status",
        status_fields(status),
        text=lambda: render_status(status),
        output_format=output_format,
        output=output,
    )
    return _TROUBLE if status.troubles else 0


def look_at_backups(
    app: App,
    *,
    ask: bool = True,
    alert_after: timedelta | None = None,
    patience: timedelta = PATIENCE,
    metrics: Path | None = None,
) -> BackupStatus:
    """The verdict on the backups, written as metrics where that is wanted."""
    status = judge(gather(app, ask=ask, alert_after=alert_after, patience=patience))
    if metrics is not None:
        from lpse_ops.cli.backup_metrics import write_metrics

        write_metrics(metrics, status)
    return status


def _tell(app: App, status: BackupStatus) -> None:
    from lpse_ops.cli.status_follow_up import publish

    publish(app, status)


def answer_nagios(app: App, look: Callable[[], BackupStatus], *, is_telling: bool) -> int:
    """Whatever happens, Nagios gets a line on standard output and one of its own exit codes."""
    try:
        status = look()
        if is_telling:
            _tell(app, status)
        click.echo(render_nagios(status))
        return int(status.severity)
    except OpsError as error:
        click.echo(first_line(Severity.UNKNOWN.name, error.message))
        app.console.warn(error.hint)
    except Exception as error:
        click.echo(first_line(Severity.UNKNOWN.name, f"a bug: {type(error).__name__}"))
        app.stderr.write(traceback.format_exc())
    return int(Severity.UNKNOWN)


def status_fields(status: BackupStatus) -> dict[str, Any]:
    """The verdict in JSON output."""
    run, drill = status.last_run, status.last_drill
    return {
        "time": status.now,
        "severity": status.severity.name,
        "destinations": [_destination_fields(each, status) for each in status.destinations],
        "copies": {
            "count": status.copies.count,
            "media": list(status.copies.media),
            "off_site": status.copies.off_site,
        },
        "last_run": run
        and {"status": run.status, "started": run.started, "finished": run.finished},
        "last_drill": drill
        and {
            "destination": drill.destination,
            "time": drill.time,
            "rto_seconds": drill.rto_seconds,
            "rpo_seconds": drill.rpo_seconds,
        },
        "last_key_drill": status.last_key_drill,
        "missed_days": list(status.missed_days),
        "troubles": [
            {
                "kind": each.kind.value,
                "severity": each.severity.name,
                "destination": each.destination or None,
                "since": each.since,
                "detail": each.detail or None,
            }
            for each in status.troubles
        ],
    }


def _destination_fields(each: DestinationStatus, status: BackupStatus) -> dict[str, Any]:
    newest: SnapshotMark | None = each.newest
    return {
        "name": each.name,
        "media": each.media,
        "kept_at": each.kept_at,
        "is_off_site": each.is_off_site,
        "reachable": each.reachable,
        "trouble": each.trouble,
        "snapshot": newest and newest.id,
        "snapshot_time": newest and newest.time,
        "age_seconds": newest and max(int((status.now - newest.time).total_seconds()), 0),
        "verified": each.proof and each.proof.time,
        "verified_by": each.proof and each.proof.kind,
        "verified_scope": each.proof and (each.proof.scope or None),
        "free_bytes": each.room and each.room.free_bytes,
        "total_bytes": each.room and each.room.total_bytes,
        "away_since": each.away_since,
        "last_error": each.last_error,
    }
