"""Take servers from bare machines to a running, hardened SPSE."""

from pathlib import Path
from typing import Any

import click

from lpse_ops.cli.parameters import FILE, common_options, format_option
from lpse_ops.cli.playbook_options import PlaybookFlags, options_named
from lpse_ops.cli.spse_change_said import (
    Course,
    course_options,
    inspect_package,
    package_options,
    read_record,
    record_options,
)
from lpse_ops.cli.spse_fleet_options import LOGIN_NAMES
from lpse_ops.cli.wiring import App


@click.command(epilog="Example: lpse-ops spse install spse-4.5.tar.gz --sha256 9f86d0... --check")
@click.argument("package", type=FILE)
@package_options
@record_options
@course_options
@options_named(("inventory", "limit", "check", "diff", *LOGIN_NAMES))
@format_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    package: Path,
    sha256: str | None,
    signature: Path | None,
    signers: Path | None,
    release: str | None,
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
    """Install the release in PACKAGE, and all that it needs, on the servers of the group spse.

    What is there already is left as it is: a second run changes nothing, and where a release of
    SPSE is in use `spse upgrade` is the way.  Exit codes are those of `spse upgrade`.
    """
    from lpse_ops.cli.spse_carry_out import carry_out
    from lpse_ops.cli.spse_fleet import Order

    said: dict[str, Any] = Course(serial, max_fail_percentage).variables()
    what, of_package = inspect_package(
        app, package, sha256=sha256, signature=signature, signers=signers, release=release
    )
    record, request = read_record(app, "install", reason, people, change_id)
    said |= of_package | record
    order = Order("install", what.version, said, yes, playbook, request, what)
    return carry_out(app, flags, order, output_format)
