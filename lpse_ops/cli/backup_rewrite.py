"""Leave files out of snapshots that exist already."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from lpse_ops.backup.exclude import Excludes
from lpse_ops.backup.rewrite import Changes, Rewritten, rewrite_snapshots
from lpse_ops.cli.backup_options import (
    Only,
    filter_options,
    path_text,
    read_patterns,
    retry_lock_option,
    snapshot_fields,
)
from lpse_ops.cli.output import emit, printable
from lpse_ops.cli.parameters import FILE, format_option, output_option, repository_options
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError


@click.command(epilog="Example: lpse-ops backup rewrite --exclude '*.tmp' --dry-run")
@click.argument("ids", nargs=-1, metavar="[SNAPSHOT...]")
@filter_options
@click.option("--exclude", "-e", multiple=True, metavar="PATTERN", help="Leave matches out.")
@click.option("--iexclude", multiple=True, metavar="PATTERN", help="The same, ignoring case.")
@click.option("--exclude-file", multiple=True, type=FILE, help="Read patterns from a file.")
@click.option("--iexclude-file", multiple=True, type=FILE, help="The same, ignoring case.")
@click.option("--new-host", metavar="NAME", default="", help="Another host in the snapshots.")
@click.option("--new-time", type=click.DateTime(), help="Another time of the snapshots.")
@click.option("--forget", is_flag=True, help="Remove the old snapshots.")
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
    exclude: tuple[str, ...],
    iexclude: tuple[str, ...],
    exclude_file: tuple[Path, ...],
    iexclude_file: tuple[Path, ...],
    new_host: str,
    new_time: datetime | None,
    forget: bool,
    dry_run: bool,
    retry_lock: timedelta,
    output_format: str,
    output: Path | None,
) -> None:
    """Make new snapshots of old ones without the files that match a pattern.

    All snapshots, or those named or chosen.  The new ones get the tag "rewrite"; with --forget
    they take the place of the old ones.  The data itself goes with lpse-ops backup prune.
    """
    only.refuse_beside(ids)
    exact = [*exclude, *read_patterns(app, exclude_file)]
    folded = [*iexclude, *read_patterns(app, iexclude_file)]
    if not (exact or folded or new_host or new_time):
        raise UsageError(
            "nothing to change is given",
            hint="give --exclude PATTERN, --new-host NAME or --new-time '2026-01-31 18:00:00'",
        )
    changes = Changes(
        Excludes(exact, folded) if exact or folded else None,
        new_host,
        new_time.replace(tzinfo=app.clock.now().tzinfo) if new_time else None,
    )
    exclusive = forget and not dry_run
    with locked(app, exclusive=exclusive, retry_lock=retry_lock) as repository:
        snapshots = repository.snapshots(app.console.warn)
        chosen = only.choose_each(snapshots, ids)
        done = rewrite_snapshots(repository, chosen, changes, forget=forget, dry_run=dry_run)
    emit(
        "backup/rewrite",
        {
            "dry_run": dry_run,
            "snapshots": [_fields(each, removed=exclusive) for each in done],
        },
        text=lambda: _render(done, removed=exclusive, dry_run=dry_run),
        output_format=output_format,
        output=output,
    )


def _fields(rewritten: Rewritten, *, removed: bool) -> dict[str, Any]:
    return {
        "snapshot": snapshot_fields(rewritten.snapshot),
        "new_id": rewritten.new_id or None,
        "removed": removed,
        "excluded": [path_text(path) for path in _paths(rewritten)],
    }


def _paths(rewritten: Rewritten) -> list[bytes]:
    return [path for path, _ in rewritten.tree.all_notes()] if rewritten.tree else []


def _render(done: Sequence[Rewritten], *, removed: bool, dry_run: bool) -> str:
    lines = []
    for each in done:
        lines.append(
            f"snapshot {each.snapshot.short_id} of {each.snapshot.time:%Y-%m-%d %H:%M:%S %z}"
        )
        lines += [f"  left out: {printable(path_text(path))}" for path in _paths(each)]
        if each.new_id:
            verb = "takes its place" if removed else "is the new one"
            lines.append(f"  snapshot {each.new_id[:8]} {verb}")
    lines.append(f"{len(done)} snapshots {'would change' if dry_run else 'changed'}")
    return "\n".join(lines)
