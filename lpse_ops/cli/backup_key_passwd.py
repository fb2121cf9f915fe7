"""Change the password of a repository."""

from pathlib import Path

import click

from lpse_ops.backup.keyring import change_password, this_origin
from lpse_ops.cli.new_password import new_password_option, read_new_password
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.wiring import App


@click.command(epilog="Example: lpse-ops backup key passwd --new-password-file new.password")
@new_password_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App, /, new_password_file: Path | None, output_format: str, output: Path | None
) -> None:
    """Replace the password in use by a new one.

    Who once knew the old one may have kept the master key: a repository that was betrayed has to
    be replaced, not its password.
    """
    password = read_new_password(app, new_password_file)
    with locked(app, exclusive=True) as repository:
        old = repository.key_id
        key_id = change_password(repository, password, this_origin(app.clock.now()))
    emit(
        "backup/key-passwd",
        {"id": key_id, "removed": old},
        text=lambda: f"key {key_id[:8]} replaces {old[:8]}",
        output_format=output_format,
        output=output,
    )
