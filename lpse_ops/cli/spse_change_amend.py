"""Add to a request what was not known when it came: who agreed, what users notice, when."""

from pathlib import Path
from typing import Any

import click

from lpse_ops.cli.change_options import read_register_options, register_options
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError


@click.command(epilog="Example: lpse-ops spse change amend 2026-0001 --approved-by 'Kepala LPSE'")
@click.argument("change_id", metavar="ID")
@register_options
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    change_id: str,
    output_format: str,
    output: Path | None,
    **options: Any,
) -> None:
    """Amend the request of change ID: what is given takes the place of what was said before.

    The log keeps both.  When the request came, and so when it is due, stays.
    """
    from dataclasses import replace

    from lpse_ops.cli.change_json import summary
    from lpse_ops.cli.change_register import (
        find_change,
        load_calendar,
        record_amendment,
        recorder,
        refuse_amending,
    )
    from lpse_ops.cli.change_text import render_change
    from lpse_ops.spse.sla import read_clock

    given = read_register_options(app, options)
    if not given:
        raise UsageError(
            "nothing was given that could be amended", hint="see lpse-ops spse change amend --help"
        )
    request = refuse_amending(find_change(app, change_id))
    amended = replace(request, **given, recorded_by=recorder(app))
    change = record_amendment(app, change_id, amended)
    clock = read_clock(change, load_calendar(app, [change]), app.clock.now())
    emit(
        "spse/change/amend",
        summary(change, clock),
        text=lambda: render_change(change, clock, app.settings.site.time_zone),
        output_format=output_format,
        output=output,
    )
