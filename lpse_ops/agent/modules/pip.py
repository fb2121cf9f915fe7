"""The ``pip`` module: packages of Python are there, or are not.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
import re
import shlex
import tempfile
from typing import Any, Dict, List, Optional, Tuple

from lpse_ops.agent.commands import Finished, english
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.pipnames import Package, join_names, parse_package, with_version
from lpse_ops.agent.pipplaces import Place, failure, find_pip, make_virtualenv

_WORDS = {
    "present": ["install"],
    "absent": ["uninstall", "-y"],
    "latest": ["install", "-U"],
    "forcereinstall": ["install", "-U", "--force-reinstall"],
}
ARGUMENTS: Dict[str, Dict[str, Any]] = {
    "state": {"type": "str", "default": "present", "choices": list(_WORDS)},
    "name": {"type": "list", "elements": "str"},
    "version": {"type": "str"},
    "requirements": {"type": "str"},
    "virtualenv": {"type": "path"},
    "virtualenv_site_packages": {"type": "bool", "default": False},
    "virtualenv_command": {"type": "path", "default": "virtualenv"},
    "virtualenv_python": {"type": "str"},
    "extra_args": {"type": "str"},
    "editable": {"type": "bool", "default": False},
    "chdir": {"type": "path"},
    "executable": {"type": "path"},
    "umask": {"type": "str"},
    "break_system_packages": {"type": "bool", "default": False},
}
RULES: Dict[str, Any] = {
    "required_one_of": [["name", "requirements"]],
    "mutually_exclusive": [["name", "requirements"], ["executable", "virtualenv"]],
}
CHECK_MODE = "full"

Result = Dict[str, Any]
_VCS = re.compile(r"(svn|git|hg|bzr)\+")
# What pip says about itself among the packages.
_NOISE = ("You are using", "You should consider")


def run(args: Dict[str, Any], context: Context) -> Result:
    """Install or uninstall the packages; in check mode look which of them are there."""
    if args["state"] == "latest" and args["version"] is not None:
        raise Failed("version is incompatible with state=latest")
    packages = _read_packages(args)
    place = Place([], args["chdir"] or tempfile.gettempdir(), _environment(args), _umask(args))
    env = args["virtualenv"]
    if env and args["chdir"]:
        env = os.path.join(args["chdir"], env)
    made = None
    if env and not os.path.exists(os.path.join(env, "bin", "activate")):
        if context.check_mode:
            return {"changed": True}
        made = make_virtualenv(env, args, context, place)
    place = place._replace(pip=find_pip(env, args["executable"], context))
    if env:
        folders = os.path.join(env, "bin") + os.pathsep + place.environment.get("PATH", "")
        place.environment["PATH"] = folders
    if not packages and not args["requirements"]:
        return {"changed": False, "warnings": ["No valid name or requirements file found."]}
    if context.check_mode:
        return _foretell(packages, args, place)
    return _perform(packages, args, place, env, made)


def _read_packages(args: Dict[str, Any]) -> List[Package]:
    names = join_names(args["name"]) if args["name"] else []
    packages = [parse_package(name) for name in names]
    if args["version"] is None or not packages:
        return packages
    if len(packages) > 1:
        raise Failed(
            "'version' argument is ambiguous when installing multiple package distributions. "
            "Please specify version restrictions next to each package in 'name' argument."
        )
    if packages[0].clauses:
        raise Failed(
            "The 'version' argument conflicts with any version specifier provided along with a "
            "package name. Please keep the version specifier, but remove the 'version' argument."
        )
    return [with_version(packages[0], args["version"])]


def _environment(args: Dict[str, Any]) -> Dict[str, str]:
    environment = english(os.environ)
    if args["break_system_packages"]:
        # Older versions of pip do not know the option, and pass this over.
        environment["PIP_BREAK_SYSTEM_PACKAGES"] = "1"
    return environment


def _umask(args: Dict[str, Any]) -> Optional[int]:
    if not args["umask"]:
        return None
    try:
        return int(args["umask"], 8)
    except ValueError as error:
        raise Failed("umask must be an octal integer", details=str(error)) from error


def _extra_words(args: Dict[str, Any]) -> List[str]:
    words = shlex.split(args["extra_args"] or "")
    return [*words, "-e"] if args["editable"] and "-e" not in words else words


def _foretell(packages: List[Package], args: Dict[str, Any], place: Place) -> Result:
    """What would change; True where only an index of packages could tell."""
    state = args["state"]
    if _extra_words(args) or args["requirements"] or state == "latest":
        return {"changed": True}
    command, listed = _list_packages(place)
    there = _parse_list(listed.stdout)
    present = [package.is_in(there) for package in packages]
    changed = (state == "present" and not all(present)) or (state == "absent" and any(present))
    streams = {"stdout": listed.stdout, "stderr": listed.stderr}
    return dict(streams, changed=changed, cmd=" ".join(command))


def _list_packages(place: Place) -> Tuple[List[str], Finished]:
    finished = None
    for words in (["list", "--format=freeze"], ["freeze"]):
        finished = place.run(*words)
        if finished.rc == 0:
            return [*place.pip, *words], finished
    raise failure([*place.pip, "freeze"], finished)


def _parse_list(text: str) -> List[Tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.startswith(_NOISE)]
    pairs = [line.split("==") for line in lines]
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]


def _perform(
    packages: List[Package],
    args: Dict[str, Any],
    place: Place,
    env: Optional[str],
    made: Optional[Finished],
) -> Result:
    words = _WORDS[args["state"]] + _extra_words(args)
    if packages:
        words += [str(package) for package in packages]
    else:
        words += ["-r", args["requirements"]]
    # What pip says of these tells nothing of whether they were other ones before.
    unsure = bool(args["requirements"]) or any(_VCS.match(name) for name in args["name"] or [])
    before = _list_packages(place)[1].stdout if unsure else None
    finished = place.run(*words)
    streams = _joined(made, finished)
    outputs = finished.stdout + finished.stderr
    is_absent = args["state"] == "absent" and finished.rc == 1 and "not installed" in outputs
    if finished.rc != 0 and not is_absent:
        raise failure([*place.pip, *words], Finished(finished.rc, *streams))
    if args["state"] == "absent":
        changed = "Successfully uninstalled" in finished.stdout
    elif before is None:
        changed = "Successfully installed" in finished.stdout
    else:
        changed = before != _list_packages(place)[1].stdout
    result: Result = {"changed": changed or made is not None, "cmd": [*place.pip, *words]}
    for name in ("name", "version", "state", "requirements"):
        result[name] = args[name]
    return dict(result, virtualenv=env, stdout=streams[0], stderr=streams[1])


def _joined(first: Optional[Finished], second: Finished) -> Tuple[str, str]:
    if first is None:
        return second.stdout, second.stderr
    return first.stdout + second.stdout, first.stderr + second.stderr
