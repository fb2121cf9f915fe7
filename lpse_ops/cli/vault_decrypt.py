"""Decrypt vault-encrypted files for good."""

from pathlib import Path

import click

from lpse_ops.cli.parameters import FILE, common_options
from lpse_ops.cli.vault_files import inputs_of, read_input, write_result
from lpse_ops.cli.vault_options import VaultOptions, read_secrets, vault_options
from lpse_ops.cli.wiring import App
from lpse_ops.vault import Vault


@click.command(epilog="Example: lpse-ops vault decrypt secret.yml --output -")
@click.argument("files", nargs=-1, type=FILE)
@click.option("--output", type=FILE, metavar="FILE", help="Write here; '-' is standard output.")
@vault_options
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    files: tuple[Path, ...],
    output: Path | None,
    passwords: VaultOptions,
) -> None:
    """Decrypt FILES in place, or standard input to standard output.

    None is written before all are decrypted; what is written is for its owner only.
    """
    sealed = [(path, read_input(path)) for path in inputs_of(files, output)]
    vault = Vault(read_secrets(app, passwords))
    plain = [(path, vault.decrypt(content, str(path))) for path, content in sealed]
    for path, content in plain:
        write_result(path, output, content, was_plain=False)
    app.console.print("Decryption successful")
