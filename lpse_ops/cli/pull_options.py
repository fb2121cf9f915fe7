"""Flags of ``backup run`` for a server that is read over SSH: those of ``playbook run``."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from lpse_ops.cli.login_options import (
    ASK_BECOME_PASS,
    ASK_PASS,
    BECOME_PASSWORD_FILE,
    BECOME_USER,
    CONNECTION_PASSWORD_FILE,
    PRIVATE_KEY,
    SSH_COMMON_ARGS,
)

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass(frozen=True)
class PullFlags:
    """What the command line says about the inventory and the way to its host."""

    inventory: tuple[str, ...] = ()
    extra_vars: tuple[str, ...] = ()
    user: str | None = None
    private_key: str | None = None
    timeout: int | None = None
    ssh_common_args: str | None = None
    become: bool = False
    become_user: str | None = None
    ask_become_pass: bool = False
    become_password_file: str | None = None
    ask_pass: bool = False
    connection_password_file: str | None = None
    vault_id: tuple[str, ...] = ()
    vault_password_file: tuple[str, ...] = ()
    ask_vault_pass: bool = False


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("-i", "--inventory", "--inventory-file", "inventory", multiple=True,
                 metavar="FILE", help="Inventory with the server that --host names."),
    click.option("-u", "--user", metavar="NAME", help="Log in there as this user."),
    PRIVATE_KEY,
    click.option("--timeout", type=int, metavar="SECONDS", help="For connecting (10)."),
    SSH_COMMON_ARGS,
    click.option("-b", "--become", is_flag=True, help="Read as another user there (root)."),
    BECOME_USER,
    ASK_BECOME_PASS,
    BECOME_PASSWORD_FILE,
    ASK_PASS,
    CONNECTION_PASSWORD_FILE,
    click.option("--extra-vars", multiple=True, metavar="VARS",
                 help="Variables of the inventory: name=value, YAML or JSON, or @FILE."),
    # Not those of vault_options, whose imports a backup of this machine would pay for.
    click.option("-J", "--ask-vault-pass", "--ask-vault-password", "ask_vault_pass",
                 is_flag=True, help="Ask for the inventory's vault password."),
    click.option("--vault-password-file", "--vault-pass-file", "vault_password_file",
                 multiple=True, metavar="FILE", help="File with a vault password."),
    click.option("--vault-id", multiple=True, metavar="LABEL@SOURCE",
                 help="Password of a vault id; SOURCE is a file, a program or 'prompt'."),
)  # fmt: skip


def pull_options(command: Decorated) -> Decorated:
    """All of them, as the argument ``pull``."""

    @functools.wraps(command)
    def with_flags(*args: Any, **options: Any) -> Any:
        own = {name: options.pop(name) for name in PullFlags.__dataclass_fields__}
        return command(*args, pull=PullFlags(**own), **options)

    wrapped: Any = with_flags
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    decorated: Decorated = wrapped
    return decorated
