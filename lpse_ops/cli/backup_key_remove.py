"""Remove a password from a repository."""

from pathlib import Path

import click

from lpse_ops.backup.keyring import remove_key
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.wiring import App


@click.command(epilog="Example: lpse-ops backup key remove 3c5f9a1b")
@click.argument("key_id", metavar="KEY")
@format_option
@output_option
@repository_options
@click.pass_obj
def command(app: App, /, key_id: str, output_format: str, output: Path | None) -> None:
    """Remove the key whose id begins with KEY; never the one in use."""
    with locked(app, exclusive=True) as repository:
        removed = remove_key(repository, key_id)
    emit(
        "backup/key-remove",
        {"removed": removed},
        text=lambda: f"key {removed[:8]} removed",
        output_format=output_format,
        output=output,
    )
