"""From flags and settings to what one backup is asked to do.

Flags add to the settings when the configured backup runs; named paths and databases replace it.
"""

import contextlib
import os
import socket
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpse_ops.backup.archiver import Stream
from lpse_ops.backup.backuprun import BackupRequest
from lpse_ops.backup.exclude import CACHE_TAG, Excludes, parse_if_present, parse_size
from lpse_ops.backup.exclusions import Exclusions
from lpse_ops.backup.filereader import ArchiveCounts
from lpse_ops.cli.backup_options import read_patterns
from lpse_ops.cli.backup_sources import DatabaseSource, Reach, Sources
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError
from lpse_ops.version import VERSION

if TYPE_CHECKING:
    from lpse_ops.cli.settings import BackupSettings
    from lpse_ops.postgres.rowcounts import CountMode

# The command's flags by their names; those of the settings are merged into them.
Flags = dict[str, Any]


def build_request(
    app: App,
    paths: tuple[Path, ...],
    databases: tuple[str, ...],
    row_counts: "CountMode | None",
    flags: Flags,
    reach: Reach = contextlib.nullcontext,
) -> tuple[Sources, BackupRequest]:
    """The sources, which collect what a manifest says, and the request made from them.

    ``reach`` opens the way to a database that is not this machine's.
    """
    is_configured = not (paths or databases)
    found = [_database(url, row_counts or "exact") for url in databases]
    if is_configured:
        settings = app.settings.backup
        found, paths = _configured_databases(settings, row_counts), settings.paths
        flags = _merge(settings, flags)
    wanted = tuple(os.fsencode(os.path.abspath(path)) for path in paths)
    _refuse_nothing(found, wanted)
    moment = _moment(app, flags["moment"])
    program = f"lpse-ops {VERSION}"
    sources = Sources(found, flags["host"] or _hostname(app), moment, program, reach)
    # Plain paths alone give the very tree that restic would store: no folder of our own.
    has_own_folder = is_configured or bool(found)

    def manifest(counts: ArchiveCounts) -> Stream | None:
        return sources.manifest(counts) if has_own_folder else None

    exact = [*flags["exclude"], *read_patterns(app, flags["exclude_file"])]
    insensitive = [*flags["iexclude"], *read_patterns(app, flags["iexclude_file"])]
    return sources, BackupRequest(
        paths=wanted,
        hostname=sources.hostname,
        time=moment,
        exclusions=_exclusions(flags, exact, insensitive),
        streams=sources.streams(),
        manifest=manifest,
        has_own_folder=has_own_folder,
        excludes=(*exact, *insensitive),
        tags=tuple(part for tag in flags["tags"] for part in tag.split(",") if part),
        force=flags["force"],
        one_file_system=flags["one_file_system"],
        dry_run=flags["dry_run"],
        program_version=program,
        warn=app.console.warn,
        now=app.clock.now,
    )


def _merge(settings: "BackupSettings", flags: Flags) -> Flags:
    larger_than = settings.exclude_larger_than
    files = [settings.exclude_file] if settings.exclude_file else []
    return {
        **flags,
        "exclude": (*settings.exclude, *flags["exclude"]),
        "exclude_file": (*files, *flags["exclude_file"]),
        "exclude_if_present": (*settings.exclude_if_present, *flags["exclude_if_present"]),
        "exclude_caches": settings.exclude_caches or flags["exclude_caches"],
        "exclude_larger_than": flags["exclude_larger_than"] or (larger_than and str(larger_than)),
        "one_file_system": settings.one_file_system or flags["one_file_system"],
    }


def _refuse_nothing(found: list[DatabaseSource], wanted: tuple[bytes, ...]) -> None:
    if not found and not wanted:
        raise UsageError(
            "there is nothing to back up",
            hint="give a PATH or --database URL, or fill backup.paths and backup.databases in "
            "lpse-ops.yml",
        )
    names = [source.name for source in found]
    if len(set(names)) < len(names):
        raise UsageError(
            "two databases have the same name",
            hint="give one of them another name in lpse-ops.yml: backup.databases[].name",
        )


def _database(url: str, row_counts: "CountMode") -> DatabaseSource:
    from lpse_ops.postgres.database import parse_database

    database = parse_database(url)
    return DatabaseSource(database.name.replace("/", "_"), database, row_counts)


def _configured_databases(
    settings: "BackupSettings", row_counts: "CountMode | None"
) -> list[DatabaseSource]:
    if not settings.databases:
        return []
    from lpse_ops.postgres.database import parse_database

    return [
        DatabaseSource(
            each.name,
            parse_database(each.url, password_file=each.password_file),
            row_counts or each.row_counts,
        )
        for each in settings.databases
    ]


def _hostname(app: App) -> str:
    settings = app.settings_if_any
    return settings.site.slug if settings else socket.gethostname()


def _exclusions(flags: Flags, exact: list[str], insensitive: list[str]) -> Exclusions:
    marks = [*flags["exclude_if_present"], *([CACHE_TAG] if flags["exclude_caches"] else [])]
    larger_than = flags["exclude_larger_than"]
    return Exclusions(
        patterns=Excludes(exact, insensitive) if exact or insensitive else None,
        marks=tuple(map(parse_if_present, marks)),
        larger_than=parse_size(larger_than) if larger_than else None,
    )


def _moment(app: App, text: str | None) -> datetime:
    now = app.clock.now()
    if text is None:
        return now
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not a time", hint="write --time 2026-01-31T18:00:00"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
