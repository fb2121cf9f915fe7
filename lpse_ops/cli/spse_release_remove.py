"""Remove an old release; never the current one, nor the one to go back to."""

import shutil
from pathlib import Path

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.spse_release_options import link_option, releases_option
from lpse_ops.cli.wiring import App


@click.command(epilog="Example: lpse-ops spse release remove 4.3")
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
    """Remove VERSION, with what was planned for it.

    Refused (exit code 7) for the current release, for the one to go back to, and while an upgrade
    is not over.  The release of an upgrade that was rolled back may go: LKPP sends a better one.
    """
    from lpse_ops.cli.spse_proposal import files_folder
    from lpse_ops.cli.spse_release_options import check_releases_folder, require_root
    from lpse_ops.cli.spse_running import load_last_upgrade, refuse_during_upgrade
    from lpse_ops.spse.currentrelease import read_current
    from lpse_ops.spse.releaseremove import find_needed, remove_release

    require_root("remove a release")
    check_releases_folder(releases)
    refuse_during_upgrade(app.state_folder)
    current = read_current(link, releases).version
    needed = find_needed(releases, current, load_last_upgrade(app.state_folder))
    remove_release(releases, version, needed)
    shutil.rmtree(files_folder(app.state_folder, version), ignore_errors=True)
    emit(
        "spse/release/remove",
        {"version": version, "kept": sorted(needed), "changed": True},
        text=lambda: f"release {version} is removed\n",
        output_format=output_format,
        output=output,
    )
