"""Is SPSE well just now?  By the proof that ends an installation or an upgrade."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import FILE, common_options, format_option, output_option
from lpse_ops.cli.wiring import App

if TYPE_CHECKING:
    from lpse_ops.cli.health_report import HealthReport


@click.command(epilog="Example: lpse-ops spse health")
@click.option(
    "--site",
    type=FILE,
    default=Path("/etc/lpse-ops/spse/site.json"),
    show_default=True,
    metavar="FILE",
    help="What is the same for every upgrade of this site.",
)
@click.option(
    "--releases",
    type=FILE,
    default=Path("/opt/spse/releases"),
    show_default=True,
    metavar="DIR",
    help="Where releases are unpacked.",
)
@click.option(
    "--steprunner",
    type=FILE,
    default=Path("/usr/local/lib/lpse-ops/steprunner"),
    show_default=True,
    metavar="DIR",
    help="The program that judges.",
)
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    _app: App,
    /,
    site: Path,
    releases: Path,
    steprunner: Path,
    output_format: str,
    output: Path | None,
) -> int:
    """Ask whether SPSE listens, its pages answer, its database takes writes, and the rest.

    The step runner asks, as site.json says.  Exit code 1 if anything is not well.
    """
    from lpse_ops.cli.health_here import ask_here
    from lpse_ops.cli.health_report import exit_code, render, to_json

    reports: list[HealthReport] = [ask_here(site, releases, steprunner)]
    emit(
        "spse/health",
        to_json(reports),
        text=lambda: render(reports),
        output_format=output_format,
        output=output,
    )
    return exit_code(reports)
