"""Magic variables: what a run itself says; they are stronger than anything a user sets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lpse_ops.inventory.inventory import Inventory
from lpse_ops.marked import Seq
from lpse_ops.playbook.model import Play, Role, Task
from lpse_ops.playbook.searchpath import search_folders

# The version whose language we follow.
ANSIBLE_VERSION = {"full": "2.19.0", "major": 2, "minor": 19, "revision": 0, "string": "2.19.0"}


class HostVars(Mapping[str, Any]):
    """``hostvars``: every host's variables, resolved in that host's own scope when read."""

    def __init__(self, inventory: Inventory, resolve: Callable[[str], Mapping[str, Any]]) -> None:
        self._inventory = inventory
        self._resolve = resolve

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        if name not in self:
            raise KeyError(name)
        return self._resolve(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._inventory.host(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._inventory.hosts)

    def __len__(self) -> int:
        return len(self._inventory.hosts)


@dataclass
class PlayFacts:
    """What is the same for all hosts of a batch; ``current`` shrinks when hosts leave."""

    play: Play
    name: str
    every_host: Sequence[str]
    batch: Sequence[str]
    current: Sequence[str]


def run_variables(
    *,
    check_mode: bool,
    diff_mode: bool,
    forks: int,
    verbosity: int,
    tags: Sequence[str],
    skip_tags: Sequence[str],
    limit: str | None,
    sources: Sequence[str],
    python: str,
) -> dict[str, Any]:
    """Those that hold for a whole run."""
    variables: dict[str, Any] = {
        "ansible_check_mode": check_mode,
        "ansible_diff_mode": diff_mode,
        "ansible_forks": forks,
        "ansible_verbosity": verbosity,
        "ansible_version": ANSIBLE_VERSION,
        "ansible_run_tags": list(tags),
        "ansible_skip_tags": list(skip_tags),
        "ansible_inventory_sources": list(sources),
        "ansible_playbook_python": python,
        "ansible_config_file": None,
    }
    if limit:
        variables["ansible_limit"] = limit
    return variables


def play_variables(facts: PlayFacts) -> dict[str, Any]:
    """Those of a play; lists are ``Seq``, so that each template has a copy of its own."""
    roles = facts.play.roles
    needed = [each.name for role in roles for each in role.all_dependencies()]
    names = Seq(each.name for each in roles if not _is_dependency(each))
    current = Seq(facts.current)
    staying = frozenset(current)
    batch = Seq(each for each in facts.batch if each in staying)
    return {
        "playbook_dir": str(facts.play.folder.absolute()),
        "ansible_play_name": facts.name,
        "ansible_play_hosts_all": Seq(facts.every_host),
        "ansible_play_hosts": current,
        "ansible_play_batch": batch,
        "play_hosts": batch,
        "ansible_play_role_names": names,
        "role_names": names,
        "ansible_dependent_role_names": Seq(dict.fromkeys(needed)),
        "ansible_role_names": Seq(dict.fromkeys([*names, *needed])),
    }


def _is_dependency(role: Role) -> bool:
    return bool(role.parents) and role in role.parents[-1].dependencies


def host_variables(inventory: Inventory, name: str) -> dict[str, Any]:
    host = inventory.host(name)
    return {
        "inventory_hostname": name,
        "inventory_hostname_short": name.partition(".")[0],
        "group_names": Seq(inventory.group_names(name)),
        "groups": inventory.groups_magic(),
        "inventory_file": getattr(host, "source", None),
    }


def place_variables(task: Task | None, play_folder: Path) -> dict[str, Any]:
    """Those of the place where a task is written; they are equal where ``place_of`` is."""
    folders = Seq(str(each) for each in search_folders(task, play_folder))
    variables: dict[str, Any] = {"ansible_search_path": folders}
    if task is None or task.role is None:
        return variables
    variables["role_name"] = task.role.name.rpartition(".")[2]
    variables["ansible_role_name"] = task.role.name
    variables["role_path"] = str(task.role.folder.absolute())
    including = _including(task.role)
    if including:
        variables["ansible_parent_role_names"] = Seq(each.name for each in including)
        above = Seq(str(each.folder.absolute()) for each in including)
        variables["ansible_parent_role_paths"] = above
    return variables


def _including(role: Role) -> list[Role]:
    """The roles that include this one, and those that include them; nearest first."""
    found: list[Role] = []
    chain = (*role.parents, role)
    for number in range(len(chain) - 1, 0, -1):
        if chain[number].from_include:
            found.append(chain[number - 1])
    return found
