"""``package``: packages by whatever package manager the host has."""

from collections.abc import Mapping
from typing import Any

from lpse_ops.marked import plain
from lpse_ops.playbook.actions.context import ActionContext, ActionFailed, Result
from lpse_ops.playbook.actions.sending import Request, perform

ARGUMENTS: dict[str, dict[str, Any]] = {
    "name": {"type": "raw"},
    "state": {"type": "str"},
    "use": {"type": "str", "default": "auto"},
}
# All the others are those of the package manager's own module.
ANY_NAME = True

_MODULES = {"apt": "apt", "dnf": "dnf", "dnf5": "dnf", "yum": "dnf"}
_BUILTIN = ("ansible.builtin.", "ansible.legacy.")


def run(args: Mapping[str, Any], action: ActionContext) -> Result:
    """Hand the task to the module of the package manager, which the host may have to name."""
    return perform(_request(args, known_manager(args, action) or _ask_manager(action)), action)


def plan(args: Mapping[str, Any], action: ActionContext) -> Request | None:
    """The request that ``run`` makes, unless the host has to be asked for its package manager."""
    manager = known_manager(args, action)
    return _request(args, manager) if manager else None


def known_manager(args: Mapping[str, Any], action: ActionContext) -> str:
    """The package manager that the task, a variable or the gathered facts name, or ''."""
    facts: Any = _host_variables(action).get("ansible_facts")
    said = (
        args.get("use"),
        action.variables.get("ansible_package_use"),
        facts.get("pkg_mgr") if isinstance(facts, Mapping) else None,
    )
    return next((str(plain(each)) for each in said if each and each != "auto"), "")


def _host_variables(action: ActionContext) -> Mapping[str, Any]:
    """The variables of the host that the packages are for."""
    if not action.delegated_to:
        return action.variables
    hosts: Any = action.variables.get("hostvars") or {}
    variables: Any = hosts.get(action.delegated_to, {})
    return variables if isinstance(variables, Mapping) else {}


def _ask_manager(action: ActionContext) -> str:
    asked = {"filter": "ansible_pkg_mgr", "gather_subset": ["!all"]}
    answer = action.run_module("setup", asked)
    if answer.get("failed"):
        text = "Failed to fetch ansible_pkg_mgr to determine the package action backend"
        raise ActionFailed(f"{text}: {answer.get('msg')}")
    manager = (answer.get("ansible_facts") or {}).get("ansible_pkg_mgr")
    if not manager or manager == "unknown":
        raise ActionFailed('Could not detect a package manager. Try using the "use" option.')
    return str(manager)


def _request(args: Mapping[str, Any], manager: str) -> Request:
    name = manager
    for prefix in _BUILTIN:
        name = name.removeprefix(prefix)
    if name not in _MODULES:
        raise ActionFailed(
            f'Could not find a matching action for the "{manager}" package manager.'
            f" There are {', '.join(sorted(_MODULES))}: name one of them with use"
        )
    return Request(_MODULES[name], {key: args[key] for key in args if key != "use"}, None)
