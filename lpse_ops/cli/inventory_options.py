"""Options of all commands that read an inventory, and what may be shown of its secrets."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from lpse_ops.cli.parameters import FILE
from lpse_ops.cli.vault_options import VaultOptions, read_secrets, vault_options
from lpse_ops.cli.wiring import App
from lpse_ops.inventory.declaration import Policy
from lpse_ops.inventory.document import SEALED
from lpse_ops.inventory.inventory import Inventory, load_inventory
from lpse_ops.inventory.listing import Disclose, View
from lpse_ops.inventory.pluginfile import Evaluator
from lpse_ops.inventory.plugins import Plugins
from lpse_ops.marked import Map, Sealed, Seq, Text, origin_of
from lpse_ops.playbook.config import load_config
from lpse_ops.vault import Vault

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

# What Ansible takes when nothing else is said.
DEFAULT_SOURCE = "/etc/ansible/hosts"
_FOLDER = "inventory"


@dataclass(frozen=True)
class InventoryOptions:
    """What the command line says about the inventory and the passwords of its secrets."""

    sources: tuple[str, ...]
    playbook_folder: Path
    vault: VaultOptions
    show_secrets: bool


@dataclass(frozen=True)
class Opened:
    """An inventory, and what may be shown of it."""

    inventory: Inventory
    disclose: Disclose

    def view(self, *, export: bool = False) -> View:
        return View(self.inventory, self.disclose, export)


def inventory_option(command: Decorated) -> Decorated:
    """``-i`` as the argument ``inventory``, a tuple."""
    return click.option(
        "-i",
        "--inventory",
        "--inventory-file",
        "inventory",
        multiple=True,
        metavar="FILE",
        help="Inventory file, folder or script, or hosts with a comma: 'db-1,'.",
    )(command)


def playbook_folder_option(command: Decorated) -> Decorated:
    """``--playbook-dir`` as the argument ``playbook_dir``."""
    return click.option(
        "--playbook-dir",
        type=FILE,
        default=Path(),
        metavar="DIR",
        help="Where the playbooks are: group_vars and host_vars beside them count.",
    )(command)


def inventory_options(command: Decorated) -> Decorated:
    """``-i``, ``--playbook-dir``, ``--show-secrets`` and the vault's, as the argument ``asked``."""

    @inventory_option
    @playbook_folder_option
    @click.option("--show-secrets", is_flag=True, help="Show vault-encrypted values in clear.")
    @vault_options
    @functools.wraps(command)
    def with_asked(
        *args: Any,
        inventory: tuple[str, ...],
        playbook_dir: Path,
        show_secrets: bool,
        passwords: VaultOptions,
        **others: Any,
    ) -> Any:
        asked = InventoryOptions(inventory, playbook_dir, passwords, show_secrets)
        return command(*args, asked=asked, **others)

    return with_asked  # type: ignore[return-value]


def default_sources(app: App, configured: Sequence[str]) -> tuple[str, ...]:
    """Return what is read without ``-i``: Ansible's setting, else ``inventory/`` of the site."""
    if tuple(configured) != (DEFAULT_SOURCE,) or Path(DEFAULT_SOURCE).exists():
        return tuple(configured)
    site = app.settings_folder
    folders = [site / _FOLDER] if site else []
    found = next((each for each in (*folders, Path(_FOLDER)) if each.is_dir()), None)
    return (str(found),) if found else (DEFAULT_SOURCE,)


def open_inventory(app: App, asked: InventoryOptions) -> Opened:
    """Read the inventory that a command asks for."""
    vault = Vault(read_secrets(app, asked.vault, prompt=False))
    config = load_config(app.environment, Path.cwd(), app.console.warn)
    merge_hashes = config.hash_behaviour == "merge"
    inventory = load_inventory(
        asked.sources or default_sources(app, config.inventory),
        playbook_folder=asked.playbook_folder,
        vault=vault,
        warn=app.console.warn,
        policy=Policy(group_names=config.transform_invalid_group_chars),
        plugins=Plugins(lambda: _templating(vault), {}, merge_hashes),
        merge_hashes=merge_hashes,
    )
    disclose = _reveal_with(vault) if asked.show_secrets else _keep_sealed(inventory)
    return Opened(inventory, disclose)


def _templating(vault: Vault) -> Evaluator:
    # Imported here: most inventories have no plugin.
    from lpse_ops.templating.engine import Templating

    return Templating(vault=vault)


def _reveal_with(vault: Vault) -> Disclose:
    def reveal(_: Any, value: Any) -> Any:
        if isinstance(value, Sealed):
            return Text(vault.reveal(value), value.origin)
        if isinstance(value, Map):
            pairs = ((key, reveal(key, each)) for key, each in value.items())
            return Map(pairs, origin=value.origin)
        if isinstance(value, Seq):
            return Seq((reveal(None, each) for each in value), origin=value.origin)
        return value

    return reveal


def _keep_sealed(inventory: Inventory) -> Disclose:
    """What came out of a vault-encrypted file is as secret as a ``!vault`` value."""

    def keep(key: Any, value: Any) -> Any:
        origin = origin_of(key) or origin_of(value)
        is_secret = origin is not None and origin.file in inventory.sealed_files
        return Text(SEALED, origin) if is_secret else value

    return keep
