"""Show a backup from beginning to end on a toy SPSE, with the very commands that a site types."""

import tempfile
from pathlib import Path

import click

from lpse_ops.cli.demo_compare import WHOLE, compare_database, compare_documents
from lpse_ops.cli.demo_folder import DemoFolder
from lpse_ops.cli.demo_report import DemoReport, Proof, parse_backup, render_farewell
from lpse_ops.cli.demo_shell import DemoShell, find_path_line
from lpse_ops.cli.demo_spse import COPY, DATABASE, ToySpse
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import format_option, output_option
from lpse_ops.cli.wiring import App
from lpse_ops.postgres.scratch import ScratchCluster


@click.command(epilog="Example: lpse-ops demo /tmp/demo")
@click.argument("folder", metavar="[DIR]", default="demo", type=click.Path(path_type=Path))
@click.option(
    "--size",
    "megabytes",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    metavar="MB",
    help="Of the documents, and of the database.",
)
@click.option("--keep/--no-keep", default=True, show_default=True, help="Leave DIR to play in.")
@format_option
@output_option
@click.pass_obj
def command(
    app: App, /, folder: Path, megabytes: int, keep: bool, output_format: str, output: Path | None
) -> int:
    """Back up, change, restore and compare a toy SPSE in DIR (./demo).

    Needs no root and no server: the database lives in a private PostgreSQL, which is gone at the
    end.  The exit code is 0 only if everything restored is what was backed up.
    """
    place = DemoFolder(folder.absolute())
    place.prepare()
    report = _play(app, place, megabytes)
    emit(
        "demo",
        report.to_json(),
        text=report.render,
        output_format=output_format,
        output=output,
    )
    if keep:
        path_line = find_path_line(app.environment.get("PATH"))
        app.console.print(render_farewell(place.root, path_line, report.second.snapshot))
    else:
        place.remove()
    return 0 if report.is_good else 1


def _play(app: App, place: DemoFolder, megabytes: int) -> DemoReport:
    # Not in DIR: the account that runs PostgreSQL for root may not get there.
    with (
        tempfile.TemporaryDirectory(prefix="lpse-ops-demo-", dir="/var/tmp") as scratch,
        ScratchCluster(Path(scratch)) as cluster,
    ):
        spse = ToySpse(cluster, place.source)
        place.write_settings(spse.url)
        try:
            return _tell(DemoShell(app, place.root), place, spse, megabytes)
        finally:
            place.retire_database(spse.url)


def _tell(shell: DemoShell, place: DemoFolder, spse: ToySpse, megabytes: int) -> DemoReport:
    first, second = _take_backups(shell, spse, megabytes)
    proofs = _restore_and_compare(shell, place, spse)
    old, new = shell.ask("backup", "snapshots")["snapshots"]
    return DemoReport(parse_backup(old, first), parse_backup(new, second), proofs)


def _take_backups(shell: DemoShell, spse: ToySpse, megabytes: int) -> tuple[float, float]:
    shell.say(f"1. A toy SPSE: {megabytes} MB of documents, a PostgreSQL database as large")
    documents = spse.make_documents(megabytes)
    shell.say(f"{len(documents)} documents made; making the database {DATABASE} ...")
    spse.make_database(megabytes, documents)

    shell.say("\n2. A repository and the first backup")
    shell.enter()
    shell.run("backup", "init", "--sheet", "recovery-sheet.txt")
    first = shell.run("backup")

    shell.say("\n3. A day later")
    changes = spse.change(documents)
    shell.say(
        f"documents: {len(changes.added)} added, {len(changes.changed)} changed, "
        f"{len(changes.deleted)} deleted; rows of the database likewise"
    )
    second = shell.run("backup")
    shell.run("backup", "snapshots")
    return first, second


def _restore_and_compare(
    shell: DemoShell, place: DemoFolder, spse: ToySpse
) -> tuple[Proof, Proof, Proof]:
    shell.say("\n4. Restore: the documents into a folder, the database beside the original")
    files = shell.run("backup", "restore", "latest", "--target", "restored")
    rows = shell.run("backup", "restore", "latest", "--database", DATABASE, "--into", COPY)

    shell.say("\n5. Read the whole repository, and compare what was restored with its source")
    check = shell.run("backup", "check", "--read-data")
    documents = compare_documents(place.source, place.restored)
    database = compare_database(place.manifest, spse.database(DATABASE), spse.database(COPY))
    shell.say("")
    return (
        Proof("documents", "restored", files, documents),
        Proof("database", "restored", rows, database),
        Proof("repository", "read back", check, WHOLE),
    )
