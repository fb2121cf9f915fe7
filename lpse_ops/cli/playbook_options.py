"""The flags of ``playbook run``: those of ``ansible-playbook``, by its names."""

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


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("-i", "--inventory", "--inventory-file", "inventory", multiple=True,
                 metavar="FILE", help="Inventory file, folder or script, or hosts: 'db-1,'."),
    click.option("-l", "--limit", metavar="PATTERN", help="Only these hosts."),
    click.option("-e", "--extra-vars", "extra_vars", multiple=True, metavar="VARS",
                 help="name=value, YAML or JSON, or @FILE."),
    click.option("-t", "--tags", multiple=True, metavar="TAG[,TAG]", help="Only these tags."),
    click.option("--skip-tags", multiple=True, metavar="TAG[,TAG]", help="Not these tags."),
    click.option("-C", "--check", is_flag=True, help="Change nothing; say what would change."),
    click.option("-D", "--diff", is_flag=True, help="Show what changes in files."),
    click.option("-f", "--forks", type=click.IntRange(1), help="Hosts at once (50)."),
    click.option("-u", "--user", metavar="NAME", help="Log in as this user."),
    click.option("-c", "--connection", metavar="TYPE", help="ssh, paramiko or local."),
    PRIVATE_KEY,
    click.option("-T", "--timeout", type=int, metavar="SECONDS", help="For connecting (10)."),
    SSH_COMMON_ARGS,
    click.option("--ssh-extra-args", metavar="ARGS", help="More arguments for OpenSSH."),
    click.option("-b", "--become", is_flag=True, help="Work as another user (root)."),
    click.option("--become-method", metavar="METHOD", help="sudo or su."),
    BECOME_USER,
    ASK_BECOME_PASS,
    BECOME_PASSWORD_FILE,
    ASK_PASS,
    CONNECTION_PASSWORD_FILE,
    click.option("--start-at-task", metavar="NAME", help="Leave out all before this task."),
    click.option("--step", is_flag=True, help="Ask before each task."),
    click.option("--force-handlers", is_flag=True, help="Run handlers even after a failure."),
    click.option("-v", "--verbose", "verbosity", count=True, help="Say more; -vvv even more."),
    click.option("--list-hosts", is_flag=True, help="Only list the hosts of each play."),
    click.option("--list-tasks", is_flag=True, help="Only list the tasks."),
    click.option("--list-tags", is_flag=True, help="Only list the tags."),
    click.option("--syntax-check", is_flag=True, help="Only read the playbook."),
    click.option("--flush-cache", is_flag=True, help="Forget cached facts."),
)  # fmt: skip


def playbook_options(command: Decorated) -> Decorated:
    """All of them, as the argument ``flags``."""

    @functools.wraps(command)
    def with_flags(*args: Any, passwords: VaultOptions, **options: Any) -> Any:
        names = PlaybookFlags.__dataclass_fields__
        own = {name: options.pop(name) for name in names if name != "vault"}
        return command(*args, flags=PlaybookFlags(vault=passwords, **own), **options)

    wrapped: Any = vault_options(with_flags)
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    decorated: Decorated = wrapped
    return decorated
