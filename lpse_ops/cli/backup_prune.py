"""Give back the room of what no snapshot needs any more."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import click

from lpse_ops.backup.prune import PruneOptions, prune
from lpse_ops.cli.backup_options import retry_lock_option
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.prune_options import PruneBar, prune_json, prune_options, render_prune
from lpse_ops.cli.records import record_of_chosen
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.wiring import App

_NOT_ALL_REMOVED = 1


@click.command(epilog="Example: lpse-ops backup prune --dry-run")
@prune_options
@click.option("--dry-run", "-n", is_flag=True, help="Change nothing, show the figures.")
@retry_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    pruning: PruneOptions,
    dry_run: bool,
    retry_lock: timedelta,
    output_format: str,
    output: Path | None,
) -> int:
    """Delete packs that nobody needs, and rewrite those of which much is unused.

    Stops before it deletes anything if something that a snapshot needs is missing or damaged.
    Packs in no index, as a stopped backup leaves them, go when they are a day old.
    """
    options = replace(pruning, dry_run=dry_run)
    with (
        locked(app, exclusive=True, retry_lock=retry_lock) as repository,
        app.console.progress_bar("pruning") as bar,
    ):
        report = prune(repository, options, PruneBar(bar), now=app.clock.now())
    if not dry_run:
        status = "failed" if report.not_removed else "ok"
        record_of_chosen(app, "prune", {"removed": report.packs_removed, "status": status})
    for pack in report.not_removed:
        app.console.warn(f"pack {pack[:10]} could not be deleted; a later prune tries again")
    emit(
        "backup/prune",
        prune_json(report),
        text=lambda: render_prune(report),
        output_format=output_format,
        output=output,
    )
    return _NOT_ALL_REMOVED if report.not_removed else 0
