"""Propose the settings of a new release: the site's own, with what the package changed."""

from pathlib import Path

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import FILE, common_options, format_option
from lpse_ops.cli.spse_proposal import decision_options
from lpse_ops.cli.spse_release_options import link_option, releases_option
from lpse_ops.cli.wiring import App

_UNDECIDED = 1


@click.command(epilog="Example: lpse-ops spse configuration propose --release 4.5")
@click.option("--release", required=True, metavar="VERSION", help="The release to configure.")
@decision_options
@click.option(
    "--output",
    "-o",
    type=FILE,
    metavar="FILE",
    help="Where to write it, for root alone; default: beside the state of upgrades.",
)
@releases_option
@link_option
@format_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    release: str,
    set_file: Path | None,
    take_new: tuple[str, ...],
    output: Path | None,
    releases: Path,
    link: Path,
    output_format: str,
) -> int:
    """Write application.conf for a release that is unpacked; it is not put to use.

    Compared are the package's old and new file and the site's.  Where both changed a value the
    site's stays; a key that the package has no more stays, too.  Without a current release, the
    package's file with the values of --set-file.  Secrets are not shown.

    Exit code 1, with the file written: something is left that only a person can decide.
    """
    from lpse_ops.cli.spse_proposal import (
        CONFIGURATION,
        files_folder,
        load_candidate,
        propose_files,
        read_set_file,
        save_file,
    )
    from lpse_ops.cli.spse_proposal_text import render, tell, to_json
    from lpse_ops.cli.spse_release_options import require_root
    from lpse_ops.cli.spse_running import refuse_during_upgrade

    require_root("read the settings of SPSE")
    values = read_set_file(set_file)
    candidate = load_candidate(releases, release)
    proposed = propose_files(releases, link, candidate, values=values, take_new=take_new)
    if output is None:
        refuse_during_upgrade(app.state_folder)
    folder = files_folder(app.state_folder, release)
    paths = {
        each.name: (output if each.name == CONFIGURATION else None) or folder / each.name
        for each in proposed.files
    }
    changed = [save_file(paths[each.name], each.content) for each in proposed.files]
    tell(app.console, proposed)
    emit(
        "spse/configuration/propose",
        {**to_json(proposed), "output": paths[CONFIGURATION], "changed": any(changed)},
        text=lambda: f"{render(proposed)}\nwritten to {paths[CONFIGURATION]}\n",
        output_format=output_format,
        output=None,
    )
    return _UNDECIDED if proposed.undecided else 0
