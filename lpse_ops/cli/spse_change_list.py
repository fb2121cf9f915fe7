"""List changes, oldest first, and how each stands by the SLA."""

from pathlib import Path

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.wiring import App

_FOUND_OVERDUE = 1


@click.command(epilog="Example: lpse-ops spse change list --open")
@click.option("--open", "only_open", is_flag=True, help="Only what is still to be done.")
@click.option("--overdue", "only_overdue", is_flag=True, help="Only what is late; exit code 1.")
@click.option("--kind", type=click.Choice(["install", "upgrade", "rollback"]), help="Only these.")
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    only_open: bool,
    only_overdue: bool,
    kind: str | None,
    output_format: str,
    output: Path | None,
) -> int:
    """List what is on record: requests, and what was carried out without one.

    States: waiting, overdue, in-time, late, no-limit (the SLA says nothing), ended (refused or
    withdrawn).  With --overdue the exit code is 1 if there is any.
    """
    from lpse_ops.cli.change_json import summary
    from lpse_ops.cli.change_register import load_calendar, read_register
    from lpse_ops.cli.change_text import render_list
    from lpse_ops.spse.sla import ClockState, read_clock

    changes = list(read_register(app).values())
    calendar, now = load_calendar(app, changes), app.clock.now()
    rows = [
        (change, clock)
        for change in changes
        for clock in [read_clock(change, calendar, now)]
        if (not only_open or change.is_open)
        and (not only_overdue or clock.state == ClockState.OVERDUE)
        and kind in (None, change.kind)
    ]
    emit(
        "spse/change/list",
        {"changes": [summary(*row) for row in rows]},
        text=lambda: render_list(rows, app.settings.site.time_zone),
        output_format=output_format,
        output=output,
    )
    return _FOUND_OVERDUE if only_overdue and rows else 0
