"""The flags of ``playbook run``: those of ``ansible-playbook``, by its names."""

import functools
from collections.abc import Callable, Sequence
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
from lpse_ops.cli.vault_options import VaultOptions, vault_options

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass(frozen=True)
class PlaybookFlags:
    """What the command line says; None and empty where it says nothing."""

    inventory: tuple[str, ...]
    limit: str | None
    extra_vars: tuple[str, ...]
    tags: tuple[str, ...]
    skip_tags: tuple[str, ...]
    check: bool
    diff: bool
    forks: int | None
    user: str | None
    connection: str | None
    private_key: str | None
    timeout: int | None
    ssh_common_args: str | None
    ssh_extra_args: str | None
    become: bool
    become_method: str | None
    become_user: str | None
    ask_become_pass: bool
    become_password_file: str | None
    ask_pass: bool
    connection_password_file: str | None
    start_at_task: str | None
    step: bool
    force_handlers: bool
    verbosity: int
    list_hosts: bool
    list_tasks: bool
    list_tags: bool
    syntax_check: bool
    flush_cache: bool
    vault: VaultOptions


# By the names of their arguments.
_OPTIONS: dict[str, Callable[[Any], Any]] = {
    "inventory": click.option(
        "-i",
        "--inventory",
        "--inventory-file",
        "inventory",
        multiple=True,
        metavar="FILE",
        help="Inventory file, folder or script, or hosts: 'db-1,'.",
    ),
    "limit": click.option("-l", "--limit", metavar="PATTERN", help="Only these hosts."),
    "extra_vars": click.option(
        "-e",
        "--extra-vars",
        "extra_vars",
        multiple=True,
        metavar="VARS",
        help="name=value, YAML or JSON, or @FILE.",
    ),
    "tags": click.option(
        "-t", "--tags", multiple=True, metavar="TAG[,TAG]", help="Only these tags."
    ),
    "skip_tags": click.option(
        "--skip-tags", multiple=True, metavar="TAG[,TAG]", help="Not these tags."
    ),
    "check": click.option(
        "-C", "--check", is_flag=True, help="Change nothing; say what would change."
    ),
    "diff": click.option("-D", "--diff", is_flag=True, help="Show what changes in files."),
    "forks": click.option("-f", "--forks", type=click.IntRange(1), help="Hosts at once (50)."),
    "user": click.option("-u", "--user", metavar="NAME", help="Log in as this user."),
    "connection": click.option(
        "-c", "--connection", metavar="TYPE", help="ssh, paramiko or local."
    ),
    "private_key": PRIVATE_KEY,
    "timeout": click.option(
        "-T", "--timeout", type=int, metavar="SECONDS", help="For connecting (10)."
    ),
    "ssh_common_args": SSH_COMMON_ARGS,
    "ssh_extra_args": click.option(
        "--ssh-extra-args", metavar="ARGS", help="More arguments for OpenSSH."
    ),
    "become": click.option("-b", "--become", is_flag=True, help="Work as another user (root)."),
    "become_method": click.option("--become-method", metavar="METHOD", help="sudo or su."),
    "become_user": BECOME_USER,
    "ask_become_pass": ASK_BECOME_PASS,
    "become_password_file": BECOME_PASSWORD_FILE,
    "ask_pass": ASK_PASS,
    "connection_password_file": CONNECTION_PASSWORD_FILE,
    "start_at_task": click.option(
        "--start-at-task", metavar="NAME", help="Leave out all before this task."
    ),
    "step": click.option("--step", is_flag=True, help="Ask before each task."),
    "force_handlers": click.option(
        "--force-handlers", is_flag=True, help="Run handlers even after a failure."
    ),
    "verbosity": click.option(
        "-v", "--verbose", "verbosity", count=True, help="Say more; -vvv even more."
    ),
    "list_hosts": click.option(
        "--list-hosts", is_flag=True, help="Only list the hosts of each play."
    ),
    "list_tasks": click.option("--list-tasks", is_flag=True, help="Only list the tasks."),
    "list_tags": click.option("--list-tags", is_flag=True, help="Only list the tags."),
    "syntax_check": click.option("--syntax-check", is_flag=True, help="Only read the playbook."),
    "flush_cache": click.option("--flush-cache", is_flag=True, help="Forget cached facts."),
}


# What a command says that has no such options.
_UNSAID = {
    **dict.fromkeys(("inventory", "extra_vars", "tags", "skip_tags"), ()),
    **dict.fromkeys(("check", "diff", "become", "ask_become_pass", "ask_pass", "step"), False),
    **dict.fromkeys(("list_hosts", "list_tasks", "list_tags", "syntax_check"), False),
    **dict.fromkeys(("force_handlers", "flush_cache"), False),
    "verbosity": 0,
}


def playbook_options(command: Decorated) -> Decorated:
    """All of them, as the argument ``flags``."""
    return options_named(tuple(_OPTIONS))(command)


def options_named(names: Sequence[str]) -> Callable[[Decorated], Decorated]:
    """Only these, and the vault's, as the argument ``flags``, which says nothing of the others."""

    def decorate(command: Decorated) -> Decorated:
        @functools.wraps(command)
        def with_flags(*args: Any, passwords: VaultOptions, **options: Any) -> Any:
            said: dict[str, Any] = dict.fromkeys(_OPTIONS) | _UNSAID
            said |= {name: options.pop(name) for name in names}
            return command(*args, flags=PlaybookFlags(vault=passwords, **said), **options)

        wrapped: Any = vault_options(with_flags)
        for name in reversed(names):
            wrapped = _OPTIONS[name](wrapped)
        decorated: Decorated = wrapped
        return decorated

    return decorate
