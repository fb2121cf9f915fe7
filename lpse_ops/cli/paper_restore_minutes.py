"""Write the Berita Acara of a drill that was done: again, in another format, with other people."""

from pathlib import Path

import click

from lpse_ops.cli.paper_options import PaperRequest, paper_options
from lpse_ops.cli.parameters import FILE, common_options
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError


@click.command(epilog="Example: lpse-ops paper restore-minutes --output uji-restore.pdf --by Sari")
@click.option(
    "--report",
    type=FILE,
    metavar="FILE.json",
    help="Report of the drill; default: the newest one of this machine.",
)
@paper_options("--output", "-o", required=True)
@common_options
@click.pass_obj
def command(app: App, /, report: Path | None, paper: PaperRequest) -> None:
    """Write the Berita Acara Uji Restore, one page, as PDF, DOCX or HTML.

    The report must be on record in the ledger; the number that the paper gets is put there, too.
    """
    from lpse_ops.cli.paper_writing import write_restore_minutes

    number = write_restore_minutes(app, report or newest_report(app.state_folder), paper)
    app.console.print(f"wrote {paper.output}, number {number}")


def newest_report(state_folder: Path) -> Path:
    """Return the report of the last drill; their names begin with the time."""
    from lpse_ops.cli.drill_record import FOLDER

    reports = sorted((state_folder / FOLDER).glob("[0-9]*.json"))
    if not reports:
        raise UsageError(
            f"there is no report of a drill in {state_folder / FOLDER}",
            hint="do one: lpse-ops backup drill, or name its --report FILE.json",
        )
    return reports[-1]
