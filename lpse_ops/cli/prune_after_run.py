"""After a good run of the timer: ``backup.keep`` is applied, as ``backup.schedule.prune`` says.

Each step is a command of its own, as a person would type it, with its own record in the log.  The
first that fails ends it, and the next run tries again: the backup itself is there in any case.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from lpse_ops.backup.pruneturn import (
    MONTHLY,
    NOTHING,
    WEEKLY,
    PruneFacts,
    PrunePlan,
    plan_prune,
)
from lpse_ops.backup.statusfacts import read_history
from lpse_ops.cli.records import record
from lpse_ops.cli.scheduled_job import PATIENT, Ended
from lpse_ops.cli.status_follow_up import is_recorded
from lpse_ops.cli.wiring import App
from lpse_ops.errors import LedgerError

RunCommand = Callable[[Sequence[str]], Ended]
_EVERY: dict[str, timedelta | None] = {"weekly": WEEKLY, "monthly": MONTHLY, "never": None}


def prune_after(app: App, started: datetime, run_command: RunCommand) -> None:
    """Remove what the run that began at ``started`` made superfluous, if it is time to."""
    plan = _plan(app, started)
    if plan.waits_for:
        app.console.warn(f"old snapshots stay: {plan.waits_for}")
    for name in plan.check:
        if _fails(app, run_command, ["check", "--destination", name], name):
            return
    leader = plan.leader
    if leader is None:
        return
    for name in plan.gather:
        if _fails(app, run_command, ["sync", "--from", name, leader], leader):
            return
    # The series that the timer itself makes: another host may have a policy of its own.
    forget = ["forget", "--skip-stale", "--host", app.settings.site.slug]
    for words in (forget, ["prune"]):
        if _fails(app, run_command, [*words, "--destination", leader], leader):
            return
    sync = ["sync", "--delete", "--from", leader]
    mirrored = [name for name in plan.mirror if not _fails(app, run_command, [*sync, name], name)]
    app.console.print(f"backup.keep applied: {', '.join([leader, *mirrored])}")


def _plan(app: App, started: datetime) -> PrunePlan:
    backup = app.settings.backup
    every = _EVERY[backup.schedule.prune]
    if every is None or backup.keep.is_empty:
        return NOTHING
    try:
        history = read_history(app.ledger.records())
    except LedgerError:
        return NOTHING
    names = [each.name for each in backup.destinations]
    runs = [run for run in history.runs if run.started >= started]
    return plan_prune(
        PruneFacts(
            now=app.clock.now(),
            every=every,
            names=names,
            written=[name for name in names if runs and runs[-1].wrote(name)],
            kept_whole=frozenset(each.name for each in backup.destinations if each.is_kept_whole),
            history=history,
        )
    )


def _fails(app: App, run_command: RunCommand, words: list[str], name: str) -> bool:
    """Run a command; what it has not recorded itself is recorded here as a prune that failed."""
    kind, since = words[0], app.clock.now()
    ended = run_command(["backup", *words, *PATIENT])
    if ended.code == 0:
        return False
    app.stderr.write(ended.talk)
    if not is_recorded(app, kind, since) or kind == "forget":
        facts = {"destination": name, "removed": 0, "status": "failed", "error": ended.error}
        record(app, "prune", facts)
    return True
