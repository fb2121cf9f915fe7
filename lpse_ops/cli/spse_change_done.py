"""Close a change that was carried out by hand, refused or withdrawn."""

from datetime import datetime
from pathlib import Path

import click

from lpse_ops.cli.change_options import MOMENT
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.wiring import App


@click.command(epilog="Example: lpse-ops spse change done 2026-0001 --by 'Tim ITO LKPP'")
@click.argument("change_id", metavar="ID")
@click.option("--at", "ended", type=MOMENT, help="When, in the site's zone; default: now.")
@click.option(
    "--result",
    "ending",
    type=click.Choice(["done", "refused", "withdrawn"]),
    default="done",
    show_default=True,
    help="How it ended.",
)
@click.option("--by", "performed_by", multiple=True, metavar="NAME", help="Who did it.")
@click.option("--note", default="", metavar="TEXT", help="What else is to be known.")
@click.option("--test", "tests", multiple=True, metavar="TEXT", help="A test and its result.")
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    change_id: str,
    ended: datetime | None,
    ending: str,
    performed_by: tuple[str, ...],
    note: str,
    tests: tuple[str, ...],
    output_format: str,
    output: Path | None,
) -> None:
    """Record the end of a change that lpse-ops did not carry out itself.

    What `lpse-ops spse upgrade` does closes its request by itself.
    """
    from lpse_ops.cli.change_json import summary
    from lpse_ops.cli.change_register import load_calendar, read_moment, record_closing, recorder
    from lpse_ops.cli.change_text import render_change
    from lpse_ops.spse.change import Closing
    from lpse_ops.spse.sla import read_clock

    closing = Closing(
        ending,  # type: ignore[arg-type] # one of the choices
        read_moment(app, ended),
        recorder(app),
        performed_by,
        note,
        tests,
    )
    change = record_closing(app, change_id, closing)
    clock = read_clock(change, load_calendar(app, [change]), app.clock.now())
    emit(
        "spse/change/done",
        summary(change, clock),
        text=lambda: render_change(change, clock, app.settings.site.time_zone),
        output_format=output_format,
        output=output,
    )
