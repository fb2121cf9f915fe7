"""Show what is in vault-encrypted files."""

from pathlib import Path

import click

from lpse_ops.cli.output import open_output
from lpse_ops.cli.parameters import FILE, common_options
from lpse_ops.cli.vault_files import inputs_of, read_input
from lpse_ops.cli.vault_options import VaultOptions, read_secrets, vault_options
from lpse_ops.cli.wiring import App
from lpse_ops.vault import Vault


@click.command(epilog="Example: lpse-ops vault view inventory/group_vars/all/vault.yml")
@click.argument("files", nargs=-1, type=FILE)
@vault_options
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    files: tuple[Path, ...],
    passwords: VaultOptions,
) -> None:
    """Decrypt FILES to standard output; the files stay as they are."""
    sealed = [(path, read_input(path)) for path in inputs_of(files, None)]
    vault = Vault(read_secrets(app, passwords))
    with open_output(None) as stream:
        for path, content in sealed:
            stream.write(vault.decrypt(content, str(path)))
