"""Make a release of an application that somebody installed by hand."""

from pathlib import Path

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.spse_release_options import link_option, releases_option
from lpse_ops.cli.wiring import App


@click.command(epilog="Example: lpse-ops spse release adopt --release 4.4")
@click.option("--release", required=True, metavar="VERSION", help="The version that it is.")
@releases_option
@link_option
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    release: str,
    releases: Path,
    link: Path,
    output_format: str,
    output: Path | None,
) -> None:
    """Move the folder at the link's place among the releases, and put a link there.

    Its files stay as they are, also whose they are.  Refused (exit code 7) while it runs.  Given
    again after a power cut, it finishes; once done, it changes nothing.
    """
    from lpse_ops.cli.spse_release_options import check_releases_folder, require_root
    from lpse_ops.cli.spse_running import refuse_while_running
    from lpse_ops.spse.adoption import adopt_application
    from lpse_ops.spse.currentrelease import read_current
    from lpse_ops.spse.release import release_folder

    require_root("adopt an application")
    folder = release_folder(releases.absolute(), release)
    check_releases_folder(releases)
    current = read_current(link, releases)
    changed = (current.state, current.version) != ("release", release)
    if changed:
        refuse_while_running(app.state_folder, link, releases, also_of_root=True)
        adopt_application(link, releases, release)
    emit(
        "spse/release/adopt",
        {"version": release, "folder": folder, "link": link, "changed": changed},
        text=lambda: f"{link} leads to {folder}{'' if changed else ' already'}\n",
        output_format=output_format,
        output=output,
    )
