"""Restore files or a database from a snapshot."""

import os
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from lpse_ops.backup.exclude import Excludes, Includes
from lpse_ops.backup.readpool import ReadPool, count_workers
from lpse_ops.backup.restorebatch import restoring_handler
from lpse_ops.backup.restorer import folder_tree, restore
from lpse_ops.backup.restorereport import (
    EVERYTHING,
    RestoreOptions,
    RestoreReport,
    Selection,
)
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.cli.backup_options import (
    Only,
    choose_to_restore,
    filter_options,
    no_lock_option,
    path_text,
    read_patterns,
    snapshot_fields,
)
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import FILE, format_option, output_option, repository_options
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.sizes import format_size
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError

_FAILED = 1
_FILE_FLAGS = (
    "include",
    "iinclude",
    "include_file",
    "exclude",
    "iexclude",
    "exclude_file",
    "sparse",
    "dry_run",
)
_DATABASE_FLAGS = ("into", "server", "replace", "with_globals")
_LISTED = 20


@click.command(
    epilog="Example: lpse-ops backup restore latest --target /srv/restored "
    "--include /home/file/file_prod"
)
@click.argument("snapshot", metavar="SNAPSHOT[:FOLDER]")
@click.option("--target", "-t", type=FILE, metavar="DIR", help="Restore files below this folder.")
@click.option("--include", "-i", multiple=True, metavar="PATTERN", help="Only what matches.")
@click.option("--iinclude", multiple=True, metavar="PATTERN", help="The same, ignoring case.")
@click.option("--include-file", multiple=True, type=FILE, help="Read patterns from a file.")
@click.option("--exclude", "-e", multiple=True, metavar="PATTERN", help="Not what matches.")
@click.option("--iexclude", multiple=True, metavar="PATTERN", help="The same, ignoring case.")
@click.option("--exclude-file", multiple=True, type=FILE, help="Read patterns from a file.")
@click.option("--verify", is_flag=True, help="Read everything again and compare afterwards.")
@click.option("--sparse", is_flag=True, help="Make holes where a file is all zero.")
@click.option("--dry-run", "-n", is_flag=True, help="Write nothing, say what would be written.")
@click.option("--database", metavar="NAME", help="Restore the dump of this database instead.")
@click.option("--into", metavar="NEW", help="Name of the restored database; default: NAME.")
@click.option(
    "--server", metavar="URL", help="Any database of the server to restore to; default: settings."
)
@click.option("--replace", is_flag=True, help="Replace a database that is not empty.")
@click.option("--globals", "with_globals", is_flag=True, help="Restore roles first.")
@click.option("--no-owner", is_flag=True, help="Files or tables belong to whoever restores.")
@filter_options
@no_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    snapshot: str,
    target: Path | None,
    database: str | None,
    only: Only,
    no_lock: bool,
    output_format: str,
    output: Path | None,
    **options: Any,
) -> int:
    """Restore files into a folder, or a database.

    A file that is there with the same content is not written again.  A database is restored
    beside the old one and takes its place only when it is whole.
    """
    if (target is None) == (database is None):
        raise UsageError(
            "what shall be restored?",
            hint="give --target DIR for files, or --database NAME for a database",
        )
    wanted, _, folder = snapshot.partition(":")
    _refuse_flags(options, _FILE_FLAGS if database else _DATABASE_FLAGS, "--database", database)
    if database and folder:
        raise UsageError(
            "a folder of the snapshot and --database do not go together",
            hint=f"lpse-ops backup restore {wanted} --database {database}",
        )
    workers = 0 if database or options["dry_run"] else count_workers()
    # Forked first of all: there are no threads yet, and little memory to share.
    with (
        closing(ReadPool(lambda: restoring_handler, workers)) as pool,
        locked(app, no_lock=no_lock) as repository,
    ):
        chosen, exit_code = choose_to_restore(app, repository, only, wanted)
        index = repository.load_index()
        if database is not None:
            from lpse_ops.cli.database_restore import (
                DatabaseRestore,
                render_restored,
                restore_from_snapshot,
            )

            request = DatabaseRestore(
                name=database,
                into=options["into"] or database,
                server=options["server"],
                replace=options["replace"],
                with_globals=options["with_globals"],
                owners=not options["no_owner"],
                verify=options["verify"],
            )
            with app.console.progress_bar(f"restoring {database}") as bar:
                restored = restore_from_snapshot(app, repository, index, chosen, request, bar)
            emit(
                "backup/restore-database",
                {"snapshot": snapshot_fields(chosen), **restored},
                text=lambda: render_restored(restored),
                output_format=output_format,
                output=output,
            )
            return exit_code
        tree = folder_tree(repository, index, chosen.tree, os.fsencode(folder))
        restore_options = RestoreOptions(
            selection=_selection(app, options),
            verify=options["verify"],
            sparse=options["sparse"],
            dry_run=options["dry_run"],
            owners=not options["no_owner"],
        )
        with app.console.progress_bar("restoring", None if folder else chosen.total_bytes) as bar:
            report = restore(
                repository,
                index,
                tree,
                os.fsencode(os.path.abspath(str(target))),
                restore_options,
                bar,
                pool if pool.open(repository) else None,
            )
    _warn(app, report)
    emit(
        "backup/restore",
        {"snapshot": snapshot_fields(chosen), "target": target, **_fields(report)},
        text=lambda: _render(chosen, report, dry_run=options["dry_run"]),
        output_format=output_format,
        output=output,
    )
    return _FAILED if report.errors else exit_code


def _refuse_flags(
    options: dict[str, Any], flags: tuple[str, ...], with_what: str, database: str | None
) -> None:
    """A flag that would be ignored may be the one that somebody relies on."""
    for name in flags:
        if options[name]:
            flag = f"--{name.removeprefix('with_').replace('_', '-')}"
            joined = "with" if database else "without"
            raise UsageError(f"{flag} means nothing {joined} {with_what}", hint=f"leave out {flag}")


def _selection(app: App, options: dict[str, Any]) -> Selection:
    include = [*options["include"], *read_patterns(app, options["include_file"])]
    exclude = [*options["exclude"], *read_patterns(app, options["exclude_file"])]
    if (include or options["iinclude"]) and (exclude or options["iexclude"]):
        raise UsageError(
            "--include and --exclude cannot be combined",
            hint="run restore twice, or name the folder as SNAPSHOT:FOLDER",
        )
    if include or options["iinclude"]:
        return Includes(include, options["iinclude"])
    if exclude or options["iexclude"]:
        return Excludes(exclude, options["iexclude"])
    return EVERYTHING


def _fields(report: RestoreReport) -> dict[str, Any]:
    problems = {
        key: [{"path": path_text(path), "error": message} for path, message in listed]
        for key, listed in (("errors", report.errors), ("warnings", report.warnings))
    }
    return {**vars(report), **problems}


def _warn(app: App, report: RestoreReport) -> None:
    problems = [*report.errors, *report.warnings]
    for path, message in problems[:_LISTED]:
        app.console.warn(f"{path_text(path)}: {message}")
    if len(problems) > _LISTED:
        more = len(problems) - _LISTED
        app.console.warn(f"{more} more problems; --format json lists them all")


def _render(snapshot: Snapshot, report: RestoreReport, *, dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    lines = [
        f"snapshot   {snapshot.short_id} of {snapshot.time:%Y-%m-%d %H:%M:%S %z}",
        f"files      {report.files_restored} {would}restored, {report.files_unchanged} unchanged",
        f"folders    {report.dirs}",
        f"written    {format_size(report.bytes_written)}",
    ]
    if report.verified_files:
        size = format_size(report.verified_bytes)
        lines.append(f"verified   {report.verified_files} files, {size} read again and compared")
    if report.errors:
        lines.append(f"FAILED     {len(report.errors)} files could not be restored, see above")
    return "\n".join(lines)
