"""Where a command's vault passwords come from: options and settings as ansible-vault's."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from lpse_ops.cli.parameters import FILE, common_options
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError
from lpse_ops.playbook.config import Config, load_config
from lpse_ops.vault import VaultSecret
from lpse_ops.vaultsecrets import load_secrets

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

PASSWORD_FILE_VARIABLE = "ANSIBLE_VAULT_PASSWORD_FILE"  # noqa: S105 - a name, no password
IDENTITY_LIST_VARIABLE = "ANSIBLE_VAULT_IDENTITY_LIST"
ENCRYPT_IDENTITY_VARIABLE = "ANSIBLE_VAULT_ENCRYPT_IDENTITY"


@dataclass(frozen=True)
class VaultOptions:
    """What the command line says about vault passwords."""

    vault_ids: tuple[str, ...] = ()
    password_files: tuple[str, ...] = ()
    ask: bool = False


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "-J",
        "--ask-vault-pass",
        "--ask-vault-password",
        "ask_vault_pass",
        is_flag=True,
        help="Ask for the vault password.",
    ),
    click.option(
        "--vault-password-file",
        "--vault-pass-file",
        "vault_password_file",
        multiple=True,
        metavar="FILE",
        help="File with a vault password, or a program that prints it.  "
        f"[also: {PASSWORD_FILE_VARIABLE}]",
    ),
    click.option(
        "--vault-id",
        multiple=True,
        metavar="LABEL@SOURCE",
        help="Password of a vault id; SOURCE is a file, a program or 'prompt'.  "
        f"[also: {IDENTITY_LIST_VARIABLE}]",
    ),
)


def vault_options(command: Decorated) -> Decorated:
    """All of them, as the argument ``passwords``."""

    @functools.wraps(command)
    def with_passwords(
        *args: Any,
        vault_id: tuple[str, ...],
        vault_password_file: tuple[str, ...],
        ask_vault_pass: bool,
        **others: Any,
    ) -> Any:
        passwords = VaultOptions(vault_id, vault_password_file, ask_vault_pass)
        return command(*args, passwords=passwords, **others)

    wrapped: Any = with_passwords
    for option in _OPTIONS:
        wrapped = option(wrapped)
    decorated: Decorated = wrapped
    return decorated


def encrypt_vault_id_option(command: Decorated) -> Decorated:
    return click.option(
        "--encrypt-vault-id",
        envvar=ENCRYPT_IDENTITY_VARIABLE,
        metavar="LABEL",
        help="Which vault id encrypts, when there are several.",
    )(command)


def vault_file_options(command: Decorated) -> Decorated:
    """For work on one file: the arguments ``file``, ``encrypt_vault_id`` and ``passwords``."""
    with_passwords = encrypt_vault_id_option(vault_options(common_options(command)))
    return click.argument("file", type=FILE)(with_passwords)


def read_secrets(
    app: App,
    options: VaultOptions,
    *,
    confirm: bool = False,
    prompt: bool = True,
    warn: Callable[[str], None] | None = None,
) -> list[VaultSecret]:
    """Read the secrets that options, environment and ``ansible.cfg`` name.

    With none named, ask for one (``prompt``), or return none.  ``confirm`` has a password typed
    twice, for one that will encrypt.
    """
    # Those who run playbooks hear of settings that change nothing.
    config = load_config(app.environment, Path.cwd(), lambda _: None)
    named = sources(options, config)
    if options.ask or config.ask_vault_pass or (prompt and not named):
        named.append(f"{config.vault_identity}@prompt")
    return load_secrets(
        named,
        (),
        lambda vault_id: ask_password(vault_id, confirm=confirm),
        warn=warn or app.console.warn,
    )


def sources(options: VaultOptions, config: Config) -> list[str]:
    """The sources of settings and command line as ``LABEL@SOURCE``, each once, in Ansible's order.

    Password files come after vault ids, and have the label that ``vault_identity`` says.
    """
    files = [*options.password_files, *filter(None, [config.vault_password_file])]
    named = [*config.vault_identity_list, *options.vault_ids]
    named += [f"{config.vault_identity}@{file}" for file in files]
    return list(dict.fromkeys(named))


def ask_password(vault_id: str, *, confirm: bool) -> str:
    """Ask at the terminal; UsageError when there is none."""
    if not _has_terminal():
        raise UsageError(
            "no vault password",
            hint="give --vault-password-file FILE or --vault-id LABEL@FILE, "
            f"or set {PASSWORD_FILE_VARIABLE}",
        )
    # Some programs that type passwords for people wait for exactly these words.
    label = "" if vault_id == "default" else f" ({vault_id})"
    question = f"New Vault password{label}" if confirm else f"Vault password{label}"
    answer = click.prompt(
        question,
        hide_input=True,
        confirmation_prompt=f"Confirm {question}" if confirm else False,
        err=True,
    )
    return str(answer)


def _has_terminal() -> bool:
    """Standard input may be what is to be encrypted; a password comes from the terminal itself."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
