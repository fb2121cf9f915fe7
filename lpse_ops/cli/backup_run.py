"""Take a snapshot of databases, documents and configuration."""

import contextlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpse_ops.cli.backup_options import retry_lock_option, snapshot_fields
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import FILE, format_option, output_option, repository_options
from lpse_ops.cli.repository_access import start_opening
from lpse_ops.cli.sizes import format_size
from lpse_ops.cli.wiring import App

if TYPE_CHECKING:
    from lpse_ops.backup.backuprun import BackupResult
    from lpse_ops.backup.filereader import ArchiveCounts
    from lpse_ops.cli.backup_sources import Sources
    from lpse_ops.cli.console import ProgressBar
    from lpse_ops.postgres.rowcounts import CountMode

SOME_UNREADABLE = 3
_LISTED = 20


@click.command(
    epilog="Example: lpse-ops backup run --repo /mnt/disk/repo --password-file p "
    "/home/file/file_prod --database postgresql:///epns_prod"
)
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=FILE)
@click.option("--database", "databases", multiple=True, metavar="URL", help="Dump this database.")
@click.option("--row-counts", type=click.Choice(["exact", "estimate", "off"]))
@click.option("--exclude", "-e", multiple=True, metavar="PATTERN", help="Leave matches out.")
@click.option("--iexclude", multiple=True, metavar="PATTERN", help="The same, ignoring case.")
@click.option("--exclude-file", multiple=True, type=FILE, help="Read patterns from a file.")
@click.option("--iexclude-file", multiple=True, type=FILE, help="The same, ignoring case.")
@click.option(
    "--exclude-if-present",
    multiple=True,
    metavar="NAME[:HEADER]",
    help="Leave folders out that hold this file.",
)
@click.option("--exclude-caches", is_flag=True, help="Leave out folders with a CACHEDIR.TAG.")
@click.option(
    "--exclude-larger-than", metavar="SIZE", help="Leave files out that are larger: 500M."
)
@click.option("--one-file-system", "-x", is_flag=True, help="Do not cross mount points.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Tag of the snapshot.")
@click.option("--host", metavar="NAME", help="Host name to record; never change it for a site.")
@click.option("--time", "moment", metavar="TIME", help="Time to record: 2026-01-31T18:00:00.")
@click.option("--force", "-f", is_flag=True, help="Read unchanged files again.")
@click.option("--dry-run", "-n", is_flag=True, help="Store nothing, say what would be stored.")
@retry_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    paths: tuple[Path, ...],
    databases: tuple[str, ...],
    row_counts: "CountMode | None",
    dry_run: bool,
    retry_lock: timedelta,
    output_format: str,
    output: Path | None,
    **options: Any,
) -> int:
    """Take one snapshot: databases first, then PATHs.

    Without PATH and --database, what lpse-ops.yml says is backed up.
    """
    opening = start_opening(app)
    # While the key is worked out: importing the rest takes half as long.
    from lpse_ops.backup.backuprun import run_backup
    from lpse_ops.backup.locking import hold_lock
    from lpse_ops.backup.workerpool import WorkerPool
    from lpse_ops.cli.backup_request import build_request

    sources, request = build_request(
        app, paths, databases, row_counts, {**options, "dry_run": dry_run}
    )
    repository = opening.finish()
    with (
        # Before the lock, which has a thread: processes are forked while there is only one.
        contextlib.closing(WorkerPool(repository.keys)) as pool,
        hold_lock(repository, retry_for=retry_lock, read_meanwhile=True),
        app.console.progress_bar("backing up") as bar,
    ):
        result = run_backup(repository, request, _Bar(bar), pool=pool)
    emit(
        "backup/run",
        _fields(result, sources, dry_run=dry_run),
        text=lambda: _render(result, dry_run=dry_run),
        output_format=output_format,
        output=output,
    )
    _warn(app, result.counts)
    return SOME_UNREADABLE if result.counts.unreadable else 0


class _Bar:
    """Lets the archiver advance a bar of the console."""

    def __init__(self, bar: "ProgressBar") -> None:
        self._bar = bar

    def advance(self, size_bytes: int) -> None:
        self._bar.advance(size_bytes)

    def expect(self, total_bytes: int) -> None:
        self._bar.update(total=total_bytes or None)


def _fields(result: "BackupResult", sources: "Sources", *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "snapshot": None if dry_run else snapshot_fields(result.snapshot),
        "summary": {**result.snapshot.summary, "bytes_read": result.bytes_read},
        "databases": sources.facts,
        **_problems(result.counts),
    }


def _problems(counts: "ArchiveCounts") -> dict[str, Any]:
    from lpse_ops.cli.backup_sources import problem_fields

    return problem_fields(counts)


def _render(result: "BackupResult", *, dry_run: bool) -> str:
    summary, saved = result.snapshot.summary, result.saved
    seconds = (
        datetime.fromisoformat(summary["backup_end"])
        - datetime.fromisoformat(summary["backup_start"])
    ).total_seconds()
    lines = [
        f"files      {summary['files_new']} new, {summary['files_changed']} changed, "
        f"{summary['files_unmodified']} unmodified",
        f"folders    {summary['dirs_new']} new, {summary['dirs_changed']} changed, "
        f"{summary['dirs_unmodified']} unmodified",
        f"processed  {format_size(summary['total_bytes_processed'])} in {seconds:.1f} s",
        f"added      {format_size(saved.data_added)}"
        + (" would be new" if dry_run else f", stored as {format_size(saved.data_added_packed)}"),
    ]
    if not dry_run:
        lines.append(f"snapshot   {result.snapshot.short_id} saved")
    return "\n".join(lines)


def _warn(app: App, counts: "ArchiveCounts") -> None:
    problems = _problems(counts)
    for each in problems["unreadable"][:_LISTED]:
        app.console.warn(f"cannot read {each['path']}: {each['error']}")
    for path in problems["changed_while_read"][:_LISTED]:
        app.console.warn(f"{path} changed while it was read; it is stored as read")
    more = max(len(counts.unreadable) - _LISTED, 0)
    if more:
        app.console.warn(f"{more} more files cannot be read; --format json lists them all")
