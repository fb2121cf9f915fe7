"""Take the timer away: exactly the files that install wrote."""

from pathlib import Path

import click

from lpse_ops.cli.backup_schedule_install import plan_all, render_changes, systemctl
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.schedule_files import Change, apply_changes
from lpse_ops.cli.schedule_plan import UNIT_FOLDER, has_systemd
from lpse_ops.cli.wiring import App
from lpse_ops.process import run


@click.command(epilog="Example: lpse-ops backup schedule remove --dry-run")
@click.option("--force", is_flag=True, help="Also files that were changed by hand.")
@click.option("--dry-run", "-n", is_flag=True, help="Show what would be removed.")
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,  # noqa: ARG001 - as click passes it
    force: bool,
    dry_run: bool,
    output_format: str,
    output: Path | None,
) -> None:
    """Stop the timer and remove the units or the file of cron; backups stay as they are."""
    changes = plan_all({}, {}, force=force)
    if not dry_run:
        remove(changes)
    emit(
        "backup/schedule/remove",
        {
            "dry_run": dry_run,
            "files": [{"path": each.path, "change": each.verb.value} for each in changes],
        },
        text=lambda: render_changes(changes, dry_run=dry_run) or "there is no schedule",
        output_format=output_format,
        output=output,
    )


def remove(changes: list[Change]) -> None:
    units = [each.path.name for each in changes if each.path.parent == UNIT_FOLDER]
    timers = [name for name in units if name.endswith(".timer")]
    if timers and has_systemd():
        run(["systemctl", "disable", "--now", *timers])
    apply_changes(changes)
    if units and has_systemd():
        systemctl("daemon-reload")
