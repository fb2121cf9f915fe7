"""Make a release the current one while nothing runs: the first installation, and repairs."""

from pathlib import Path

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.spse_release_options import link_option, releases_option
from lpse_ops.cli.wiring import App


@click.command(epilog="Example: lpse-ops spse release switch 4.5")
@click.argument("version")
@releases_option
@link_option
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    version: str,
    releases: Path,
    link: Path,
    output_format: str,
    output: Path | None,
) -> None:
    """Let the link lead to VERSION, in one step.

    Refused (exit code 7) while SPSE runs or an upgrade is not over: an upgrade has a database to
    take along, and switches by itself.
    """
    from lpse_ops.cli.spse_release_options import check_releases_folder, require_root
    from lpse_ops.cli.spse_running import refuse_while_running
    from lpse_ops.spse.currentrelease import read_current, switch_release
    from lpse_ops.spse.release import release_folder
    from lpse_ops.spse.releaselock import locked_releases

    require_root("switch releases")
    target = release_folder(releases.absolute(), version)
    check_releases_folder(releases)
    with locked_releases(releases):
        before = read_current(link, releases)
        changed = (before.state, before.version) != ("release", version)
        if changed:
            refuse_while_running(app.state_folder, link, releases)
        switch_release(link, releases, version)
    emit(
        "spse/release/switch",
        {"version": version, "link": link, "folder": target, "before": before, "changed": changed},
        text=lambda: f"{link} leads to {target}{'' if changed else ' already'}\n",
        output_format=output_format,
        output=output,
    )
