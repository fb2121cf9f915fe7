"""Is a server fit for an installation or an upgrade of SPSE?  Nothing is changed."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import DURATION, FILE, common_options, format_option, output_option
from lpse_ops.cli.playbook_options import PlaybookFlags, options_named
from lpse_ops.cli.spse_fleet_options import LOGIN_NAMES
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError
from lpse_ops.spse.places import SITE

if TYPE_CHECKING:
    from lpse_ops.cli.preflight_report import HostReport
    from lpse_ops.spse.preflightcheck import Asked, Package, Purpose


@click.command(epilog="Example: lpse-ops spse preflight --package spse-4.5.tar.gz -i inventory")
@options_named(("inventory", "limit", *LOGIN_NAMES))
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["upgrade", "install"]),
    default="upgrade",
    show_default=True,
    help="What the server is to be fit for.",
)
@click.option("--package", type=FILE, metavar="FILE", help="The package that needs room there.")
@click.option(
    "--server-name",
    "names",
    multiple=True,
    metavar="NAME",
    help="A name of the server, whose certificate is looked at; else those in site.json.",
)
@click.option(
    "--accept-risk", default="", metavar="REASON", help="Why an upgrade without a backup will do."
)
@click.option(
    "--path", default="/eproc4", show_default=True, metavar="PATH", help="Where SPSE is, for users."
)
@click.option(
    "--site", default=str(SITE), show_default=True, metavar="FILE", help="The server's site.json."
)
@click.option(
    "--patience",
    type=DURATION,
    default="90s",
    show_default=True,
    metavar="90s",
    help="Wait no longer for what a server says of itself.",
)
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    flags: PlaybookFlags,
    purpose: "Purpose",
    package: Path | None,
    names: tuple[str, ...],
    accept_risk: str,
    path: str,
    site: str,
    patience: timedelta,
    output_format: str,
    output: Path | None,
) -> int:
    """Look at disk, memory, Java, PostgreSQL, clock, names, ports, certificates, backups and more.

    Of this machine, or with -i of the group spse, all at once.  Each line is OK, WARNING, CRITICAL,
    UNKNOWN (nobody could tell) or SKIPPED (not asked for this purpose).

    Exit code 1: something is CRITICAL; 4: a host cannot be reached; 7: the package is refused.
    """
    from lpse_ops.cli.preflight_facts import module_arguments
    from lpse_ops.cli.preflight_report import exit_code, render, to_json
    from lpse_ops.spse.preflightcheck import Asked

    arguments = module_arguments(names, {}, site, path, patience)
    asked = Asked(purpose, app.clock.now(), _weigh(package), accepted_risk=accept_risk.strip())
    if flags.inventory:
        # Imported here: it brings the engine along.
        from lpse_ops.cli.preflight_there import ask_fleet

        reports = ask_fleet(app, flags, asked, arguments)
    elif flags.limit:
        raise UsageError("--limit chooses hosts of an inventory", hint="name it: -i inventory")
    else:
        reports = [_look_here(asked, arguments)]
    emit(
        "spse/preflight",
        to_json(reports, purpose),
        text=lambda: render(reports, purpose),
        output_format=output_format,
        output=output,
    )
    return exit_code(reports)


def _look_here(asked: "Asked", arguments: dict[str, Any]) -> "HostReport":
    import socket

    from lpse_ops.cli.preflight_facts import read_here
    from lpse_ops.cli.preflight_report import HostReport
    from lpse_ops.spse.preflight import judge

    return HostReport(socket.gethostname(), judge(read_here(arguments).facts, asked))


def _weigh(path: Path | None) -> "Package | None":
    """The package's size, packed and unpacked; ``PackageRefused`` if it is none."""
    if path is None:
        return None
    from lpse_ops.spse.package import Expected, open_package
    from lpse_ops.spse.preflightcheck import Package

    with open_package(path) as package:
        inspected = package.inspect(Expected())
    return Package(inspected.size_bytes, inspected.unpacked_bytes)
