"""Encrypt files with a vault password."""

from pathlib import Path

import click

from lpse_ops.cli.parameters import FILE, common_options
from lpse_ops.cli.vault_files import inputs_of, read_input, write_result
from lpse_ops.cli.vault_options import (
    VaultOptions,
    encrypt_vault_id_option,
    read_secrets,
    vault_options,
)
from lpse_ops.cli.wiring import App
from lpse_ops.errors import VaultError
from lpse_ops.vault import choose_secret, is_sealed, seal


@click.command(epilog="Example: lpse-ops vault encrypt inventory/group_vars/all/vault.yml")
@click.argument("files", nargs=-1, type=FILE)
@click.option("--output", type=FILE, metavar="FILE", help="Write here; '-' is standard output.")
@encrypt_vault_id_option
@vault_options
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    files: tuple[Path, ...],
    output: Path | None,
    encrypt_vault_id: str | None,
    passwords: VaultOptions,
) -> None:
    """Encrypt FILES in place, or standard input to standard output.

    Of all files, none is written before all are read.  The plaintext is overwritten.
    """
    plain = [(path, _read_plain(path)) for path in inputs_of(files, output)]
    secret = choose_secret(read_secrets(app, passwords, confirm=True), encrypt_vault_id)
    for path, content in plain:
        sealed = seal(content, secret.password, vault_id=secret.vault_id)
        write_result(path, output, sealed, was_plain=True)
    app.console.print("Encryption successful")


def _read_plain(path: Path) -> bytes:
    content = read_input(path)
    if is_sealed(content):
        raise VaultError(
            f"{path} is already encrypted", hint=f"edit it with lpse-ops vault edit {path}"
        )
    return content
