"""Record that an installation, upgrade or rollback was asked for, and say when it is due."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import Decorated, common_options, format_option, output_option
from lpse_ops.cli.wiring import App

# As people write times, in the zone of the site.
MOMENT = click.DateTime(["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


def _text(name: str, help_text: str) -> Callable[[Decorated], Decorated]:
    return click.option(name, default="", metavar="TEXT", help=help_text)


@click.command(
    epilog="Example: lpse-ops spse change request upgrade --reason 'SPSE 4.5' --source T-1"
)
@click.argument("kind", type=click.Choice(["install", "upgrade", "rollback"]))
@click.option("--reason", required=True, metavar="TEXT", help="Why: maksud dan tujuan.")
@click.option("--received", type=MOMENT, help="When it came, in the site's zone; default: now.")
@click.option("--on-site", is_flag=True, help="LKPP comes; else it works over the line.")
@click.option("--emergency", is_flag=True, help="Of category Emergency; else Normal.")
@_text("--source", "Ticket or letter that it came by.")
@_text("--applicant", "Who asks.")
@_text("--contact", "Their telephone or e-mail.")
@_text("--organisation", "Their office.")
@_text("--description", "What is to be changed.")
@_text("--impact", "What users will notice.")
@_text("--test-plan", "How it is tested.")
@_text("--rollback-plan", "How it is undone.")
@_text("--approved-by", "Who agreed to it.")
@_text("--refused-by", "Who did not.")
@click.option("--scheduled", type=MOMENT, help="When it shall be done.")
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    received: datetime | None,
    scheduled: datetime | None,
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

    request = build_request(app, options, read_moment(app, received), scheduled)
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


def build_request(
    app: App, options: dict[str, Any], received: datetime, scheduled: datetime | None
) -> Any:
    """Turn the options into a request with its due time."""
    from dataclasses import replace

    from lpse_ops.cli.change_register import check_moment, load_calendar, read_moment, recorder
    from lpse_ops.errors import UsageError
    from lpse_ops.spse.change import Change, Request
    from lpse_ops.spse.sla import find_due

    if not options["reason"].strip():
        raise UsageError("the reason is blank", hint="say why: --reason TEXT")
    if options["approved_by"] and options["refused_by"]:
        raise UsageError(
            "it cannot be approved and refused", hint="leave --approved-by or --refused-by out"
        )
    check_moment(app, received)
    approval = "approved" if options["approved_by"] else "refused"
    by = options["approved_by"] or options["refused_by"]
    names = ("source", "applicant", "contact", "organisation", "description")
    plans = ("kind", "reason", "on_site", "impact", "test_plan", "rollback_plan")
    request = Request(
        **{name: options[name] for name in (*names, *plans)},
        received=received,
        recorded_by=recorder(app),
        category="emergency" if options["emergency"] else "normal",
        approval=approval if by else None,  # type: ignore[arg-type] # one of both
        approved_by=by,
        scheduled=read_moment(app, scheduled) if scheduled else None,
    )
    due = find_due(request, load_calendar(app, [Change("", (), request)]))
    return replace(request, due=due.at if due else None)
