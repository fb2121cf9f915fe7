"""Packages that come as files: a path on this host or a URL, not a name in apt's lists.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  apt installs
them together with what they need, in one go.
"""

import os
from typing import Any, Dict, List, NamedTuple

from lpse_ops.agent.aptget import AptGet
from lpse_ops.agent.aptplan import plan_install, prepared, shown
from lpse_ops.agent.context import Context, Failed
from lpse_ops.agent.debpackages import Status, is_installed, is_version, read_statuses, run_tool

_FIELDS = ("Package", "Version", "Architecture", "Replaces")
Result = Dict[str, Any]


class DebFile(NamedTuple):
    """What a package's file says of itself."""

    path: str
    name: str
    version: str
    may_replace: bool


def install_files(args: Dict[str, Any], context: Context, apt_get: AptGet) -> Result:
    """Install the files of ``deb`` that are not installed in the same version."""
    if args["state"] != "present":
        raise Failed("deb only supports state=present")
    source = args["deb"]
    places = [_fetch(source, context)] if "://" in source else source.split(",")
    files = [read_file(with_ending(place.strip(), context)) for place in places]
    wanted = [file for file in files if is_wanted(file, args)]
    if not wanted:
        return {"changed": False, "stdout": "", "stderr": "", "diff": ""}
    argv = plan_files(wanted, args, check_mode=context.check_mode)
    finished = apt_get.run(argv)
    outputs = {"stdout": finished.stdout, "stderr": finished.stderr}
    if finished.rc:
        raise Failed(f"{shown(argv)} failed: {finished.stderr}", rc=finished.rc, **outputs)
    return dict(outputs, changed=True, diff=prepared(finished.stdout))


def _fetch(url: str, context: Context) -> str:
    # Heavy, and seldom needed.
    from lpse_ops.agent.fetching import fetch_to

    return fetch_to(url, context, ending=".deb")


def with_ending(path: str, context: Context) -> str:
    """The whole path of a file; one that apt would not take for a package gets such a name."""
    path = os.path.abspath(path)
    if path.endswith(".deb"):
        return path
    link = os.path.join(context.temporary_folder(), os.path.basename(path) + ".deb")
    os.symlink(path, link)
    return link


def read_file(path: str) -> DebFile:
    """Ask dpkg what a file is; ``Failed`` if it is no package."""
    finished = run_tool(["dpkg-deb", "--field", path, *_FIELDS])
    if finished.rc:
        raise Failed(f"Unable to install package: {finished.stderr.strip()}")
    return parse_file(path, finished.stdout)


def parse_file(path: str, text: str) -> DebFile:
    fields = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    try:
        name = "{Package}:{Architecture}".format(**fields)
        version = fields["Version"]
    except KeyError as error:
        raise Failed(f"Unable to install package: {path} has no field {error}") from error
    name = fields["Package"] if fields["Architecture"] == "all" else name
    return DebFile(path, name, version, "Replaces" in fields)


def is_wanted(file: DebFile, args: Dict[str, Any]) -> bool:
    """Whether a file is to be installed; ``Failed`` if that would be a step back."""
    status = read_statuses([file.name]).get(file.name)
    if status is None or not is_installed(status):
        return True
    if is_version(file.version, "eq", status.version):
        return False
    refuse_older(file, status, args)
    return True


def refuse_older(file: DebFile, status: Status, args: Dict[str, Any]) -> None:
    if args["force"] or args["allow_downgrade"]:
        return
    if is_version(file.version, "lt", status.version):
        text = f"A later version is already installed: {file.name} {status.version}"
        raise Failed(f"{text}; allow_downgrade: true installs {file.version}")


def plan_files(files: List[DebFile], args: Dict[str, Any], *, check_mode: bool) -> List[str]:
    """The command line that installs files, and from the lists what they need.

    Of what they recommend nothing comes along unless that is asked for, and nothing is removed
    that no file says it replaces.
    """
    keeps = args["fail_on_autoremove"] or not any(file.may_replace for file in files)
    wanted = dict(
        args,
        install_recommends=bool(args["install_recommends"]),
        fail_on_autoremove=keeps and not args["force"],
        default_release=None,
        only_upgrade=False,
        autoremove=False,
    )
    return plan_install(wanted, [file.path for file in files], check_mode=check_mode)
