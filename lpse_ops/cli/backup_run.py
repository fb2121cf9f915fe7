"""Take a snapshot of databases, documents and configuration.

Exit code 1 (10, 11, 12): no destination got it.  3: some source could not be read, or a destination
that was reached did not get it.  A destination that is away is warned of and changes nothing: a
disk in the safe is no failure of this run, and ``backup status`` knows how old it is.
"""

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from lpse_ops.cli.backup_asked import Asked, choose_source
from lpse_ops.cli.backup_options import retry_lock_option, snapshot_fields
from lpse_ops.cli.destination_access import configured_destinations
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import FILE, format_option, output_option, repository_options
from lpse_ops.cli.pull_options import PullFlags, pull_options
from lpse_ops.cli.records import record, record_begin
from lpse_ops.cli.repository_access import ask_for_files, choose_backend, start_opening_at
from lpse_ops.cli.run_alone import run_alone
from lpse_ops.cli.sizes import format_size
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError

if TYPE_CHECKING:
    from lpse_ops.backup.backuprun import BackupRequest, BackupResult
    from lpse_ops.backup.filereader import ArchiveCounts
    from lpse_ops.backup.storage.backend import Backend
    from lpse_ops.cli.backup_places import Outcome
    from lpse_ops.cli.backup_sources import Sources
    from lpse_ops.cli.console import ProgressBar
    from lpse_ops.cli.settings import Destination
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
@click.option(
    "--host",
    metavar="NAME",
    help="Host name to record; with an inventory, the server of it to back up from here.",
)
@click.option("--time", "moment", metavar="TIME", help="Time to record: 2026-01-31T18:00:00.")
@click.option("--force", "-f", is_flag=True, help="Read unchanged files again.")
@click.option("--dry-run", "-n", is_flag=True, help="Store nothing, say what would be stored.")
@retry_lock_option
@format_option
@output_option
@pull_options
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    pull: PullFlags,
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

    Without PATH and --database, what lpse-ops.yml says is backed up.  The source is read once;
    every destination that can be reached gets the snapshot.

    With --host NAME and an inventory (-i, or backup.inventory in lpse-ops.yml) the server NAME is
    read over SSH, and all PATHs and databases are its own.
    """
    asked = Asked(paths, databases, row_counts, retry_lock, {**options, "dry_run": dry_run})
    destinations = configured_destinations(app)
    started = app.clock.now() if destinations else None
    if started is not None and not dry_run:
        # Until the command ends, and before anything is recorded of this run.
        alone = run_alone(app, "backup", started, retry_lock)
        click.get_current_context().with_resource(alone)
        record_begin(app, "backup", started)
    try:
        asked = choose_source(app, asked, pull)
        if len(destinations) > 1:
            done = _run_everywhere(app, asked, destinations)
        else:
            done = _run_once(app, asked)
    except BaseException as error:
        if started is not None and not dry_run:
            _record_failure(app, asked, destinations, started, error)
        raise
    if started is not None and not dry_run:
        _record(app, done, started)
    result = done.result
    emit(
        "backup/run",
        _fields(done, dry_run=dry_run),
        text=lambda: _render(done, dry_run=dry_run),
        output_format=output_format,
        output=output,
    )
    _warn(app, result.counts)
    for name, outcome in done.outcomes.items():
        if outcome.reason is not None:
            app.console.warn(f"{name} did not get the snapshot: {outcome.said()}")
    failed = any(each.status == "failed" for each in done.outcomes.values())
    return SOME_UNREADABLE if result.counts.unreadable or failed else 0


class _Done(NamedTuple):
    """A backup and where it is; ``outcomes`` by name of the destination, none beside --repo."""

    result: "BackupResult"
    sources: "Sources"
    repository_id: str
    outcomes: "dict[str, Outcome]"


def _run_once(app: App, asked: Asked) -> _Done:
    from lpse_ops.backup.storage.location import LOCAL, scheme_of

    backend = choose_backend(app)
    run = _run_near if scheme_of(backend.location) == LOCAL else _run_far
    return run(app, asked, backend)


def _run_near(app: App, asked: Asked, backend: "Backend") -> _Done:
    """First the key, then the workers: their memory does not come on top of what it takes."""
    opening = start_opening_at(app, backend, app.chosen, cached=True)
    # While the key is worked out: importing the rest takes half as long.
    from lpse_ops.backup.backuprun import run_backup
    from lpse_ops.backup.blobsaver import open_pool
    from lpse_ops.backup.locking import hold_lock

    sources, request = asked.build(app)
    repository = opening.finish()
    with (
        # Before the lock, which has a thread: processes are forked while there is only one.
        contextlib.closing(open_pool(repository.keys, repository.backend)) as pool,
        asked.reading(request) as readable,
        hold_lock(repository, retry_for=asked.retry_lock, read_meanwhile=True),
        app.console.progress_bar("backing up") as bar,
    ):
        result = run_backup(repository, readable, _Bar(bar), pool=pool)
    return _end(app, request, _Done(result, sources, repository.config.id, {}))


def _run_far(app: App, asked: Asked, backend: "Backend") -> _Done:
    """The place is asked at once; a first backup begins to read while there is no answer yet."""
    from lpse_ops.backup.blobsaver import open_pool
    from lpse_ops.backup.firstfiles import FirstLook

    # Before there are threads: processes are forked while there is only one.
    with contextlib.closing(open_pool(None, backend)) as pool:
        look, first = FirstLook(backend), ask_for_files(backend)
        # While the answers are on the line.
        from lpse_ops.backup.backuprun import run_backup

        opening = start_opening_at(app, backend, app.chosen, cached=True, first=first)
        from lpse_ops.backup.laterepository import opened
        from lpse_ops.cli.backup_start import locked_for_backup

        sources, request = asked.build(app)
        # No dump is begun for nothing; what a lost host left is found by the repository's id.
        may_be_late = not request.streams and asked.host is None
        with (
            asked.reading(request) as readable,
            locked_for_backup(opening, look, asked.retry_lock, may_be_late=may_be_late) as place,
            app.console.progress_bar("backing up") as bar,
        ):
            result = run_backup(place, readable, _Bar(bar), pool=pool)
            repository_id = opened(place).config.id
    return _end(app, request, _Done(result, sources, repository_id, {}))


def _end(app: App, request: "BackupRequest", done: _Done) -> _Done:
    """With what became of the place, if it has a name and something was to be stored."""
    from lpse_ops.cli.backup_places import WRITTEN, Outcome

    if app.chosen and not request.dry_run:
        return done._replace(outcomes={app.chosen.name: Outcome(WRITTEN)})
    return done


def _run_everywhere(app: App, asked: Asked, destinations: "Sequence[Destination]") -> _Done:
    from lpse_ops.cli.backup_everywhere import back_up_everywhere
    from lpse_ops.cli.backup_places import open_places

    sources, request = asked.build(app)
    places = open_places(app, destinations)
    repository_id = places.opened[0].repository.config.id
    result, outcomes = back_up_everywhere(
        app, request, places, asked.retry_lock, reading=asked.reading
    )
    ordered = {each.name: outcomes[each.name] for each in destinations if each.name in outcomes}
    return _Done(result, sources, repository_id, ordered)


def _record(app: App, done: _Done, started: datetime) -> None:
    from lpse_ops.cli.backup_places import WRITTEN, outcome_fields
    from lpse_ops.cli.destination_room import room_fields

    record(
        app,
        "backup",
        {
            "status": "partial" if done.result.counts.unreadable else "ok",
            "host": done.result.snapshot.hostname,
            "snapshot": done.result.snapshot.id,
            "repository_id": done.repository_id,
            "started": started.isoformat(),
            "finished": app.clock.now().isoformat(),
            "bytes_read": done.result.bytes_read,
            "bytes_stored": done.result.saved.data_added_packed,
            "error": _first_unreadable(done.result.counts),
            "destinations": outcome_fields(done.outcomes),
            "room": room_fields(app, done.outcomes),
        },
    )
    for destination in app.settings.backup.destinations:
        outcome = done.outcomes.get(destination.name)
        if outcome is not None and outcome.status == WRITTEN:
            _note_written(app, destination)


def _first_unreadable(counts: "ArchiveCounts") -> str | None:
    unreadable = _problems(counts)["unreadable"]
    if not unreadable:
        return None
    more = f" and {len(unreadable) - 1} more" if len(unreadable) > 1 else ""
    return f"{unreadable[0]['path']}: {unreadable[0]['error']}{more}"


def _note_written(app: App, destination: "Destination") -> None:
    from lpse_ops.cli.destination_room import warn_if_short
    from lpse_ops.cli.disk_access import note_plugged

    try:
        if destination.disk is not None:
            note_plugged(app, destination)
        warn_if_short(app, destination)
    except OpsError as error:
        app.console.warn(f"this is not recorded in the log: {error.message}")


def _record_failure(
    app: App,
    asked: Asked,
    destinations: "Sequence[Destination]",
    started: datetime,
    error: BaseException,
) -> None:
    """A run that failed is evidence, too: silence would look like a timer that is dead."""
    reason = error.message if isinstance(error, OpsError) else type(error).__name__
    record(
        app,
        "backup",
        {
            "status": "failed",
            "host": _host_named(app, asked),
            "snapshot": None,
            "repository_id": next((each.repository_id for each in destinations), None),
            "started": started.isoformat(),
            "finished": app.clock.now().isoformat(),
            "bytes_read": 0,
            "error": reason,
            "destinations": {
                each.name: {"status": "failed", "reason": reason} for each in destinations
            },
        },
    )


def _host_named(app: App, asked: Asked) -> str:
    """The name that the snapshot would bear; the inventory's own word may not have been read."""
    name: str | None = asked.flags["host"]
    settings = app.settings
    return settings.site.slug if name in (None, settings.backup.host) else str(name)


class _Bar:
    """Lets the archiver advance a bar of the console."""

    def __init__(self, bar: "ProgressBar") -> None:
        self._bar = bar

    def advance(self, size_bytes: int) -> None:
        self._bar.advance(size_bytes)

    def expect(self, total_bytes: int) -> None:
        self._bar.update(total=total_bytes or None)


def _fields(done: _Done, *, dry_run: bool) -> dict[str, Any]:
    result, sources = done.result, done.sources
    return {
        "dry_run": dry_run,
        "snapshot": None if dry_run else snapshot_fields(result.snapshot),
        "summary": {**result.snapshot.summary, "bytes_read": result.bytes_read},
        "databases": sources.facts,
        "destinations": {
            name: {"status": each.status, "reason": each.reason}
            for name, each in done.outcomes.items()
        },
        **_problems(result.counts),
    }


def _problems(counts: "ArchiveCounts") -> dict[str, Any]:
    from lpse_ops.cli.backup_sources import problem_fields

    return problem_fields(counts)


def _render(done: _Done, *, dry_run: bool) -> str:
    result = done.result
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
        written = [name for name, each in done.outcomes.items() if each.status == "written"]
        to = f" to {', '.join(written)}" if len(done.outcomes) > 1 else ""
        lines.append(f"snapshot   {result.snapshot.short_id} saved{to}")
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
