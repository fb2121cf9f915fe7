"""The ``package_facts`` module: what is installed, as the fact ``packages``.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

from typing import Any, Callable, Dict, List, Tuple

from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.installedpackages import read_debian, read_rpm

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "manager": {"type": "list", "elements": "str", "default": ["auto"]},
    "strategy": {"type": "str", "choices": ["first", "all"], "default": "first"},
}
CHECK_MODE = "full"

Package = Dict[str, Any]
# In the order in which they are looked for.
_READERS: Dict[str, Callable[[], List[Package]]] = {"apt": read_debian, "rpm": read_rpm}
_ALIASES = {"dnf": "rpm", "dnf5": "rpm", "yum": "rpm", "zypper": "rpm"}


def run(args: Dict[str, Any], context: Context) -> Dict[str, Any]:
    """Ask the package managers, or the first of them that knows any package."""
    managers = plan_managers(args["manager"])
    packages: Dict[str, List[Package]] = {}
    warnings: List[str] = []
    for manager in managers:
        found, warning = _read(manager)
        if found:
            for package in found:
                named = dict(package, source=manager)
                packages.setdefault(package["name"], []).append(named)
            if args["strategy"] == "first":
                break
        elif warning and "auto" not in args["manager"]:
            warnings.append(warning)
    if not packages:
        text = "Could not detect a supported package manager from the following list: {}"
        raise Failed(text.format(managers), warnings=warnings)
    told = {"warnings": warnings} if warnings else {}
    return dict(told, ansible_facts={"packages": packages})


def plan_managers(asked: List[str]) -> List[str]:
    """The managers to ask, each once and under its own name; ``Failed`` for a stranger."""
    names = [name.lower() for name in asked]
    unknown = sorted(set(names) - set(_READERS) - set(_ALIASES) - {"auto"})
    if unknown:
        text = "Unsupported package managers requested: {}; there are {}"
        known = ", ".join(sorted([*_READERS, *_ALIASES]))
        raise Failed(text.format(", ".join(unknown), known))
    if "auto" in names:
        names = [name for name in names if name != "auto"] + list(_READERS)
    own = [_ALIASES.get(name, name) for name in names]
    return sorted(set(own), key=own.index)


def _read(manager: str) -> Tuple[List[Package], str]:
    """What a manager knows; if that is nothing, also why."""
    try:
        found = _READERS[manager]()
    except Failed as failed:
        text = "Requested package manager {} was not usable by this module: {}"
        return [], text.format(manager, failed)
    return found, f'Found "{manager}" but no associated packages'
