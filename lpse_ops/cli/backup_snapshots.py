"""List the snapshots of a repository."""

from pathlib import Path

import click

from lpse_ops.backup.milestone import KEEP_FOREVER, is_milestone_tag, milestone_reason
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.cli.backup_options import Only, filter_options, no_lock_option, snapshot_fields
from lpse_ops.cli.output import emit, render_table
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.sizes import format_size
from lpse_ops.cli.wiring import App


@click.command(epilog="Example: lpse-ops backup snapshots --host lpse-contoh")
@filter_options
@no_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    only: Only,
    no_lock: bool,
    output_format: str,
    output: Path | None,
) -> None:
    """List snapshots, oldest first; milestones with the reason why they are kept forever."""
    with locked(app, no_lock=no_lock) as repository:
        found = only.all(repository.snapshots(app.console.warn))
    emit(
        "backup/snapshots",
        {
            "snapshots": [
                {**snapshot_fields(each), "keep_forever": milestone_reason(each)} for each in found
            ]
        },
        text=lambda: _render(found),
        output_format=output_format,
        output=output,
    )


def _render(found: list[Snapshot]) -> str:
    rows = [
        (
            each.short_id,
            f"{each.time:%Y-%m-%d %H:%M:%S %z}",
            each.hostname,
            ",".join(_tags(each)),
            _size(each),
            " ".join(each.paths),
        )
        for each in found
    ]
    header = ("ID", "Time", "Host", "Tags", "Size", "Paths")
    return render_table(header, rows, right=["Size"]) + f"{len(found)} snapshots\n"


def _tags(snapshot: Snapshot) -> list[str]:
    """The two tags of a milestone are shown as one."""
    reason = milestone_reason(snapshot)
    if reason is None:
        return list(snapshot.tags)
    shown = f"{KEEP_FOREVER}: {reason}" if reason else KEEP_FOREVER
    return [*(tag for tag in snapshot.tags if not is_milestone_tag(tag)), shown]


def _size(snapshot: Snapshot) -> str:
    return "" if snapshot.total_bytes is None else format_size(snapshot.total_bytes)
