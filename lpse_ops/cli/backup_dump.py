"""Write one stored file to standard output."""

import os
from pathlib import Path

import click

from lpse_ops.backup.dump import write_file
from lpse_ops.backup.tardump import write_tar
from lpse_ops.backup.treewalk import find_entry
from lpse_ops.cli.backup_options import Only, choose_to_restore, filter_options, no_lock_option
from lpse_ops.cli.output import open_output
from lpse_ops.cli.parameters import output_option, repository_options
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.wiring import App


@click.command(
    epilog="Example: lpse-ops backup dump latest /lpse-ops/databases/epns_prod.dump | "
    "pg_restore --list"
)
@click.argument("snapshot")
@click.argument("file")
@filter_options
@no_lock_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    snapshot: str,
    file: str,
    only: Only,
    no_lock: bool,
    output: Path | None,
) -> int:
    """Write FILE of SNAPSHOT to standard output, as it was; a folder as a tar archive."""
    with locked(app, no_lock=no_lock) as repository:
        chosen, exit_code = choose_to_restore(app, repository, only, snapshot)
        index = repository.load_index()
        entry = find_entry(repository, index, chosen.tree, os.fsencode(file))
        with open_output(output) as stream:
            if entry.node.subtree is not None:
                write_tar(repository, index, entry.node.subtree, stream)
            else:
                write_file(repository, index, entry.node, stream)
    return exit_code
