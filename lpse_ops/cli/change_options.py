"""What the register of an LPSE asks for, as options of ``spse change request`` and ``amend``."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from lpse_ops.cli.parameters import Decorated
from lpse_ops.cli.wiring import App

# As people write times, in the zone of the site.
MOMENT = click.DateTime(["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])
TEXTS = (
    *("source", "applicant", "contact", "organisation", "description"),
    *("impact", "test_plan", "rollback_plan"),
)


def _text(name: str, help_text: str) -> Callable[[Decorated], Decorated]:
    return click.option(name, default="", metavar="TEXT", help=help_text)


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--emergency", is_flag=True, help="Of category Emergency; else Normal."),
    _text("--source", "Ticket or letter that it came by."),
    _text("--applicant", "Who asks."),
    _text("--contact", "Their telephone or e-mail."),
    _text("--organisation", "Their office."),
    _text("--description", "What is to be changed."),
    _text("--impact", "What users will notice."),
    _text("--test-plan", "How it is tested."),
    _text("--rollback-plan", "How it is undone."),
    _text("--approved-by", "Who agreed to it."),
    _text("--refused-by", "Who did not: it is not carried out then."),
    click.option("--scheduled", type=MOMENT, help="When it shall be done."),
)


def register_options(command: Decorated) -> Decorated:
    """All of them, each under its own name."""
    decorated: Any = command
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return] # what it was


def read_register_options(app: App, options: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a Request that were given; UsageError for what excludes itself."""
    from lpse_ops.cli.change_register import read_moment
    from lpse_ops.errors import UsageError

    approved_by, refused_by = options["approved_by"], options["refused_by"]
    if approved_by and refused_by:
        raise UsageError(
            "it cannot be approved and refused", hint="leave --approved-by or --refused-by out"
        )
    given: dict[str, Any] = {name: options[name] for name in TEXTS if options[name]}
    if approved_by or refused_by:
        given["approval"] = "approved" if approved_by else "refused"
        given["approved_by"] = approved_by or refused_by
    if options["emergency"]:
        given["category"] = "emergency"
    scheduled: datetime | None = options["scheduled"]
    if scheduled is not None:
        given["scheduled"] = read_moment(app, scheduled)
    return given
