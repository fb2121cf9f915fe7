"""Dynamic inventories: a program that prints groups and hosts as JSON when asked with ``--list``.

The answer is bounded and checked like any file.  A program that leaves out ``_meta`` is asked once
more for every host, with ``--host NAME``.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.address import MAX_HOSTS
from lpse_ops.inventory.declaration import (
    ChildStated,
    GroupStated,
    HostStated,
    Statement,
    VariableStated,
)
from lpse_ops.inventory.literal import mark
from lpse_ops.marked import Map, Origin, Sealed, Seq, Text
from lpse_ops.process import Finished

# The arguments of a program, and how it ended.
Ask = Callable[[list[str]], Finished]

MAX_BYTES = 64 * 1024 * 1024
_HINT = "run it yourself with --list and compare with Ansible's documentation of inventory scripts"


def ask_script(path: str, ask: Ask) -> list[Statement]:
    """Return what a program says; InventoryError when it fails or its answer is no inventory."""
    answer = _parse(path, ask([path, "--list"]), "--list")
    meta = answer.pop("_meta", None)
    hostvars = meta.get("hostvars") if isinstance(meta, dict) else None
    if hostvars is not None and not isinstance(hostvars, dict):
        raise InventoryError(f"{path}: hostvars in _meta is no object", hint=_HINT)
    statements = [each for group in answer.items() for each in _read_group(path, *group)]
    hosts = dict.fromkeys(each.host for each in statements if isinstance(each, HostStated))
    if len(hosts) > MAX_HOSTS:
        raise InventoryError(f"{path} names more than {MAX_HOSTS} hosts", hint=_HINT)
    for host in hosts:
        found = _ask_for(path, host, ask) if hostvars is None else hostvars.get(host, {})
        statements += _state_variables(path, host, found)
    return statements


def _ask_for(path: str, host: str, ask: Ask) -> dict[str, Any]:
    finished = ask([path, "--host", host])
    return _parse(path, finished, f"--host {host}") if finished.stdout.strip() else {}


def _parse(path: str, finished: Finished, arguments: str) -> dict[str, Any]:
    if finished.status:
        words = finished.stderr.strip() or "it said nothing on stderr"
        raise InventoryError(
            f"{path} {arguments} ended with {finished.status}: {words}", hint=_HINT
        )
    if len(finished.stdout) > MAX_BYTES:
        raise InventoryError(f"{path} {arguments} printed over {MAX_BYTES >> 20} MiB", hint=_HINT)
    try:
        answer = json.loads(finished.stdout)
    except (ValueError, RecursionError) as error:
        raise InventoryError(f"{path} {arguments} printed no JSON: {error}", hint=_HINT) from error
    if not isinstance(answer, dict):
        raise InventoryError(f"{path} {arguments} printed JSON that is no object", hint=_HINT)
    return answer


def _read_group(path: str, group: str, content: Any) -> Iterator[Statement]:
    origin = Origin(path)
    yield GroupStated(group, origin)
    if not isinstance(content, dict):
        content = {"hosts": content}
    elif not content.keys() & {"hosts", "vars", "children"}:
        # An old way to write one host with its variables.
        content = {"hosts": [group], "vars": content}
    for host in _names(path, group, content, "hosts"):
        yield HostStated(host, group, None, origin)
    yield from _state_variables(path, group, content.get("vars", {}))
    for child in _names(path, group, content, "children"):
        yield GroupStated(child, origin)
        yield ChildStated(group, child, origin)


def _names(path: str, group: str, content: Mapping[str, Any], section: str) -> list[str]:
    names = content.get(section, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InventoryError(
            f"{path}: {section!r} of the group {group!r} is no list of names", hint=_HINT
        )
    return names


def _state_variables(path: str, owner: str, variables: Any) -> Iterator[Statement]:
    if not isinstance(variables, dict):
        raise InventoryError(f"{path}: the variables of {owner!r} are no object", hint=_HINT)
    for key, value in variables.items():
        yield VariableStated(owner, Text(key, Origin(path)), _revive(value, Origin(path)))


def _revive(value: Any, origin: Origin) -> Any:
    """Give strings their place; Ansible's own objects in JSON become what they stand for."""
    if not isinstance(value, dict | list):
        return mark(value, origin)
    if isinstance(value, dict):
        if value.keys() == {"__ansible_vault"} and isinstance(value["__ansible_vault"], str):
            return Sealed(value["__ansible_vault"], origin)
        if value.keys() == {"__ansible_unsafe"}:
            return value["__ansible_unsafe"]
        entries = {mark(key, origin): _revive(each, origin) for key, each in value.items()}
        return Map(entries, origin=origin)
    return Seq((_revive(each, origin) for each in value), origin=origin)
