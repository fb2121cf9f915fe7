"""Rebuild the index of a repository from its packs."""

from datetime import timedelta
from pathlib import Path

import click

from lpse_ops.backup.repairindex import IndexReport, repair_index
from lpse_ops.cli.backup_options import retry_lock_option
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.wiring import App

_DAMAGE_IS_LEFT = 1


@click.command(epilog="Example: lpse-ops backup repair index")
@click.option("--read-all-packs", is_flag=True, help="Ask all packs, not only those in doubt.")
@click.option("--dry-run", "-n", is_flag=True, help="Only say what would be done.")
@retry_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    read_all_packs: bool,
    dry_run: bool,
    retry_lock: timedelta,
    output_format: str,
    output: Path | None,
) -> int:
    """Make the index say what the packs hold.

    Lists packs that no index lists, forgets packs that are gone, and drops damaged index files.
    No pack is touched.  Exit code 1 if packs are damaged: repair packs comes next.
    """
    with (
        locked(app, exclusive=not dry_run, retry_lock=retry_lock, cached=False) as repository,
        app.console.progress_bar("packs") as bar,
    ):
        report = repair_index(
            repository, read_all_packs=read_all_packs, dry_run=dry_run, progress=bar
        )
    for index_id, message in report.damaged_files.items():
        app.console.warn(f"index file {index_id[:10]} is dropped: {message}")
    for pack_id in report.missing:
        app.console.warn(f"pack {pack_id.hex()} is gone, and is listed no more")
    for pack_id, message in report.unreadable.items():
        again = f"lpse-ops backup repair packs {pack_id.hex()}"
        app.console.warn(f"{message}; {again} saves what still opens")
    emit(
        "backup/repair-index",
        {
            "dry_run": dry_run,
            "packs_added": report.unlisted,
            "packs_corrected": report.relisted,
            "packs_missing": report.missing,
            "packs_damaged": [each.hex() for each in report.unreadable],
            "index_files_damaged": list(report.damaged_files),
            "index_files_saved": report.saved,
            "index_files_removed": report.removed,
        },
        text=lambda: _render(report, dry_run=dry_run),
        output_format=output_format,
        output=output,
    )
    return _DAMAGE_IS_LEFT if report.unreadable else 0


def _render(report: IndexReport, *, dry_run: bool) -> str:
    if not report.is_changed:
        return "the index is right; nothing was changed"
    counts = (
        ("packs added", report.unlisted),
        ("packs corrected", report.relisted),
        ("packs gone", report.missing),
        ("packs damaged", report.unreadable),
        ("index files written", report.saved),
        ("index files removed", report.removed),
    )
    lines = [f"{name:<20} {len(found)}" for name, found in counts]
    return "\n".join([*lines, "nothing was changed: this was a dry run"] if dry_run else lines)
