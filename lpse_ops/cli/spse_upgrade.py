"""Upgrade SPSE on one server or many, with a way back from every step."""

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
from lpse_ops.errors import UsageError


@click.command(epilog="Example: lpse-ops spse upgrade spse-4.5.tar.gz --sha256 9f86d0... --check")
@click.argument("package", type=FILE, required=False)
@package_options
@record_options
@click.option("--accept-risk", metavar="REASON", help="Upgrade without a backup; recorded.")
@click.option("--resume", is_flag=True, help="Go on with what stopped half-way; needs no PACKAGE.")
@course_options
@options_named(("inventory", "limit", "check", *LOGIN_NAMES))
@format_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    package: Path | None,
    sha256: str | None,
    signature: Path | None,
    signers: Path | None,
    release: str | None,
    reason: str | None,
    people: tuple[str, ...],
    change_id: str | None,
    accept_risk: str | None,
    resume: bool,
    yes: bool,
    serial: str | None,
    max_fail_percentage: int | None,
    playbook: Path | None,
    flags: PlaybookFlags,
    output_format: str,
) -> int:
    """Move the servers of the group spse to the release in PACKAGE, one after the other.

    On each: maintenance page, stop, verified backup, rollback point, switch, the package's own
    migration, start, proof, open.  What fails is rolled back.

    Exit code 0: all done; 1: failed, or stuck half-way; 4: a server cannot be reached; 6: failed
    and rolled back, the old release answers; 7: refused, nothing was touched.
    """
    from lpse_ops.cli.spse_carry_out import carry_out
    from lpse_ops.cli.spse_fleet import Order

    said: dict[str, Any] = Course(serial, max_fail_percentage).variables()
    said["spse_upgrade_action"] = "resume" if resume else "upgrade"
    if (package is None) != resume:
        raise UsageError(
            "--resume goes on with the package that is there"
            if resume
            else "which package shall it be?",
            hint="lpse-ops spse upgrade PACKAGE, or lpse-ops spse upgrade --resume",
        )
    version, what = "", None
    if package is not None:
        what, of_package = inspect_package(
            app, package, sha256=sha256, signature=signature, signers=signers, release=release
        )
        said |= of_package
        version = what.version
    record, request = read_record(app, "upgrade", reason, people, change_id, is_begun=resume)
    said |= record
    if accept_risk is not None:
        if not accept_risk.strip():
            raise UsageError("the reason is blank", hint="say why: --accept-risk REASON")
        said["spse_accept_risk"] = accept_risk
    order = Order("resume" if resume else "upgrade", version, said, yes, playbook, request, what)
    return carry_out(app, flags, order, output_format)
