"""Get back into a repository with the recovery sheet alone."""

import sys
from pathlib import Path

import click

from lpse_ops.backup.keyring import recover, this_origin
from lpse_ops.backup.recovery import parse_sheet
from lpse_ops.cli.new_password import new_password_option, read_new_password
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import FILE, format_option, output_option, repository_options
from lpse_ops.cli.repository_access import first_backend
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError

sheet_option = click.option(
    "--sheet",
    type=FILE,
    metavar="FILE",
    help="File with the sheet's text, or with what its QR code says; '-' or none: standard input.",
)


@click.command(
    epilog="Example: lpse-ops backup key recover --sheet sheet.txt --new-password-file p"
)
@sheet_option
@new_password_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    sheet: Path | None,
    new_password_file: Path | None,
    output_format: str,
    output: Path | None,
) -> None:
    """Write a new key, and config if it is gone, from the recovery sheet.

    What is stored is not touched; afterwards restic, too, opens the repository with the new
    password.
    """
    secret = parse_sheet(read_sheet(app, sheet))
    password = read_new_password(app, new_password_file)
    origin = this_origin(app.clock.now())
    recovered = recover(first_backend(app), secret, password, origin, app.console.print)
    repository = recovered.repository
    emit(
        "backup/key-recover",
        {
            "repository_id": repository.config.id,
            "id": repository.key_id,
            "wrote_config": recovered.wrote_config,
            "removed": list(recovered.removed),
        },
        text=lambda: (
            f"key {repository.key_id[:8]} written"
            + (", and config" if recovered.wrote_config else "")
            + f": repository {repository.config.id[:10]} opens with the new password"
        ),
        output_format=output_format,
        output=output,
    )


def read_sheet(app: App, sheet: Path | None) -> str:
    if sheet is None or str(sheet) == "-":
        if sys.stdin.isatty():
            app.console.print("type the lines of the recovery sheet, then Ctrl-D:")
        return sys.stdin.read()
    try:
        return sheet.read_text("utf-8", "replace")
    except OSError as error:
        raise UsageError(
            f"cannot read the sheet {sheet}: {error.strerror}", hint="see --sheet FILE"
        ) from error
