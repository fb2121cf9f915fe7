"""Take the last upgrade back: the old release, and its database."""

from pathlib import Path
from typing import Any

import click

from lpse_ops.cli.parameters import common_options, format_option
from lpse_ops.cli.playbook_options import PlaybookFlags, options_named
from lpse_ops.cli.spse_change_said import Course, course_options, read_record, record_options
from lpse_ops.cli.spse_fleet_options import LOGIN_NAMES
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError


@click.command(epilog="Example: lpse-ops spse rollback --limit spse-1 --reason 'login fails'")
@click.option(
    "--accept-lost-writes",
    "lost_writes",
    metavar="REASON",
    help="Also after users were let in: what they wrote since stays behind; recorded.",
)
@record_options
@course_options
@options_named(("inventory", "limit", "check", *LOGIN_NAMES))
@format_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    lost_writes: str | None,
    reason: str | None,
    people: tuple[str, ...],
    change_id: str | None,
    yes: bool,
    serial: str | None,
    max_fail_percentage: int | None,
    playbook: Path | None,
    flags: PlaybookFlags,
    output_format: str,
) -> int:
    """Bring the servers back to the release before their last upgrade, with its database.

    Also takes back what stopped half-way.  Exit codes are those of `spse upgrade`.
    """
    from lpse_ops.cli.spse_carry_out import carry_out
    from lpse_ops.cli.spse_fleet import Order

    said: dict[str, Any] = Course(serial, max_fail_percentage).variables()
    said["spse_upgrade_action"] = "rollback"
    if lost_writes is not None:
        if not lost_writes.strip():
            raise UsageError("the reason is blank", hint="say why: --accept-lost-writes REASON")
        said["spse_accept_lost_writes"] = lost_writes
    why = reason or lost_writes
    record, request = read_record(app, "rollback", why, people, change_id)
    order = Order("rollback", "", said | record, yes, playbook, request)
    return carry_out(app, flags, order, output_format)
