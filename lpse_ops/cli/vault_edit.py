"""Edit a vault-encrypted file; its plaintext never reaches a disk."""

from pathlib import Path

import click

from lpse_ops.cli.vault_editor import edit
from lpse_ops.cli.vault_files import create_privately, read_input, replace_sealed
from lpse_ops.cli.vault_options import VaultOptions, read_secrets, vault_file_options
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError
from lpse_ops.vault import Vault, VaultSecret, choose_secret, seal


@click.command(epilog="Example: lpse-ops vault edit inventory/group_vars/all/vault.yml")
@vault_file_options
@click.pass_obj
def command(app: App, /, file: Path, encrypt_vault_id: str | None, passwords: VaultOptions) -> None:
    """Open the plaintext of FILE in your editor and encrypt it again when something changed.

    The file keeps its vault id, mode and owner.
    """
    before = read_input(file)
    vault = Vault(read_secrets(app, passwords))
    opened = vault.open(before, str(file))
    secret = VaultSecret(opened.envelope.vault_id, opened.secret.password)
    if encrypt_vault_id is not None:
        secret = choose_secret(vault.secrets, encrypt_vault_id)
    edited = edit(opened.plaintext, file.name, app.environment)
    if edited == opened.plaintext and secret.vault_id == opened.envelope.vault_id:
        app.console.print(f"{file} is unchanged")
        return
    sealed = seal(edited, secret.password, vault_id=secret.vault_id)
    if read_input(file) != before:
        _keep_beside(file, sealed)
    replace_sealed(file, sealed)


def _keep_beside(file: Path, sealed: bytes) -> None:
    """Somebody else wrote the file meanwhile: lose neither their work nor this."""
    beside = file.with_name(f"{file.name}.edited")
    create_privately(beside, sealed)
    raise OpsError(
        f"{file} was changed by somebody else meanwhile; your version is in {beside}",
        hint=f"compare with lpse-ops vault view {file} {beside}",
    )
