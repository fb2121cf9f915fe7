"""The ``apt`` module: packages of Debian and Ubuntu, there or not, in a version, up to date.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  It works
through apt's programs; where everything is as it should be already, one ``dpkg-query`` says so.
"""

from typing import Any, Dict, List, NamedTuple, Sequence

from lpse_ops.agent import aptplan, debpackages
from lpse_ops.agent.aptget import AptGet
from lpse_ops.agent.aptlists import Lists, refresh
from lpse_ops.agent.commands import Finished
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.debfiles import install_files
from lpse_ops.agent.debpackages import Spec, Statuses, is_version

ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "state": {
        "type": "str",
        "default": "present",
        "choices": ["absent", "build-dep", "fixed", "latest", "present"],
    },
    "update_cache": {"type": "bool", "aliases": ["update-cache"]},
    "update_cache_retries": {"type": "int", "default": 5},
    "update_cache_retry_max_delay": {"type": "int", "default": 12},
    "cache_valid_time": {"type": "int", "default": 0},
    "purge": {"type": "bool", "default": False},
    "package": {"type": "list", "elements": "str", "aliases": ["pkg", "name"]},
    "deb": {"type": "path"},
    "default_release": {"type": "str", "aliases": ["default-release"]},
    "install_recommends": {"type": "bool", "aliases": ["install-recommends"]},
    "force": {"type": "bool", "default": False},
    "upgrade": {
        "type": "str",
        "choices": ["dist", "full", "no", "safe", "yes"],
        "default": "no",
    },
    "dpkg_options": {"type": "str", "default": "force-confdef,force-confold"},
    "autoremove": {"type": "bool", "default": False},
    "autoclean": {"type": "bool", "default": False},
    "fail_on_autoremove": {"type": "bool", "default": False},
    "policy_rc_d": {"type": "int"},
    "only_upgrade": {"type": "bool", "default": False},
    "force_apt_get": {"type": "bool", "default": False},
    "clean": {"type": "bool", "default": False},
    "allow_unauthenticated": {
        "type": "bool",
        "default": False,
        "aliases": ["allow-unauthenticated"],
    },
    "allow_downgrade": {
        "type": "bool",
        "default": False,
        "aliases": ["allow-downgrade", "allow_downgrades", "allow-downgrades"],
    },
    "allow_change_held_packages": {"type": "bool", "default": False},
    "lock_timeout": {"type": "int", "default": 60},
    "auto_install_module_deps": {"type": "bool", "default": True},
}
RULES: Dict[str, Any] = {
    "mutually_exclusive": [["deb", "package", "upgrade"]],
    "required_one_of": [["autoremove", "deb", "package", "update_cache", "upgrade"]],
}
CHECK_MODE = "full"

Result = Dict[str, Any]


def run(args: Dict[str, Any], context: Context) -> Result:
    """Bring the packages to the wanted state; in check mode apt only simulates it."""
    task = _Task(args, context, _apt_get(args, context))
    has_work = bool(args["package"] or args["upgrade"] != "no" or args["deb"])
    if args["clean"]:
        cleaned = task.clean()
        if not has_work:
            return cleaned
    lists = refresh(args, task.apt_get, check_mode=context.check_mode)
    if not has_work and (args["update_cache"] or args["cache_valid_time"]):
        return dict(lists.result(), changed=lists.is_updated)
    result = _do(args, context, task, lists)
    if lists.warnings:
        result.setdefault("warnings", []).extend(lists.warnings)
    return result


def _do(args: Dict[str, Any], context: Context, task: "_Task", lists: Lists) -> Result:
    """The first thing that the arguments ask for: there is never a second one."""
    if args["upgrade"] != "no":
        return task.upgrade(args["upgrade"])
    if args["deb"]:
        return install_files(args, context, task.apt_get)
    names = [name.strip() for name in args["package"] or () if name != "*"]
    if args["state"] == "latest" and "*" in (args["package"] or ()):
        if names:
            text = "unable to install additional packages when upgrading all installed packages"
            raise Failed(text)
        return task.upgrade("yes")
    for verb in ("autoclean", "autoremove"):
        if args[verb] and not names:
            return task.clean_up(verb)
    specs = debpackages.expand_patterns([debpackages.parse_spec(name) for name in names])
    if args["state"] == "absent":
        return task.remove(specs)
    told = lists.result()
    try:
        return dict(told, **task.install(specs))
    except Failed as failed:
        raise Failed(failed.result.pop("msg"), **dict(told, **failed.result)) from failed


def _apt_get(args: Dict[str, Any], context: Context) -> AptGet:
    policy = None if context.check_mode else args["policy_rc_d"]
    return AptGet(lock_timeout=args["lock_timeout"], policy=policy)


class _Found(NamedTuple):
    """Packages by name: what dpkg has of each, and what apt offers where that matters."""

    statuses: Statuses
    packages: Dict[str, aptplan.Package]


class _Task:
    """A task's arguments and what carries them out."""

    def __init__(self, args: Dict[str, Any], context: Context, apt_get: AptGet) -> None:
        self._args = args
        self._context = context
        self.apt_get = apt_get

    def install(self, specs: Sequence[Spec]) -> Result:
        """Install what is not there; with ``state: latest`` also what could be newer."""
        args = self._args
        if args["state"] == "build-dep":
            targets = [debpackages.known_name(spec.text) for spec in specs]
        else:
            targets = self._targets(specs)
        if not targets:
            return {"changed": False}
        argv = aptplan.plan_install(args, targets, check_mode=self._context.check_mode)
        finished = self.apt_get.run(argv)
        if finished.rc:
            raise _failure(aptplan.shown(argv), finished)
        is_idle = args["state"] == "build-dep" and aptplan.NOTHING_DONE in finished.stdout
        return self._result(finished, changed=not is_idle)

    def _targets(self, specs: Sequence[Spec]) -> List[str]:
        upgrade = self._args["state"] == "latest"
        found = self._find(specs, upgrade=upgrade)
        targets = []
        for spec in specs:
            package = found.packages.get(spec.name)
            if package is None:
                continue
            target = aptplan.plan_target(
                spec,
                package,
                is_version,
                upgrade=upgrade,
                only_upgrade=self._args["only_upgrade"],
            )
            targets += [target] if target else []
        if not self._context.check_mode:
            self._keep([spec.name for spec in specs], found.statuses)
        return targets

    def _find(self, specs: Sequence[Spec], *, upgrade: bool) -> _Found:
        statuses = debpackages.read_statuses(spec.name for spec in specs)
        open_names = [
            spec.name
            for spec in specs
            if aptplan.needs_offer(spec, statuses.get(spec.name), is_version, upgrade=upgrade)
        ]
        offers = debpackages.read_offers(open_names, self._args["default_release"])
        packages = {}
        for name in open_names:
            is_provided = False
            if name not in offers and not debpackages.is_installed(statuses.get(name)):
                providers = _providers(name)
                if any(map(debpackages.is_installed, providers.values())):
                    continue
                is_provided = True
            packages[name] = aptplan.Package(statuses.get(name), offers.get(name), is_provided)
        return _Found(statuses, packages)

    def _keep(self, names: Sequence[str], statuses: Statuses) -> None:
        """What a task names is no longer there only because other packages need it."""
        here = [name for name in names if debpackages.is_installed(statuses.get(name))]
        automatic = debpackages.read_automatic() if here else frozenset()
        marked = [name for name in here if name.partition(":")[0] in automatic]
        if marked:
            argv = ["apt-mark", "manual", *marked]
            finished = self.apt_get.run(argv)
            if finished.rc:
                raise _failure(aptplan.shown(argv), finished)

    def remove(self, specs: Sequence[Spec]) -> Result:
        """Remove what is there; with ``purge`` also the configuration that is left of it."""
        statuses = debpackages.read_statuses(spec.name for spec in specs)
        targets = aptplan.plan_removal(specs, statuses, is_version, purge=self._args["purge"])
        if not targets:
            return {"changed": False}
        check_mode = self._context.check_mode
        finished = self.apt_get.run(aptplan.plan_remove(self._args, targets, check_mode=check_mode))
        if finished.rc:
            raise _failure(f"apt-get remove {aptplan.shown(targets)}", finished)
        return self._result(finished, changed=True)

    def upgrade(self, mode: str) -> Result:
        """Bring all packages up to date."""
        argv = aptplan.plan_upgrade(self._args, mode, check_mode=self._context.check_mode)
        finished = self.apt_get.run(argv)
        if finished.rc:
            raise _failure(aptplan.shown(argv), finished)
        if aptplan.NOTHING_DONE in finished.stdout:
            return dict(_outputs(finished), changed=False, msg=finished.stdout)
        return dict(self._result(finished, changed=True), msg=finished.stdout)

    def clean_up(self, verb: str) -> Result:
        """Remove packages that nothing needs, or downloads that are out of date."""
        argv = aptplan.plan_cleanup(self._args, verb, check_mode=self._context.check_mode)
        finished = self.apt_get.run(argv)
        if finished.rc:
            raise _failure(f"apt-get {verb}", finished)
        words = {"autoremove": "The following packages will be REMOVED", "autoclean": "Del "}
        return self._result(finished, changed=words[verb] in finished.stdout)

    def clean(self) -> Result:
        """Remove all downloads."""
        finished = Finished(0, "", "")
        if not self._context.check_mode:
            finished = self.apt_get.run(["apt-get", "clean"])
        if finished.rc or finished.stderr:
            text = f"apt-get clean failed: {finished.stderr}"
            raise Failed(text, stdout=finished.stdout, rc=finished.rc)
        return dict(self._result(finished, changed=True), msg=finished.stdout)

    def _result(self, finished: Finished, *, changed: bool) -> Result:
        diff = aptplan.prepared(finished.stdout) if self._context.diff_mode else {}
        return dict(_outputs(finished), changed=changed, diff=diff)


def _outputs(finished: Finished) -> Result:
    return {"stdout": finished.stdout, "stderr": finished.stderr}


def _providers(name: str) -> Statuses:
    """The packages that provide a virtual one, as they are here; ``Failed`` if there is none."""
    providers = debpackages.read_providers(name)
    if not providers:
        raise Failed(f"No package matching '{name}' is available")
    return debpackages.read_statuses(providers)


def _failure(what: str, finished: Finished) -> Failed:
    text = f"'{what}' failed: {finished.stderr}"
    return Failed(text, rc=finished.rc, stdout=finished.stdout, stderr=finished.stderr)
