"""``add_host``: a host, and groups, for the rest of the run."""

from collections.abc import Mapping
from typing import Any

from lpse_ops.inventory.address import parse_address
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result

ARGUMENTS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True, "aliases": ["host", "hostname"]},
    "groups": {"type": "raw", "aliases": ["group", "groupname"]},
}
ANY_NAME = True
_NAMES = ("name", "host", "hostname")
_GROUPS = ("groups", "group", "groupname")


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """Add it to the inventory in memory."""
    # ``add_host: "{{ mapping }}"``; what is written beside it is stronger.
    raw = args.get("_raw_params") or {}
    if not isinstance(raw, Mapping):
        raise ActionFailed(f"add_host takes a mapping, not {raw!r}")
    args = {**raw, **{key: args[key] for key in args if key != "_raw_params"}}
    name = next((str(args[each]) for each in _NAMES if args.get(each)), "")
    if not name:
        raise ActionFailed("name, host or hostname needs to be provided")
    written: Any = next((args[each] for each in _GROUPS if args.get(each)), [])
    if not isinstance(written, str | list | tuple):
        raise ActionFailed(f"groups of add_host has to be a list, not {written!r}")
    groups = written.split(",") if isinstance(written, str) else list(written)
    groups = [str(each).strip() for each in groups if str(each).strip()]
    variables = {str(key): value for key, value in args.items() if key not in (*_NAMES, *_GROUPS)}
    address = parse_address(name, allow_ranges=False)
    if address is not None and address.port is not None:
        name = address.host
        variables.setdefault("ansible_ssh_port", address.port)
    if "/" in name or "\0" in name or name in (".", ".."):
        # Files are named after hosts.
        raise ActionFailed(f"{name!r} is no name of a host")
    changed = action.inventory.add_host(name, groups=groups, variables=variables)
    return {
        "changed": changed,
        "add_host": {"host_name": name, "groups": groups, "host_vars": variables},
    }
