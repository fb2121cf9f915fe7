"""Remove locks that nobody holds any more."""

from pathlib import Path

import click

from lpse_ops.backup.locking import unlock
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.repository_access import open_for
from lpse_ops.cli.wiring import App


@click.command(epilog="Example: lpse-ops backup unlock")
@click.option("--remove-all", is_flag=True, help="Also locks that may be in use: look first.")
@format_option
@output_option
@repository_options
@click.pass_obj
def command(app: App, /, remove_all: bool, output_format: str, output: Path | None) -> None:
    """Remove stale locks: older than 30 minutes, or of a process of this host that is gone."""
    removed = unlock(open_for(app), app.clock.now(), remove_all=remove_all)
    emit(
        "backup/unlock",
        {"removed": removed},
        text=lambda: f"{len(removed)} locks removed",
        output_format=output_format,
        output=output,
    )
