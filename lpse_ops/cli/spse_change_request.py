"""Record that an installation, upgrade or rollback was asked for, and say when it is due."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from lpse_ops.cli.change_options import MOMENT, read_register_options, register_options
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.wiring import App


@click.command(
    epilog="Example: lpse-ops spse change request upgrade --reason 'SPSE 4.5' --source T-1"
)
@click.argument("kind", type=click.Choice(["install", "upgrade", "rollback"]))
@click.option("--reason", required=True, metavar="TEXT", help="Why: maksud dan tujuan.")
@click.option("--received", type=MOMENT, help="When it came, in the site's zone; default: now.")
@click.option("--on-site", is_flag=True, help="LKPP comes; else it works over the line.")
@register_options
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    received: datetime | None,
    output_format: str,
    output: Path | None,
    **options: Any,
) -> None:
    """Record a request for a change, and print its id and when the SLA says that it is due.

    KIND is install, upgrade or rollback.  What comes after office hours counts from the next
    working day; office hours and late decrees stand under workdays in lpse-ops.yml.
    """
    from lpse_ops.cli.change_json import summary
    from lpse_ops.cli.change_register import find_change, load_calendar, read_moment, record_request
    from lpse_ops.cli.change_text import describe_due
    from lpse_ops.spse.sla import read_clock

    request = build_request(app, options, read_moment(app, received))
    change_id, _ = record_request(app, request)
    change = find_change(app, change_id)
    clock = read_clock(change, load_calendar(app, [change]), app.clock.now())
    zone = app.settings.site.time_zone
    emit(
        "spse/change/request",
        summary(change, clock),
        text=lambda: "\n".join([f"recorded   {change_id}", *describe_due(clock, zone)]),
        output_format=output_format,
        output=output,
    )


def build_request(app: App, options: dict[str, Any], received: datetime) -> Any:
    """Turn the options into a request with its due time."""
    from dataclasses import replace

    from lpse_ops.cli.change_register import check_moment, load_calendar, recorder
    from lpse_ops.errors import UsageError
    from lpse_ops.spse.change import Change, Request
    from lpse_ops.spse.sla import find_due

    if not options["reason"].strip():
        raise UsageError("the reason is blank", hint="say why: --reason TEXT")
    given = read_register_options(app, options)
    check_moment(app, received)
    request = Request(
        **{name: options[name] for name in ("kind", "reason", "on_site")},
        **given,
        received=received,
        recorded_by=recorder(app),
    )
    due = find_due(request, load_calendar(app, [Change("", (), request)]))
    return replace(request, due=due.at if due else None)
