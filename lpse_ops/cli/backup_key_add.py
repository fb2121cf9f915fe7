"""Add a password to a repository."""

from pathlib import Path

import click

from lpse_ops.backup.keyring import add_key, this_origin
from lpse_ops.cli.new_password import new_password_option, read_new_password
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.wiring import App


@click.command(epilog="Example: lpse-ops backup key add --new-password-file second.password")
@new_password_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App, /, new_password_file: Path | None, output_format: str, output: Path | None
) -> None:
    """Add a password; those there are stay valid."""
    password = read_new_password(app, new_password_file)
    with locked(app) as repository:
        key_id = add_key(repository, password, this_origin(app.clock.now()))
    emit(
        "backup/key-add",
        {"id": key_id},
        text=lambda: f"key {key_id[:8]} added",
        output_format=output_format,
        output=output,
    )
