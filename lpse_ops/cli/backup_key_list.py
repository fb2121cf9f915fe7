"""List the passwords (key files) of a repository."""

from pathlib import Path

import click

from lpse_ops.cli.backup_options import no_lock_option
from lpse_ops.cli.output import emit, render_table
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.wiring import App


@click.command(epilog="Example: lpse-ops backup key list")
@no_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(app: App, /, no_lock: bool, output_format: str, output: Path | None) -> None:
    """List key files; * marks the one that was just used."""
    with locked(app, no_lock=no_lock) as repository:
        keys = [
            {
                "id": key.id,
                "current": key.id == repository.key_id,
                "username": key.username,
                "hostname": key.hostname,
                "created": key.created,
            }
            for key in repository.key_files()
        ]
    rows = [
        (
            ("*" if key["current"] else " ") + str(key["id"])[:8],
            key["username"],
            key["hostname"],
            key["created"],
        )
        for key in keys
    ]
    emit(
        "backup/key-list",
        {"keys": keys},
        text=lambda: render_table((" ID", "User", "Host", "Created"), rows),
        output_format=output_format,
        output=output,
    )
