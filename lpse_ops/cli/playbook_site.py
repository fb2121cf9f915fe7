"""From flags, settings and files to what a run needs."""

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from lpse_ops.cli.inventory_options import DEFAULT_SOURCE, default_sources
from lpse_ops.cli.playbook_options import PlaybookFlags
from lpse_ops.cli.vault_options import VaultOptions, read_secrets
from lpse_ops.cli.wiring import App
from lpse_ops.errors import InventoryError, PlaybookError, UsageError
from lpse_ops.inventory.declaration import Policy
from lpse_ops.inventory.inventory import Inventory, load_inventory
from lpse_ops.inventory.pattern import LOCALHOST
from lpse_ops.inventory.plugins import Plugins
from lpse_ops.marked import Map, Origin, Text, every_text
from lpse_ops.markedyaml import load_marked, parse_marked
from lpse_ops.masking import MIN_LENGTH
from lpse_ops.playbook.config import Config
from lpse_ops.playbook.events import Warn
from lpse_ops.playbook.factcache import FactCache, open_cache
from lpse_ops.playbook.load import load_without_faults
from lpse_ops.playbook.model import Playbook, Prompt, Task
from lpse_ops.playbook.options import RunOptions
from lpse_ops.playbook.registry import find_module, module_names
from lpse_ops.playbook.scope import LoadContext
from lpse_ops.playbook.searchpath import expand
from lpse_ops.playbook.splitter import parse_arguments
from lpse_ops.playbook.targets import Defaults
from lpse_ops.playbook.template_check import template_checker
from lpse_ops.playbook.variables import blend
from lpse_ops.templating.engine import Templating
from lpse_ops.templating.filters.hashes import password_hash
from lpse_ops.templating.filters.problem import FilterProblem
from lpse_ops.vault import Vault

_COMMAND_LINE = Origin("<command line>")
# Every line is looked for in all that is printed; keys and certificates are far smaller.
_MOST_BYTES = 256 * 1024


class SiteReader:
    """Reads what a command line names; nothing is run and no host is asked."""

    def __init__(self, app: App, flags: PlaybookFlags, config: Config, warn: Warn) -> None:
        self._app = app
        self._flags = flags
        self._config = config
        self._warn = warn
        options = self._vault_options()
        self.vault = ConcealingVault(read_secrets(app, options, prompt=False, warn=warn))
        self.templating = Templating(vault=self.vault, warn=self._warn, settings=vars(config))

    def _vault_options(self) -> VaultOptions:
        flags, config = self._flags.vault, self._config
        files = flags.password_files or tuple(filter(None, [config.vault_password_file]))
        return VaultOptions(flags.vault_ids, files, flags.ask or config.ask_vault_pass)

    def load_yaml(self, path: Path) -> Any:
        return load_marked(
            path,
            open_sealed=self.vault.decrypt,
            warn=self._warn,
            duplicates=self._config.duplicate_dict_key,
        )

    def inventory(self, extra: Mapping[str, Any]) -> Inventory:
        """What ``-i`` or the settings name; a source that is not there is a warning."""
        config = self._config
        sources = self._flags.inventory or default_sources(self._app, self._config.inventory)
        if not self._flags.inventory and sources == (DEFAULT_SOURCE,):
            # As in Ansible, nobody needs an inventory for localhost.
            sources = ()
        merge_hashes = config.hash_behaviour == "merge"
        inventory = load_inventory(
            sources,
            playbook_folder=None,
            vault=self.vault,
            warn=self._warn,
            policy=Policy(
                missing_warns=not config.inventory_any_unparsed_is_failed,
                none_warns=config.inventory_unparsed_warning,
                group_names=config.transform_invalid_group_chars,
            ),
            plugins=Plugins(lambda: self.templating, extra, merge_hashes),
            merge_hashes=merge_hashes,
        )
        self._check_hosts(inventory)
        return inventory

    def _check_hosts(self, inventory: Inventory) -> None:
        if self._config.inventory_unparsed_is_failed and not inventory.is_parsed:
            raise InventoryError(
                "No inventory was parsed, please check your configuration and options.",
                hint="give the inventory with -i FILE, or unset ANSIBLE_INVENTORY_UNPARSED_FAILED",
            )
        if self._config.localhost_warning and not inventory.hosts:
            self._warn(
                "provided hosts list is empty, only localhost is available. "
                "Note that the implicit localhost does not match 'all'"
            )

    def extra_vars(self) -> Map:
        """All ``-e``, the later ones stronger."""
        merged = Map(origin=_COMMAND_LINE)
        for text in self._flags.extra_vars:
            said = self._extra(text)
            merges = self._config.hash_behaviour == "merge"
            merged.update(blend(merged, said) if merges else said)
        return merged

    def _extra(self, text: str) -> Mapping[Any, Any]:
        if text.startswith("@"):
            value: Any = self.load_yaml(expand(text[1:]))
        elif text.lstrip()[:1] in ("{", "["):
            value = parse_marked(text.encode(), str(_COMMAND_LINE), warn=self._warn)
        else:
            return parse_arguments(Text(text, _COMMAND_LINE), free_form=False)
        if not isinstance(value, Mapping):
            raise UsageError(f"-e {text[:60]} holds no variables", hint="write -e name=value")
        return value

    def context(
        self,
        playbook: Path,
        inventory: Inventory,
        extra: Mapping[str, Any],
        check_templates: Callable[[Task], None] | None = None,
    ) -> LoadContext:
        return LoadContext(
            load_yaml=self.load_yaml,
            find_module=find_module,
            module_names=module_names,
            evaluate=self.templating.evaluate,
            warn=self._warn,
            extra_vars=extra,
            variables={"groups": inventory.groups_magic()},
            roles_path=self._config.roles_path,
            collections_path=self._config.collections_path,
            command=f"ansible-playbook {shlex.quote(str(playbook))}",
            check_templates=check_templates,
        )

    def playbooks(
        self, paths: Sequence[Path], inventory: Inventory, extra: Mapping[str, Any]
    ) -> list[tuple[str, Playbook]]:
        """Each with the name that it was asked for by; for a run every template is compiled."""
        flags = self._flags
        is_listing = flags.list_hosts or flags.list_tasks or flags.list_tags
        check = None if is_listing else template_checker(self.templating)
        return [
            (str(path), replace(self._load(path, inventory, extra, check), name=str(path)))
            for path in paths
        ]

    def _load(
        self,
        path: Path,
        inventory: Inventory,
        extra: Mapping[str, Any],
        check: Callable[[Task], None] | None,
    ) -> Playbook:
        return load_without_faults(path.absolute(), self.context(path, inventory, extra, check))

    def facts(self, inventory: Inventory) -> FactCache | None:
        """The fact cache of the settings, emptied of the inventory's hosts if that is asked for."""
        config = self._config
        cache = open_cache(
            config.fact_caching,
            config.fact_caching_connection,
            config.fact_caching_prefix,
            config.fact_caching_timeout,
            self._warn,
        )
        if cache is not None and self._flags.flush_cache:
            for name in {*inventory.hosts, *LOCALHOST}:
                cache.forget(name)
        return cache

    def options(self, extra: Mapping[str, Any]) -> RunOptions:
        flags, config = self._flags, self._config
        return RunOptions(
            check_mode=flags.check,
            diff_mode=flags.diff or config.diff_always,
            forks=flags.forks or config.forks,
            verbosity=flags.verbosity or config.verbosity,
            limit=flags.limit,
            tags=tuple(_words(flags.tags)) or config.run_tags or ("all",),
            skip_tags=tuple(_words(flags.skip_tags)) or config.skip_tags,
            start_at_task=flags.start_at_task,
            strategy=config.strategy,
            extra_vars=extra,
            merge_hashes=config.hash_behaviour == "merge",
            force_handlers=flags.force_handlers or config.force_handlers,
            missing_handler_fails=config.error_on_missing_handler,
            gathering=config.gathering,
            gather_subset=config.gather_subset,
            gather_timeout=config.gather_timeout,
            task_timeout_seconds=config.task_timeout or None,
            defaults=self._defaults(),
        )

    def _defaults(self) -> Defaults:
        flags, config = self._flags, self._config
        password = become_password = None
        if flags.ask_pass or config.ask_pass:
            password = _ask("SSH password")
        elif path := flags.connection_password_file or config.connection_password_file:
            password = _read_secret(Path(path))
        if flags.ask_become_pass or config.become_ask_pass:
            default = " [defaults to SSH password]" if password else ""
            become_password = _ask(f"BECOME password{default}") or password
        elif path := flags.become_password_file or config.become_password_file:
            become_password = _read_secret(Path(path))
        return Defaults(
            connection=flags.connection or config.transport,
            user=flags.user or config.remote_user,
            port=config.remote_port or None,
            private_key_file=flags.private_key or config.private_key_file,
            ssh_common_args=flags.ssh_common_args or config.ssh_common_args,
            ssh_extra_args=flags.ssh_extra_args or config.ssh_extra_args,
            timeout_seconds=flags.timeout or config.timeout,
            host_key_checking=config.host_key_checking,
            python=config.interpreter_python,
            become=flags.become or config.become,
            become_method=flags.become_method or config.become_method,
            become_user=flags.become_user or config.become_user,
            become_exe=config.become_exe,
            become_flags=config.become_flags,
            password=password,
            become_password=become_password,
        )


class ConcealingVault(Vault):
    """What stands in a file that is encrypted as a whole is as secret as a ``!vault`` value."""

    def decrypt(self, ciphertext: bytes | str, where: Origin | str) -> bytes:
        plaintext = super().decrypt(ciphertext, where)
        if isinstance(ciphertext, bytes):
            self.conceal(_values(plaintext, str(where)))
        return plaintext


def _values(content: bytes, name: str) -> Iterator[str]:
    """The values in a file of variables, but for their names; of another file its text."""
    try:
        value = parse_marked(content, name, warn=lambda _message: None)
    except PlaybookError:
        value = None
    if isinstance(value, Mapping):
        for each in value.values():
            yield from every_text(each)
            yield from _numbers(each)
    elif len(content) <= _MOST_BYTES:
        # What is not text is shown by nothing.
        with contextlib.suppress(UnicodeDecodeError):
            yield content.decode()


def _numbers(value: Any) -> Iterator[str]:
    """The numbers in a value that are long enough to be a secret: a PIN, an account."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _numbers(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        text = str(value)
        if sum(map(str.isdigit, text)) >= MIN_LENGTH:
            yield text


def ask_for(prompt: Prompt, warn: Callable[[str], None]) -> str:
    """The answer to one question of ``vars_prompt``, hashed if it says so.

    Without a terminal nobody is asked: the default counts.
    """
    said = _answer(prompt, warn)
    if not prompt.encrypt:
        return said
    return hash_prompted(said, str(prompt.encrypt), prompt.salt, prompt.salt_size)


def _answer(prompt: Prompt, warn: Callable[[str], None]) -> str:
    if not sys.stdin.isatty():
        known = f"{prompt.name} is {'its default' if prompt.default is not None else 'None'}"
        hint = f"give it as -e {prompt.name}=VALUE"
        warn(f"Not prompting as we are not in interactive mode: {known}; {hint}")
        return str(prompt.default)
    return str(
        click.prompt(
            str(prompt.prompt),
            hide_input=prompt.private,
            default=prompt.default,
            show_default=not prompt.private,
            confirmation_prompt=prompt.confirm,
            err=True,
        )
    )


def hash_prompted(said: str, algorithm: str, salt: Any, salt_size: Any) -> str:
    """What ``encrypt`` makes of an answer; bad options are an error of the playbook."""
    try:
        size = None if salt_size is None else int(salt_size)
        return password_hash(None, said, algorithm, None if salt is None else str(salt), size)
    except (FilterProblem, ValueError) as error:
        raise PlaybookError(
            f"vars_prompt cannot encrypt: {error}",
            hint="write encrypt: sha512_crypt, and a salt only if it must be the same each time",
        ) from error


def _words(values: Iterable[str]) -> list[str]:
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def _ask(question: str) -> str:
    return str(click.prompt(question, hide_input=True, default="", show_default=False, err=True))


def _read_secret(path: Path) -> str:
    try:
        return Path(os.path.expanduser(path)).read_text().strip()
    except OSError as error:
        raise UsageError(
            f"cannot read the password file {path}: {error.strerror}",
            hint="check its name and its permissions",
        ) from error
