"""What the timer runs: a job under the machine's lock, its record, and who is told of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from lpse_ops.backup.statusfacts import read_history
from lpse_ops.cli.backup_status import look_at_backups
from lpse_ops.cli.heartbeat import beat
from lpse_ops.cli.parameters import common_options
from lpse_ops.cli.records import record
from lpse_ops.cli.run_lock import RunLock, hold_run_lock
from lpse_ops.cli.scheduled_job import Ended, job_arguments, run_job, was_missed
from lpse_ops.cli.status_follow_up import failed_facts, is_recorded, publish, record_death
from lpse_ops.cli.wiring import App
from lpse_ops.errors import LedgerError, OpsError

JOBS = ("backup", "check", "drill")
_KILLED = 1


@click.command(epilog="Example: lpse-ops backup schedule run backup")
@click.argument("job", type=click.Choice(JOBS), default="backup")
@click.option(
    "--if-missed", is_flag=True, help="Only when the last backup that was due is missing."
)
@common_options
@click.pass_obj
def command(app: App, job: str, if_missed: bool) -> int:
    """Run a JOB as the timer does: one at a time, recorded, and told when it fails.

    Exit code 11 if another one is at work; else that of the job itself.
    """
    started = app.clock.now()
    settings = app.settings
    with hold_run_lock(app.state_folder, job, started) as lock:
        if lock.died is not None:
            record_death(app, lock.died)
        if if_missed and not _is_missed(app, started):
            return 0
        ended = _run(app, job, started, lock)
    _follow_up(app)
    if job == "backup" and ended.code == 0:
        beat(app)
    app.console.print(f"{job} of {settings.site.slug}: {ended.status}")
    return ended.code if ended.code >= 0 else _KILLED


def _run(app: App, job: str, started: datetime, lock: RunLock) -> Ended:
    arguments = ["--settings", str(app.settings.file), *job_arguments(job, started)]
    try:
        ended = run_job(arguments, app.environment, lock.descriptor)
    except KeyboardInterrupt:
        if not is_recorded(app, job, started):
            record(app, job, failed_facts(app, job, started, "it was interrupted"))
        raise
    app.stderr.write(ended.talk)
    if not is_recorded(app, job, started):
        record(app, job, job_facts(app, job, started, ended))
    return ended


def _is_missed(app: App, now: datetime) -> bool:
    try:
        runs = read_history(app.ledger.records("backup")).runs
    except LedgerError:
        return True
    return was_missed(runs, app.settings.backup.schedule.at, now)


def _follow_up(app: App) -> None:
    try:
        status = look_at_backups(app)
    except OpsError as error:
        app.console.warn(f"no status: {error.message}")
        return
    publish(app, status)


def job_facts(app: App, job: str, started: datetime, ended: Ended) -> Mapping[str, Any]:
    """The facts of a job that has not recorded itself."""
    facts = failed_facts(app, job, started, ended.error)
    facts["status"] = ended.status
    if job == "check":
        facts["status"] = "ok" if ended.code == 0 else "damaged" if ended.answer else "failed"
        facts["errors"] = len(ended.answer.get("errors") or ())
    snapshot = ended.answer.get("snapshot")
    if job == "backup" and isinstance(snapshot, dict):
        facts["snapshot"] = str(snapshot.get("id") or "")
        summary = ended.answer.get("summary")
        read = summary.get("bytes_read") if isinstance(summary, dict) else None
        facts["bytes_read"] = read if type(read) is int else 0
        destinations = ended.answer.get("destinations")
        # Who names none says that all were written.
        facts["destinations"] = destinations if isinstance(destinations, dict) else {}
    return facts
