"""Set the timer up that backs up every day, and the watch that notices when it falls silent."""

from collections.abc import Sequence
from pathlib import Path

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.schedule_cron import FILE, render_cron
from lpse_ops.cli.schedule_files import Change, Verb, apply_changes, plan_changes, read_files
from lpse_ops.cli.schedule_plan import (
    CRON_FOLDER,
    TIMER_NAMES,
    UNIT_FOLDER,
    UNIT_NAMES,
    Wish,
    choose_every,
    has_systemd,
    make_plan,
)
from lpse_ops.cli.schedule_units import Plan, render_units, timers
from lpse_ops.cli.settings import BackupSettings
from lpse_ops.cli.wiring import App
from lpse_ops.clock import SystemClock
from lpse_ops.errors import OpsError
from lpse_ops.process import run

_EVERY = click.Choice(["weekly", "monthly", "none"])


@click.command(epilog="Example: lpse-ops backup schedule install --check weekly --drill monthly")
@click.option("--check", type=_EVERY, help="Also read a part of the repository again.")
@click.option("--drill", type=_EVERY, help="Also restore the newest snapshot, for proof.")
@click.option("--cron", is_flag=True, help="Use cron; else only where there is no systemd.")
@click.option("--force", is_flag=True, help="Replace files that were changed by hand.")
@click.option("--dry-run", "-n", is_flag=True, help="Show what would be written.")
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    check: Wish | None,
    drill: Wish | None,
    cron: bool,
    force: bool,
    dry_run: bool,
    output_format: str,
    output: Path | None,
) -> None:
    """Install the timer that the settings ask for; running it again changes nothing.

    A run that was missed while the machine was off is made up for.  Timers of checks and drills
    stay as they were installed before, unless named.
    """
    units, table = read_files(UNIT_FOLDER, UNIT_NAMES), read_files(CRON_FOLDER, [FILE])[FILE]
    plan = make_plan(
        app,
        check=choose_every(check, "check", units, table),
        drill=choose_every(drill, "drill", units, table),
    )
    use_cron = cron or not has_systemd()
    changes = plan_install(plan, force=force, use_cron=use_cron)
    if not dry_run:
        _refuse_without_cron(use_cron=use_cron)
        _make_state_folder(app)
        apply_changes(changes)
        if not use_cron:
            start_timers(timers(plan))
    emit(
        "backup/schedule/install",
        {
            "dry_run": dry_run,
            "files": [{"path": each.path, "change": each.verb.value} for each in changes],
        },
        text=lambda: render_changes(changes, dry_run=dry_run),
        output_format=output_format,
        output=output,
    )
    app.console.print(say_what_goes(app.settings.backup))
    if app.settings.notify.urls_file is None:
        app.console.warn(
            "nobody will be told when a backup fails or falls silent: name a notify.urls_file in "
            f"{app.settings.file}, then lpse-ops notify test"
        )


def say_what_goes(backup: BackupSettings) -> str:
    """Whoever installs a timer that deletes is to know it."""
    if backup.keep.is_empty or backup.schedule.prune == "never":
        return "no snapshot is ever removed: see backup.keep and backup.schedule.prune"
    return (
        f"{backup.schedule.prune}, after a good run, snapshots are removed that backup.keep does "
        "not keep; look: lpse-ops backup forget --dry-run"
    )


def _refuse_without_cron(*, use_cron: bool) -> None:
    if use_cron and not CRON_FOLDER.is_dir():
        raise OpsError(
            f"nothing would run a schedule here: there is no {CRON_FOLDER}",
            hint="install cron: apt-get install cron",
        )


def _make_state_folder(app: App) -> None:
    """Here, as the service may write into it, but not beside it."""
    try:
        app.state_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OpsError(
            f"cannot make {app.state_folder}: {error.strerror}",
            hint="run it as root, or name another folder in LPSE_OPS_STATE",
        ) from error


def plan_install(plan: Plan, *, force: bool, use_cron: bool) -> list[Change]:
    """The units, or the file for cron; of what the other way would have left, nothing stays."""
    units = {} if use_cron else render_units(plan)
    table = {FILE: render_cron(plan, SystemClock().now())} if use_cron else {}
    return plan_all(units, table, force=force)


def plan_all(units: dict[str, str], table: dict[str, str], *, force: bool) -> list[Change]:
    """Changes of both folders; what is neither wanted nor there is left out."""
    changes = [
        *plan_changes(UNIT_FOLDER, units, read_files(UNIT_FOLDER, UNIT_NAMES), force=force),
        *plan_changes(CRON_FOLDER, table, read_files(CRON_FOLDER, [FILE]), force=force),
    ]
    return [each for each in changes if each.before is not None or each.after is not None]


def start_timers(wanted: Sequence[str]) -> None:
    """Let systemd read the units, start what is wanted and stop what is not."""
    systemctl("daemon-reload")
    gone = [name for name in TIMER_NAMES if name not in wanted]
    for name in gone:
        run(["systemctl", "disable", "--now", name])
    # Restarted: a timer that runs keeps the time that it had read before.
    systemctl("enable", *wanted)
    systemctl("restart", *wanted)


def systemctl(*words: str) -> None:
    ended = run(["systemctl", *words])
    if ended.status != 0:
        raise OpsError(
            f"systemctl {' '.join(words)} failed: {ended.stderr.strip()}",
            hint="see systemctl status lpse-ops-backup.timer and journalctl -xe",
        )


def render_changes(changes: Sequence[Change], *, dry_run: bool) -> str:
    if dry_run:
        return "".join(each.diff() for each in changes) or "nothing would change\n"
    lines = [f"{each.verb:10} {each.path}" for each in changes]
    if any(each.verb is Verb.WRITE for each in changes):
        lines.append("next: lpse-ops backup schedule show; lpse-ops notify test")
    return "\n".join(lines)
