"""Find files by name in snapshots."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from lpse_ops.backup.find import Finder, Wanted
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.cli.backup_ls import entry_fields
from lpse_ops.cli.backup_options import (
    Only,
    filter_options,
    no_lock_option,
    path_text,
    snapshot_fields,
)
from lpse_ops.cli.output import encode_text, open_output, printable, write_json_list
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
    with locked(app, no_lock=no_lock) as repository, open_output(output) as stream:
        snapshots = repository.snapshots(app.console.warn)
        chosen = only.choose_each(snapshots, ids)
        finder = Finder(repository, repository.load_index(), wanted)
        matching = _Matching(finder, chosen[::-1])
        if output_format == "json":
            write_json_list(stream, "backup/find", {}, "matches", matching.fields())
        else:
            for line in matching.lines():
                stream.write(encode_text(f"{line}\n"))
    return 0 if matching.found else _FOUND_NOTHING


class _Matching:
    """What is found, told snapshot by snapshot; ``found`` is the number of files so far."""

    def __init__(self, finder: Finder, snapshots: Sequence[Snapshot]) -> None:
        self._finder = finder
        self._snapshots = snapshots
        self.found = 0

    def lines(self) -> Iterator[str]:
        for snapshot in self._snapshots:
            before = self.found
            for entry in self._finder.find(snapshot.tree):
                if self.found == before:
                    moment = f"{snapshot.time:%Y-%m-%d %H:%M:%S %z}"
                    yield f"snapshot {snapshot.short_id} of {moment}"
                self.found += 1
                yield f"  {printable(path_text(entry.path))}"

    def fields(self) -> Iterator[dict[str, Any]]:
        for snapshot in self._snapshots:
            entries = [entry_fields(each) for each in self._finder.find(snapshot.tree)]
            self.found += len(entries)
            if entries:
                yield {"snapshot": snapshot_fields(snapshot), "entries": entries}
