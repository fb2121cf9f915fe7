"""Make snapshots readable again whose data is gone."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from lpse_ops.backup.repairsnapshots import SnapshotRepair, remove_damaged_files, repair_snapshots
from lpse_ops.cli.backup_options import (
    EVERY_SNAPSHOT,
    Only,
    filter_options,
    path_text,
    retry_lock_option,
    snapshot_fields,
)
from lpse_ops.cli.output import emit, printable
from lpse_ops.cli.parameters import FILE, format_option, output_option, repository_options
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.wiring import App


@click.command(epilog="Example: lpse-ops backup repair snapshots --dry-run")
@click.argument("ids", nargs=-1, metavar="[SNAPSHOT...]")
@filter_options
@click.option("--forget", is_flag=True, help="Remove the damaged snapshots.")
@click.option(
    "--keep-damaged",
    type=FILE,
    metavar="DIR",
    help="Where copies of damaged snapshot files are kept, instead of the state folder.",
)
@click.option("--dry-run", "-n", is_flag=True, help="Only say what would be done.")
@retry_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    ids: tuple[str, ...],
    only: Only,
    forget: bool,
    keep_damaged: Path | None,
    dry_run: bool,
    retry_lock: timedelta,
    output_format: str,
    output: Path | None,
) -> None:
    """Make new snapshots of what is left of damaged ones, and name all that is lost.

    Files lose the parts that are gone, folders that cannot be read become empty.  The new
    snapshots get the tag "repaired"; with --forget they take the place of the damaged ones, and
    snapshot files that cannot be read are removed, too; snapshots that are kept forever stay.
    Try repair index and repair packs first.
    """
    only.refuse_beside(ids)
    with locked(app, exclusive=not dry_run, retry_lock=retry_lock, cached=False) as repository:
        snapshots = repository.snapshots(app.console.warn)
        chosen = only.choose_each(snapshots, ids)
        repairs = repair_snapshots(repository, chosen, forget=forget, dry_run=dry_run)
        folder = keep_damaged or app.state_folder / "damaged" / repository.config.id[:10]
        copies = []
        if forget and not dry_run and not ids and only == EVERY_SNAPSHOT:
            copies = remove_damaged_files(repository, folder)
    emit(
        "backup/repair-snapshots",
        {
            "dry_run": dry_run,
            "snapshots": [_fields(repair) for repair in repairs],
            "files_removed": copies,
        },
        text=lambda: _render(repairs, copies, dry_run=dry_run),
        output_format=output_format,
        output=output,
    )


def _fields(repair: SnapshotRepair) -> dict[str, Any]:
    notes = repair.tree.all_notes() if repair.tree else [(b"/", "cannot be read")]
    return {
        "snapshot": snapshot_fields(repair.snapshot),
        "new_id": repair.new_id or None,
        "removed": repair.is_removed,
        "changes": [{"path": path_text(path), "note": note} for path, note in notes],
    }


def _render(repairs: Sequence[SnapshotRepair], copies: Sequence[Path], *, dry_run: bool) -> str:
    lines = []
    for repair in repairs:
        lines.append(
            f"snapshot {repair.snapshot.short_id} of {repair.snapshot.time:%Y-%m-%d %H:%M:%S %z}"
        )
        if repair.tree is None:
            lines.append("  /: cannot be read, so nothing is left of it")
        else:
            notes = repair.tree.all_notes()
            lines += [f"  {printable(path_text(path))}: {printable(note)}" for path, note in notes]
        if repair.new_id:
            lines.append(f"  what is left is snapshot {repair.new_id[:8]}")
        if repair.is_removed:
            lines.append(f"  snapshot {repair.snapshot.short_id} was removed")
    lines += [f"a damaged snapshot file was removed, its copy is {path}" for path in copies]
    if not repairs:
        lines.append("all of these snapshots can be read as far as the index tells")
    elif dry_run:
        lines.append("nothing was changed: this was a dry run")
    return "\n".join(lines)
