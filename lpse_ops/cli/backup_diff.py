"""Compare two snapshots."""

from collections.abc import Iterator
from pathlib import Path

import click

from lpse_ops.backup.diff import Change, DiffStatistics, diff_trees
from lpse_ops.backup.selection import choose_snapshot
from lpse_ops.cli.backup_options import no_lock_option, path_text
from lpse_ops.cli.output import encode_text, open_output, printable, render_json
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.sizes import format_size
from lpse_ops.cli.wiring import App

_COUNTS = (
    "changed_files",
    "added_files",
    "added_dirs",
    "added_others",
    "removed_files",
    "removed_dirs",
    "removed_others",
    "added_bytes",
    "removed_bytes",
)


@click.command(epilog="Example: lpse-ops backup diff 5a11acbf latest")
@click.argument("old")
@click.argument("new")
@click.option("--metadata", is_flag=True, help="Tell changed owners, modes and times too (U).")
@no_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    old: str,
    new: str,
    metadata: bool,
    no_lock: bool,
    output_format: str,
    output: Path | None,
) -> None:
    """Show what changed from snapshot OLD to NEW.

    + added, - removed, M content changed, T another type, U only metadata changed.
    """
    with locked(app, no_lock=no_lock) as repository:
        snapshots = repository.snapshots(app.console.warn)
        before, after = choose_snapshot(snapshots, old), choose_snapshot(snapshots, new)
        index = repository.load_index()
        statistics = DiffStatistics()

        def changes() -> Iterator[Change]:
            for change in diff_trees(
                repository,
                index,
                before.tree,
                after.tree,
                metadata=metadata,
                statistics=statistics,
            ):
                statistics.count(change)
                yield change

        with open_output(output) as stream:
            if output_format == "json":
                listed = [
                    {"modifier": each.modifier, "path": path_text(each.path)} for each in changes()
                ]
                statistics.finish(index)
                fields = {
                    "old": before.id,
                    "new": after.id,
                    "changes": listed,
                    "statistics": {name: getattr(statistics, name) for name in _COUNTS},
                }
                stream.write(encode_text(f"{render_json('backup/diff', fields)}\n"))
                return
            for each in changes():
                stream.write(f"{each.modifier} {printable(path_text(each.path))}\n".encode())
            statistics.finish(index)
            stream.write(_render(statistics).encode())


def _render(found: DiffStatistics) -> str:
    return (
        f"files: {found.added_files} added, {found.removed_files} removed, "
        f"{found.changed_files} changed\n"
        f"folders: {found.added_dirs} added, {found.removed_dirs} removed\n"
        f"others: {found.added_others} added, {found.removed_others} removed\n"
        f"content: {format_size(found.added_bytes)} added, "
        f"{format_size(found.removed_bytes)} removed\n"
    )
