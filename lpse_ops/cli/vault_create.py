"""Write a new vault-encrypted file in an editor."""

from pathlib import Path

import click

from lpse_ops.cli.vault_editor import edit
from lpse_ops.cli.vault_files import create_privately
from lpse_ops.cli.vault_options import VaultOptions, read_secrets, vault_file_options
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError
from lpse_ops.vault import choose_secret, seal


@click.command(epilog="Example: lpse-ops vault create inventory/group_vars/all/vault.yml")
@vault_file_options
@click.pass_obj
def command(app: App, /, file: Path, encrypt_vault_id: str | None, passwords: VaultOptions) -> None:
    """Open an empty file in your editor and keep what you write encrypted as FILE."""
    if file.exists() or file.is_symlink():
        raise UsageError(f"{file} exists already", hint=f"use lpse-ops vault edit {file}")
    if not file.parent.is_dir():
        raise UsageError(f"there is no folder {file.parent}", hint=f"mkdir -p {file.parent}")
    secret = choose_secret(read_secrets(app, passwords, confirm=True), encrypt_vault_id)
    content = edit(b"", file.name, app.environment)
    create_privately(file, seal(content, secret.password, vault_id=secret.vault_id))
