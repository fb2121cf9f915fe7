"""The way to a server of the inventory, as ``playbook run`` takes it."""

import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lpse_ops.cli.inventory_options import default_sources
from lpse_ops.cli.playbook_options import PlaybookFlags
from lpse_ops.cli.playbook_site import SiteReader
from lpse_ops.cli.pull_options import PullFlags
from lpse_ops.cli.vault_options import VaultOptions
from lpse_ops.cli.wiring import App
from lpse_ops.errors import InventoryError, UsageError
from lpse_ops.inventory.inventory import Inventory
from lpse_ops.inventory.load import expand_source
from lpse_ops.inventory.sources import is_host_list
from lpse_ops.marked import Map, Origin
from lpse_ops.playbook.config import load_config
from lpse_ops.playbook.magic import host_variables
from lpse_ops.playbook.model import Keywords, Task
from lpse_ops.playbook.targets import VARIABLES, TargetReader
from lpse_ops.playbook.variables import Variables
from lpse_ops.remote.target import Target


def read_target(app: App, name: str, pull: PullFlags) -> Target:
    """How to reach a host; asks for passwords where flags say so.  UsageError if it is unknown."""

    def warn(message: str, origin: Origin | None = None) -> None:
        app.console.warn(f"{origin}: {message}" if origin else message)

    config = load_config(app.environment, Path.cwd(), warn)
    sources = pull.inventory or _configured(app) or default_sources(app, config.inventory)
    missing = _require_one(sources)
    reader = SiteReader(app, _playbook_flags(pull, sources), config, warn)
    extra = reader.extra_vars()
    inventory = reader.inventory(extra)
    if inventory.host(name) is None:
        raise _unknown(name, inventory, [each for each in sources if each not in missing])
    seen = Variables([extra, host_variables(inventory, name), inventory.variables(name)])
    known = seen.among(VARIABLES)

    def read(variable: str) -> Any:
        return reader.templating.evaluate(known.get(variable), seen)

    defaults = reader.options(extra).defaults
    return TargetReader(name, _as_task(name), read, lambda _: None, defaults).target()


def _configured(app: App) -> tuple[str, ...]:
    settings = app.settings_unless_empty
    file = settings.backup.inventory if settings else None
    return (str(file),) if file else ()


def _require_one(sources: Sequence[str]) -> list[str]:
    """Return the sources that are not there; InventoryError if all are missing."""
    missing = [each for each in sources if _is_missing(each)]
    if missing and len(missing) == len(sources):
        raise InventoryError(
            f"the inventory {', '.join(missing)} is not there",
            hint="give its file or folder with -i, or as backup.inventory in lpse-ops.yml",
        )
    return missing


def _is_missing(source: str) -> bool:
    """Whatever else is wrong with a source is said by who reads it."""
    if is_host_list(source):
        return False
    try:
        os.stat(expand_source(source))
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return False


def _unknown(name: str, inventory: Inventory, sources: Sequence[str]) -> UsageError:
    near = difflib.get_close_matches(name, inventory.hosts, n=1)
    question = f"did you mean --host {near[0]}?  " if near else ""
    where = "".join(f" -i {each}" for each in sources)
    return UsageError(
        f"there is no host {name!r} in {', '.join(sources)}",
        hint=f"{question}lpse-ops inventory list{where} shows all hosts",
    )


def _as_task(name: str) -> Task:
    """What the variables of a connection are read for; errors name the place."""
    place = Origin(f"host {name}")
    return Task(Keywords(Map()), None, "backup", "backup", Map(), place, ())


def _playbook_flags(pull: PullFlags, sources: tuple[str, ...]) -> PlaybookFlags:
    return PlaybookFlags(
        inventory=sources,
        limit=None,
        extra_vars=pull.extra_vars,
        tags=(),
        skip_tags=(),
        check=False,
        diff=False,
        forks=None,
        user=pull.user,
        connection=None,
        private_key=pull.private_key,
        timeout=pull.timeout,
        ssh_common_args=pull.ssh_common_args,
        ssh_extra_args=None,
        become=pull.become,
        become_method=None,
        become_user=pull.become_user,
        ask_become_pass=pull.ask_become_pass,
        become_password_file=pull.become_password_file,
        ask_pass=pull.ask_pass,
        connection_password_file=pull.connection_password_file,
        start_at_task=None,
        step=False,
        force_handlers=False,
        verbosity=0,
        list_hosts=False,
        list_tasks=False,
        list_tags=False,
        syntax_check=False,
        flush_cache=False,
        vault=VaultOptions(pull.vault_id, pull.vault_password_file, pull.ask_vault_pass),
    )
