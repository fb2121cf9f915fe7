"""Is SPSE well just now?  By the proof that ends an installation or an upgrade."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.playbook_options import PlaybookFlags, options_named
from lpse_ops.cli.spse_fleet_options import LOGIN_NAMES
from lpse_ops.cli.spse_release_options import releases_option, site_option, steprunner_option
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError, UsageError

if TYPE_CHECKING:
    from lpse_ops.cli.health_report import HealthReport


@click.command(epilog="Example: lpse-ops spse health -i inventory")
@options_named(("inventory", "limit", *LOGIN_NAMES))
@site_option
@releases_option
@steprunner_option
@click.option("--nagios", is_flag=True, help="One line and exit code 0, 2 or 3, for Nagios.")
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    flags: PlaybookFlags,
    site: Path,
    releases: Path,
    steprunner: Path,
    nagios: bool,
    output_format: str,
    output: Path | None,
) -> int:
    """Ask whether SPSE listens, its pages answer, its database takes writes, and the rest.

    The step runner asks, as site.json says: of this machine, or with -i of the group spse, by the
    lpse-ops there.

    Exit code 1: something is not well; 4: a host cannot be reached.
    """
    from lpse_ops.cli.health_report import exit_code, render, to_json

    def ask() -> "list[HealthReport]":
        if flags.inventory:
            # Imported here: it brings the engine along.
            from lpse_ops.cli.health_there import ask_fleet

            return ask_fleet(app, flags, site, releases, steprunner)
        if flags.limit:
            hint = "name it: -i inventory"
            raise UsageError("--limit chooses hosts of an inventory", hint=hint)
        from lpse_ops.cli.health_here import ask_here

        return [ask_here(site, releases, steprunner)]

    if nagios:
        return _answer_nagios(ask)
    reports = ask()
    emit(
        "spse/health",
        to_json(reports),
        text=lambda: render(reports),
        output_format=output_format,
        output=output,
    )
    return exit_code(reports)


def _answer_nagios(ask: "Callable[[], list[HealthReport]]") -> int:
    """Nagios gets its line, also when nobody can tell."""
    from lpse_ops.cli.health_report import NAGIOS_UNKNOWN, nagios_line, render_nagios

    try:
        code, text = render_nagios(ask())
    except OpsError as error:
        code, text = NAGIOS_UNKNOWN, nagios_line("UNKNOWN", error.message)
    click.echo(text)
    return code
