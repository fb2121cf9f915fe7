"""Show one change: what was asked for, each run, and the clock of the SLA."""

from pathlib import Path

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.wiring import App


@click.command(epilog="Example: lpse-ops spse change show 2026-0001")
@click.argument("change_id", metavar="ID")
@format_option
@output_option
@common_options
@click.pass_obj
def command(app: App, /, change_id: str, output_format: str, output: Path | None) -> None:
    """Show all that is on record of a change."""
    from lpse_ops.cli.change_json import whole
    from lpse_ops.cli.change_register import find_change, load_calendar
    from lpse_ops.cli.change_text import render_change
    from lpse_ops.spse.sla import read_clock

    site = app.settings.site
    change = find_change(app, change_id)
    clock = read_clock(change, load_calendar(app, [change]), app.clock.now())
    data = whole(change, clock, site=site.name, origin=app.ledger.origin, zone=site.time_zone)
    emit(
        "spse/change/show",
        {"state": clock.state, **{name: data[name] for name in data if name != "schema"}},
        text=lambda: render_change(change, clock, site.time_zone),
        output_format=output_format,
        output=output,
    )
