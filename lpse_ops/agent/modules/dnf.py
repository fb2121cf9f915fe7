"""The ``dnf`` module: packages of Fedora, AlmaLinux and their kin; ``yum`` is the same one.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  It works
through the programs ``dnf`` (or ``yum``) and ``rpm``; where everything is as it should be, rpm
alone says so.
"""

import os
import time
from typing import Any, Dict, List, Optional, Sequence

from lpse_ops.agent import dnfplan, rpmpackages
from lpse_ops.agent.commands import Finished, find_program, run_command
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.dnforders import Here, Order, look_at, plan_orders, settled
from lpse_ops.agent.rpmpackages import Wanted, parse_wanted

_LIST: Dict[str, Any] = {"type": "list", "elements": "str", "default": []}
_BACKENDS = ["auto", "dnf", "yum", "yum4", "dnf4", "dnf5"]
_OFF: Dict[str, Any] = {"type": "bool", "default": False}
ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "allow_downgrade": _OFF,
    "allowerasing": _OFF,
    "autoremove": _OFF,
    "best": {"type": "bool"},
    "bugfix": _OFF,
    "cacheonly": _OFF,
    "conf_file": {"type": "str"},
    "disable_excludes": {"type": "str"},
    "disable_gpg_check": _OFF,
    "disable_plugin": _LIST,
    "disablerepo": _LIST,
    "download_only": _OFF,
    "download_dir": {"type": "str"},
    "enable_plugin": _LIST,
    "enablerepo": _LIST,
    "exclude": _LIST,
    "installroot": {"type": "str", "default": "/"},
    "install_repoquery": {"type": "bool", "default": True},
    "install_weak_deps": {"type": "bool", "default": True},
    "name": dict(_LIST, aliases=["pkg"]),
    "nobest": {"type": "bool"},
    "releasever": {"type": "str"},
    "security": _OFF,
    "skip_broken": _OFF,
    "state": {"type": "str", "choices": ["absent", "installed", "latest", "present", "removed"]},
    "update_cache": dict(_OFF, aliases=["expire-cache"]),
    "update_only": _OFF,
    "validate_certs": {"type": "bool", "default": True},
    "sslverify": {"type": "bool", "default": True},
    "lock_timeout": {"type": "int", "default": 30},
    # There is one program on a host, and it is that one.
    "use": {"type": "str", "choices": _BACKENDS},
    "use_backend": {"type": "str", "default": "auto", "choices": _BACKENDS},
}
RULES: Dict[str, Any] = {
    "required_one_of": [["name", "update_cache"]],
    "mutually_exclusive": [["best", "nobest"], ["use", "use_backend"]],
}
CHECK_MODE = "full"

_PAUSE_SECONDS = 0.5
_LOCKED = "already locked by"
Result = Dict[str, Any]


def run(args: Dict[str, Any], context: Context) -> Result:
    """Bring the packages to the wanted state; in check mode dnf only says what it would do."""
    args = settled(args)
    if os.geteuid() != 0 and not args["download_only"]:
        raise Failed("This command has to be run under the root user.", results=[])
    task = _Task(args, context)
    if args["update_cache"] and not context.check_mode:
        task.refresh()
    if args["update_cache"] and not args["name"] and not args["autoremove"]:
        return {"msg": "Cache updated", "changed": False, "results": [], "rc": 0}
    if args["state"] == "absent":
        return task.remove()
    return task.ensure()


class _Task:
    """A task's arguments and what carries them out."""

    def __init__(self, args: Dict[str, Any], context: Context) -> None:
        self._args = args
        self._context = context
        program = find_program("dnf") or find_program("dnf5") or find_program("yum")
        if program is None:
            text = 'Failed to find required executable "dnf"; is this Fedora, AlmaLinux or RHEL?'
            raise Failed(text, results=[])
        self._program = program
        is_dnf5 = os.path.basename(os.path.realpath(program)) == "dnf5"
        self._options = dnfplan.options(args, is_dnf5=is_dnf5)
        self._told: List[str] = []

    def refresh(self) -> None:
        """Fetch what the repositories have."""
        finished = self._dnf(["makecache", "--refresh"])
        if finished.rc:
            raise _failed(finished)

    def ensure(self) -> Result:
        """Install what is not there; with ``state: latest`` bring what is there up to date."""
        names = self._args["name"]
        if names == ["*"] and self._args["state"] == "latest":
            return self._carry_out([Order("upgrade", [])])
        files = [name for name in names if "://" in name or name.endswith(".rpm")]
        others = [name for name in names if name not in files]
        orders, left_out = plan_orders(self._args, self._look(others))
        paths = self._wanted_files(files)
        installs = Order("install", paths) if paths else None
        self._told += [f"Installed {name}" for name in files]
        text = "Packages providing {} not installed due to update_only specified"
        self._told += [text.format(name) for name in left_out]
        return self._carry_out(([installs] if installs else []) + orders)

    def remove(self) -> Result:
        """Remove what is there, and whatever needs it."""
        names = self._args["name"]
        if any("://" in name or name.endswith(".rpm") for name in names):
            text = "Cannot remove paths -- please specify package name."
            raise Failed(text, results=[])
        known = self._look(names)
        here = [each for each in known if known[each].is_here]
        self._told += [f"No match for argument: {each.text}" for each in known if each not in here]
        orders = [Order("remove", [each.for_dnf for each in here])] if here else []
        if self._args["autoremove"]:
            orders.append(Order("autoremove", []))
        return self._carry_out(orders)

    def _look(self, names: Sequence[str]) -> Dict[Wanted, Here]:
        return look_at([parse_wanted(name) for name in names], self._args["installroot"])

    def _wanted_files(self, places: Sequence[str]) -> List[str]:
        """The package files that are neither installed nor older than what is."""
        paths = []
        for place in places:
            path = self._fetch(place) if "://" in place else place
            if self._is_file_wanted(os.path.abspath(path)):
                paths.append(os.path.abspath(path))
        return paths

    def _fetch(self, url: str) -> str:
        # Heavy, and seldom needed.
        from lpse_ops.agent.fetching import fetch_to

        checks = self._args["validate_certs"]
        return fetch_to(url, self._context, ending=".rpm", validate_certs=checks)

    def _is_file_wanted(self, path: str) -> bool:
        package = rpmpackages.read_file(path)
        name = parse_wanted(package.name)
        installed = rpmpackages.read_installed([name], self._args["installroot"])
        here = [
            each
            for each in installed
            if (each.name, each.architecture) == (package.name, package.architecture)
        ]
        if not here:
            return not self._args["update_only"]
        orders = [rpmpackages.compare_rpms(package, each) for each in here]
        return 0 not in orders and (self._args["allow_downgrade"] or max(orders) > 0)

    def _carry_out(self, orders: Sequence[Order]) -> Result:
        """Do one thing after the other; the first that fails is the last."""
        changed = False
        results: List[str] = []
        for order in orders:
            done = self._do(order)
            changed = changed or done is not None
            results += done or []
        result: Result = {"changed": changed, "rc": 0, "results": self._told + results, "msg": ""}
        if not changed:
            result["msg"] = "Nothing to do"
        elif self._context.check_mode:
            result["msg"] = "Check mode: No changes made, but would have if not in check mode"
        return result

    def _do(self, order: Order) -> Optional[List[str]]:
        """What changed, None if there was nothing to do."""
        check_mode = self._context.check_mode
        argv = dnfplan.command(self._args, order.verb, order.names, check_mode=check_mode)
        root = self._args["installroot"]
        before = rpmpackages.read_all(root)
        finished = self._dnf(argv)
        planned = dnfplan.has_transaction(finished.stdout)
        if finished.rc and not (check_mode and planned):
            raise _failed(finished, order.names)
        if not planned:
            return None
        if check_mode or self._args["download_only"]:
            changes = dnfplan.parse_changes(finished.stdout)
            downloads = bool(self._args["download_only"])
            return dnfplan.describe(changes, before, downloads=downloads)
        came = rpmpackages.difference(before, rpmpackages.read_all(root))
        return [f"{word}: {each}" for word, packages in came.items() for each in packages]

    def _dnf(self, argv: List[str]) -> Finished:
        deadline = time.monotonic() + self._args["lock_timeout"]
        while True:
            finished = run_command([self._program, *self._options, *argv])
            is_locked = finished.rc != 0 and _LOCKED in finished.stderr + finished.stdout
            if not is_locked or time.monotonic() >= deadline:
                return finished
            time.sleep(_PAUSE_SECONDS)


def _failed(finished: Finished, names: Sequence[str] = ()) -> Failed:
    result = dnfplan.failure(finished, names)
    return Failed(result.pop("msg"), **result)
