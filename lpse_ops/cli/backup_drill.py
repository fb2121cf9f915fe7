"""Prove a backup by restoring it into a scratch folder and a scratch PostgreSQL server."""

import contextlib
import os
import secrets
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpse_ops.backup.readpool import ReadPool, count_workers
from lpse_ops.backup.restorebatch import restoring_handler
from lpse_ops.cli.backup_options import (
    EVERY_SNAPSHOT,
    Only,
    filter_options,
    no_lock_option,
    retry_lock_option,
)
from lpse_ops.cli.output import emit
from lpse_ops.cli.paper_options import PaperRequest, paper_options
from lpse_ops.cli.parameters import (
    DURATION,
    FILE,
    format_option,
    output_option,
    repository_options,
)
from lpse_ops.cli.repository_access import configured_destination, locked
from lpse_ops.cli.wiring import App
from lpse_ops.errors import ProcessFailed, RepositoryError, UsageError
from lpse_ops.process import run

if TYPE_CHECKING:
    from lpse_ops.backup.drill import Finding, Medium
    from lpse_ops.backup.repository import Repository
    from lpse_ops.backup.snapshot import Snapshot
    from lpse_ops.cli.drill_run import DrillRequest
    from lpse_ops.cli.settings import Settings

_FAILED = 1
_FOLDER = Path("/var/tmp")  # noqa: S108 - a private folder is made in it
_DEFAULT_MAX_AGE = timedelta(hours=30)
_NICENESS = 10
# Of 1000, see proc(5); what asks for more already keeps it.
_FIRST_TO_GO = 500


@click.command(epilog="Example: lpse-ops backup drill --destination disk-a --folder /var/tmp")
@click.option(
    "--snapshot",
    "wanted",
    default="latest",
    show_default=True,
    metavar="ID",
    help="The snapshot to restore.",
)
@click.option(
    "--folder",
    type=FILE,
    default=_FOLDER,
    show_default=True,
    metavar="DIR",
    help="Where to restore to; a folder is made in it, and removed.",
)
@click.option(
    "--max-age",
    type=DURATION,
    metavar="30h",
    help="Fail if the newest snapshot, or the data in it, is older; default: backup.alert_after.",
)
@click.option(
    "--time-limit",
    type=DURATION,
    metavar="12h",
    help="Fail if the drill takes longer; default: backup.drill.time_limit.",
)
@click.option("--sample", type=click.IntRange(0, 100_000), metavar="N", help="Files to hash again.")
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Draw the sample of that drill.")
@click.option("--verify", is_flag=True, help="Read every restored file again and compare.")
@click.option("--no-database", is_flag=True, help="Restore files only, the dumps as files.")
@click.option("--keep", is_flag=True, help="Leave the restored files for a look.")
@paper_options("--paper")
@filter_options
@no_lock_option
@retry_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    wanted: str,
    only: Only,
    no_lock: bool,
    retry_lock: timedelta,
    paper: PaperRequest | None,
    output_format: str,
    output: Path | None,
    **options: Any,
) -> int:
    """Restore the newest snapshot of a destination from its own data alone, and prove it.

    Files are counted and a sample is hashed; databases are restored into a scratch server and
    their rows counted as the manifest says; every document that the database names is looked for
    (backup.drill in lpse-ops.yml).  Production is never touched, and nothing is left behind but
    a report and a record in the ledger.
    """
    from lpse_ops.cli.drill_record import prepare_folder, record_drill, record_nothing_to_drill

    only.refuse_beside([wanted])
    prepare_folder(app)
    refuse_folder(app, options["folder"])
    if paper is not None:
        from lpse_ops.cli.paper_writing import check_request, write_restore_minutes

        # Before an hour of restoring, not after it.
        check_request(app, paper)
    lower_priority()
    # Forked first of all: there are no threads yet, and little memory to share.
    with (
        closing(ReadPool(lambda: restoring_handler, count_workers())) as pool,
        locked(app, no_lock=no_lock, retry_lock=retry_lock, cached=False) as repository,
        app.console.progress_bar("reading the snapshot") as bar,
    ):
        from lpse_ops.cli.drill_run import DrillRun

        try:
            snapshot, findings = choose_snapshot(app, repository, only, wanted)
        except RepositoryError as error:
            if wanted == "latest":
                record_nothing_to_drill(app, _name(app, repository), repository, error)
            raise
        drill = DrillRun(
            repository,
            snapshot,
            build_request(app, repository, options, wanted),
            app.clock,
            pool if pool.open(repository) else None,
            bar,
            findings=findings,
        )
        report = drill.run()
    from lpse_ops.backup.drilljson import to_json
    from lpse_ops.cli.drill_text import render_drill

    report_file = record_drill(app, report)
    emit(
        "backup/drill",
        {**to_json(report), "report_file": report_file, "kept": drill.kept},
        text=lambda: render_drill(report, report_file, drill.kept),
        output_format=output_format,
        output=output,
    )
    if paper is not None:
        number = write_restore_minutes(app, report_file, paper)
        app.console.print(f"{paper.output} is Berita Acara {number}")
    return _FAILED if report.status == "failed" else 0


def choose_snapshot(
    app: App, repository: "Repository", only: Only, wanted: str
) -> "tuple[Snapshot, list[Finding]]":
    """The snapshot to drill; the newest is that of the configured backup, if there is one."""
    from lpse_ops.backup.drill import Finding

    findings: list[Finding] = []
    unread: list[str] = []
    snapshots = repository.snapshots(unread.append)
    for message in unread:
        app.console.warn(message)
    own = _own(app) if (wanted, only) == ("latest", EVERY_SNAPSHOT) else None
    try:
        snapshot = (own or only).choose(snapshots, wanted)
    except RepositoryError as error:
        if own is None or not snapshots:
            raise _no_snapshot(error, len(unread)) from error
        snapshot = only.choose(snapshots, wanted)
        what, wish = "the snapshots of the destination", "one of the configured backup"
        findings.append(Finding("snapshots", what, wish, f"none; {snapshot.short_id} was taken"))
    if unread and wanted == "latest":
        what, there = (
            "the newest snapshots of the destination",
            "one that cannot be read, see above",
        )
        findings.append(Finding("snapshots", what, "all readable", there))
    return snapshot, findings


def _no_snapshot(error: RepositoryError, unread: int) -> RepositoryError:
    """Who has but damaged snapshots does not have none."""
    if not unread:
        return error
    return RepositoryError(
        f"{error.message} that can be read: {unread} cannot, see above",
        hint="lpse-ops backup check --read-data names all that is damaged; another copy may be "
        "whole: lpse-ops backup drill --destination NAME",
    )


def _names_of_this_machine(settings: "Settings | None") -> frozenset[str]:
    """In snapshots; the slug is a server's where the settings say that it is read over SSH."""
    is_here = settings is not None and settings.backup.host is None
    return frozenset({os.uname().nodename, *([settings.site.slug] if settings and is_here else [])})


def _own(app: App) -> Only | None:
    from lpse_ops.backup.backuprun import OWN_FOLDER

    settings = app.settings_if_any if app.repo is None else None
    if settings is None:
        return None
    paths = map(str, settings.backup.paths)
    return Only(settings.site.slug, (), (*paths, os.fsdecode(OWN_FOLDER)))


def build_request(
    app: App, repository: "Repository", options: dict[str, Any], wanted: str
) -> "DrillRequest":
    """Flags before settings before defaults."""
    from dataclasses import replace

    from lpse_ops.cli.drill_run import DrillRequest
    from lpse_ops.cli.settings import DrillSettings

    settings = app.settings_if_any
    drill = settings.backup.drill if settings else DrillSettings()
    given = {key: options[key] for key in ("sample", "time_limit") if options[key] is not None}
    drill = replace(drill, **given)
    usual = settings.backup.alert_after if settings else _DEFAULT_MAX_AGE
    expected = settings.backup.databases if settings and app.repo is None else ()
    return DrillRequest(
        destination=_name(app, repository),
        medium=_medium(app, repository),
        folder=options["folder"],
        settings=drill,
        seed=secrets.randbelow(1 << 31) if options["seed"] is None else options["seed"],
        # Who names an old snapshot knows that it is old.
        max_age=options["max_age"] or (usual if wanted == "latest" else None),
        verify=options["verify"],
        keep=options["keep"],
        with_databases=not options["no_database"],
        expected_databases=tuple(each.name for each in expected),
        here=_names_of_this_machine(settings),
    )


def _name(app: App, repository: "Repository") -> str:
    destination = configured_destination(app)
    return destination.name if destination else repository.backend.location


def _medium(app: App, repository: "Repository") -> "Medium":
    from lpse_ops.backup.drill import Medium
    from lpse_ops.backup.storage.location import LOCAL, scheme_of

    destination = configured_destination(app)
    disk = destination.disk if destination else None
    if disk is not None:
        return Medium("disk", getattr(disk, "label", None), disk.kept_at)
    scheme = scheme_of(destination.location if destination else repository.backend.location)
    return Medium("folder" if scheme == LOCAL else scheme)


def refuse_folder(app: App, folder: Path) -> None:
    """Refuse to restore into what is backed up, into a database's files or into a repository."""
    from lpse_ops.backup.drillfolder import Protected, find_data_folders, refuse_protected

    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint=f"mkdir -p {folder}")
    settings = app.settings_if_any
    paths = settings.backup.paths if settings else ()
    protected = [
        Protected(path, "which is backed up: the next backup would take the drill along")
        for path in paths
        if path != Path("/")
    ]
    refuse_protected(folder, [*protected, *find_data_folders(folder)])


def lower_priority() -> None:
    """Let everything else on the machine go first; what we start inherits it.

    Should memory run out, the production server is not what the kernel ends.
    """
    os.nice(_NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(_FIRST_TO_GO))
    try:
        run(["ionice", "-c", "2", "-n", "7", "-p", str(os.getpid())])
    except ProcessFailed:
        return  # util-linux is not there: the processor's share is bounded all the same
