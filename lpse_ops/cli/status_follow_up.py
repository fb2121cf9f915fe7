"""After a job of the timer, or by the daily watch: metrics written, people told, deaths noted."""

from datetime import datetime
from typing import Any

from lpse_ops.backup.statusverdict import BackupStatus
from lpse_ops.cli.notify import tell
from lpse_ops.cli.records import record
from lpse_ops.cli.run_lock import Job, find_dead_job
from lpse_ops.cli.wiring import App
from lpse_ops.errors import LedgerError, OpsError


def publish(app: App, status: BackupStatus) -> None:
    """Write ``notify.metrics_file`` and tell who is to be told; only warns."""
    settings = app.settings_unless_empty
    metrics = settings.notify.metrics_file if settings else None
    if metrics is not None:
        from lpse_ops.cli.backup_metrics import write_metrics

        try:
            write_metrics(metrics, status)
        except OpsError as error:
            app.console.warn(error.message)
    tell(app, status)


def note_dead_job(app: App) -> None:
    """Record a job that was killed, unless another one is at work now."""
    if (job := find_dead_job(app.state_folder)) is not None:
        record_death(app, job)


def record_death(app: App, job: Job) -> None:
    """The record that a job could not write: it was killed, or the power went."""
    if is_recorded(app, job.name, job.since):
        return
    error = f"the job that began at {job.since:%Y-%m-%d %H:%M:%S %z} was killed or lost its power"
    record(app, job.name, failed_facts(app, job.name, job.since, error, job.destination))


def is_recorded(app: App, kind: str, since: datetime) -> bool:
    """Whether a job has written a record itself; not known with a log that is broken."""
    try:
        return any(each.time >= since for each in app.ledger.records(kind))
    except LedgerError as error:
        app.console.warn(error.message)
        return False


def failed_facts(
    app: App, job: str, started: datetime, error: str, destination: str = ""
) -> dict[str, Any]:
    """A job that failed, in the shape of its kind of record; on the first place unless named."""
    if job == "backup":
        return {
            "status": "failed",
            "snapshot": None,
            "started": started,
            "finished": app.clock.now(),
            "bytes_read": 0,
            "error": error,
            "destinations": {},
        }
    destinations = app.settings.backup.destinations
    name = destination or (destinations[0].name if destinations else "")
    if job == "check":
        return {"destination": name, "status": "failed", "errors": 0, "error": error}
    return {"destination": name, "status": "failed", "problems": [error]}
