"""Find files by name in snapshots."""

from datetime import datetime
from pathlib import Path

import click

from lpse_ops.backup.find import Finder, Wanted
from lpse_ops.cli.backup_ls import entry_fields
from lpse_ops.cli.backup_options import (
    Only,
    filter_options,
    no_lock_option,
    path_text,
    snapshot_fields,
)
from lpse_ops.cli.output import emit, printable
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.wiring import App

_FOUND_NOTHING = 1


@click.command(epilog="Example: lpse-ops backup find '*.rhs' --newest 2026-01-31T18:00:00")
@click.argument("patterns", nargs=-1, required=True, metavar="PATTERN...")
@click.option("--ignore-case", "-i", is_flag=True, help="Do not tell A from a.")
@click.option("--oldest", type=click.DateTime(), help="Only files changed since then.")
@click.option("--newest", type=click.DateTime(), help="Only files changed before then.")
@click.option("--snapshot", "-s", "ids", multiple=True, metavar="ID", help="Only this snapshot.")
@filter_options
@no_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    patterns: tuple[str, ...],
    ignore_case: bool,
    oldest: datetime | None,
    newest: datetime | None,
    ids: tuple[str, ...],
    only: Only,
    no_lock: bool,
    output_format: str,
    output: Path | None,
) -> int:
    """Find files whose names match a PATTERN (*, ?, [...]), newest snapshot first."""
    zone = app.clock.now().tzinfo
    wanted = Wanted(
        patterns,
        ignore_case=ignore_case,
        oldest=oldest.replace(tzinfo=zone) if oldest else None,
        newest=newest.replace(tzinfo=zone) if newest else None,
    )
    with locked(app, no_lock=no_lock) as repository:
        snapshots = repository.snapshots(app.console.warn)
        chosen = [only.choose(snapshots, each) for each in ids] or only.all(snapshots)
        finder = Finder(repository, repository.load_index(), wanted)
        found = [(each, list(finder.find(each.tree))) for each in reversed(chosen)]
    matching = [(snapshot, entries) for snapshot, entries in found if entries]

    def text() -> str:
        lines = []
        for snapshot, entries in matching:
            lines.append(f"snapshot {snapshot.short_id} of {snapshot.time:%Y-%m-%d %H:%M:%S %z}")
            lines += [f"  {printable(path_text(entry.path))}" for entry in entries]
        return "\n".join(lines)

    emit(
        "backup/find",
        {
            "matches": [
                {
                    "snapshot": snapshot_fields(snapshot),
                    "entries": [entry_fields(entry) for entry in entries],
                }
                for snapshot, entries in matching
            ]
        },
        text=text,
        output_format=output_format,
        output=output,
    )
    return 0 if matching else _FOUND_NOTHING
