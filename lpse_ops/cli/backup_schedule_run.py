"""What the timer runs: a job under the machine's lock, its record, and who is told of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import click

from lpse_ops.backup.checkturn import Turn
from lpse_ops.backup.statusfacts import read_history
from lpse_ops.cli.backup_status import look_at_backups
from lpse_ops.cli.check_turn import choose_turn
from lpse_ops.cli.heartbeat import beat
from lpse_ops.cli.parameters import DURATION, common_options
from lpse_ops.cli.prune_after_run import prune_after
from lpse_ops.cli.records import record
from lpse_ops.cli.run_lock import RunLock, hold_run_lock
from lpse_ops.cli.scheduled_job import Ended, job_arguments, run_job, was_missed
from lpse_ops.cli.status_facts import own_host
from lpse_ops.cli.status_follow_up import failed_facts, is_recorded, publish, record_death
from lpse_ops.cli.wiring import App
from lpse_ops.errors import LedgerError, OpsError

JOBS = ("backup", "check", "drill")
_KILLED = 1
# A drill or a run by hand in the evening must not cost the night its backup.
_PATIENCE = timedelta(hours=6)


@click.command(epilog="Example: lpse-ops backup schedule run backup")
@click.argument("job", type=click.Choice(JOBS), default="backup")
@click.option(
    "--if-missed", is_flag=True, help="Only when the last backup that was due is missing."
)
@click.option(
    "--retry-lock",
    type=DURATION,
    default=_PATIENCE,
    show_default="6h",
    metavar="6h",
    help="Wait so long for another job to end.",
)
@common_options
@click.pass_obj
def command(app: App, job: str, if_missed: bool, retry_lock: timedelta) -> int:
    """Run a JOB as the timer does: one at a time, recorded, and told when it fails.

    A good backup is followed by forget and prune, once a week unless lpse-ops.yml says otherwise,
    if it has a backup.keep; the check is one of the destination that waits longest for it.
    Exit code 11 if another one is still at work after --retry-lock; else that of the job itself.
    """
    settings = app.settings
    turn = choose_turn(app) if job == "check" else None
    place = turn.destination if turn else ""
    asked = app.clock.now()
    with hold_run_lock(
        app.state_folder, job, asked, destination=place, retry_for=retry_lock
    ) as lock:
        started = lock.since
        if lock.died is not None:
            record_death(app, lock.died)
        if if_missed and not _is_missed(app, started):
            return 0
        ended = _run(app, job, started, lock, turn)
        if job == "backup" and ended.status != "failed":
            prune_after(app, started, partial(_command, app, lock))
    _follow_up(app)
    if job == "backup" and ended.code == 0:
        beat(app)
    app.console.print(f"{job} of {settings.site.slug}: {ended.status}")
    return ended.code if ended.code >= 0 else _KILLED


def _command(app: App, lock: RunLock, words: Sequence[str]) -> Ended:
    return run_job(["--settings", str(app.settings.file), *words], app.environment, lock.descriptor)


def _run(app: App, job: str, started: datetime, lock: RunLock, turn: Turn | None) -> Ended:
    place = turn.destination if turn else ""
    try:
        ended = _command(app, lock, job_arguments(job, turn))
    except KeyboardInterrupt:
        if not is_recorded(app, job, started):
            record(app, job, failed_facts(app, job, started, "it was interrupted", place))
        raise
    app.stderr.write(ended.talk)
    if not is_recorded(app, job, started):
        record(app, job, job_facts(app, job, started, ended, place))
    return ended


def _is_missed(app: App, now: datetime) -> bool:
    try:
        runs = read_history(app.ledger.records("backup"), own_host(app)).runs
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


def job_facts(
    app: App, job: str, started: datetime, ended: Ended, destination: str = ""
) -> Mapping[str, Any]:
    """The facts of a job that has not recorded itself."""
    facts = failed_facts(app, job, started, ended.error, destination)
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
