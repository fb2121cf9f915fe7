"""Change the password, or the vault id, of vault-encrypted files."""

from pathlib import Path

import click

from lpse_ops.cli.parameters import FILE, common_options
from lpse_ops.cli.vault_files import inputs_of, read_input, replace_sealed
from lpse_ops.cli.vault_options import (
    VaultOptions,
    ask_password,
    encrypt_vault_id_option,
    read_secrets,
    vault_options,
)
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError
from lpse_ops.vault import Vault, VaultSecret, choose_secret, seal
from lpse_ops.vaultsecrets import load_secrets


@click.command(epilog="Example: lpse-ops vault rekey --new-vault-id prod@new.password vault.yml")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--new-vault-id", metavar="LABEL@SOURCE", help="New vault id and password.")
@click.option("--new-vault-password-file", metavar="FILE", help="File with the new password.")
@encrypt_vault_id_option
@vault_options
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    files: tuple[Path, ...],
    new_vault_id: str | None,
    new_vault_password_file: str | None,
    encrypt_vault_id: str | None,
    passwords: VaultOptions,
) -> None:
    """Encrypt FILES with another password; none is written before all are decrypted."""
    if new_vault_id and new_vault_password_file:
        raise UsageError(
            "there can be one new password only",
            hint="give either --new-vault-id or --new-vault-password-file",
        )
    sealed = [(path, read_input(path)) for path in inputs_of(files, None)]
    vault = Vault(read_secrets(app, passwords))
    plain = [(path, vault.decrypt(content, str(path))) for path, content in sealed]
    new = _new_secret(app, new_vault_id, new_vault_password_file, encrypt_vault_id)
    for path, content in plain:
        replace_sealed(path, seal(content, new.password, vault_id=new.vault_id))
    app.console.print("Rekey successful")


def _new_secret(
    app: App, vault_id: str | None, password_file: str | None, label: str | None
) -> VaultSecret:
    """The new secret; without a source it is asked for, twice."""
    secrets = load_secrets(
        [vault_id or f"{label or 'default'}@prompt"] if not password_file else [],
        [password_file] if password_file else [],
        lambda name: ask_password(name, confirm=True),
        warn=app.console.warn,
    )
    secret = choose_secret(secrets, None)
    return VaultSecret(label, secret.password) if label and not vault_id else secret
