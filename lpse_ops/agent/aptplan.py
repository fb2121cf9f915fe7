"""What a task wants of apt: which packages, in which versions, by which command line.

Pure decisions; runs on the managed host: ``lpse_ops.agent`` only, Python 3.6.
"""

import fnmatch
import re
import shlex
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence

from lpse_ops.agent.context import Failed
from lpse_ops.agent.debpackages import (
    Offer,
    Spec,
    Status,
    Statuses,
    has_files,
    is_installed,
)

# Compares two versions: ``compare("1.2", "ge", "1.0")``.
Compare = Callable[[str, str, str], bool]
Args = Mapping[str, Any]

NOTHING_DONE = "\n0 upgraded, 0 newly installed, 0 to remove"
# What ``--force-yes`` means, which apt no longer wants to hear.
_FORCE = (
    "--allow-downgrades",
    "--allow-remove-essential",
    "--allow-change-held-packages",
    "--allow-unauthenticated",
)


class Package(NamedTuple):
    """A package that a task asks for: what is here, what could be; virtual ones have providers."""

    status: Optional[Status]
    offer: Optional[Offer]
    is_provided: bool = False


def is_satisfied(spec: Spec, status: Optional[Status], compare: Compare) -> bool:
    """Whether what is installed is what the task asks for."""
    if status is None or not is_installed(status):
        return False
    if spec.relation == "=":
        return fnmatch.fnmatchcase(status.version, spec.version)
    if spec.relation == ">=":
        return compare(status.version, "ge", spec.version)
    return True


def needs_offer(spec: Spec, status: Optional[Status], compare: Compare, *, upgrade: bool) -> bool:
    """Whether nothing can be decided before apt says which versions there are."""
    return upgrade or spec.has_wild_version or not is_satisfied(spec, status, compare)


def plan_target(
    spec: Spec, package: Package, compare: Compare, *, upgrade: bool, only_upgrade: bool
) -> Optional[str]:
    """What ``apt-get install`` is to be told for a package; None if all is well with it."""
    installed = is_installed(package.status)
    if not installed and only_upgrade:
        return None
    if package.offer is None and package.is_provided:
        # apt finds out which of the packages that provide it are to come.
        return spec.name + (f"={spec.version}" if spec.version else "")
    satisfied = is_satisfied(spec, package.status, compare)
    best = find_best(spec, package.offer, compare)
    current = package.status.version if package.status and installed else None
    better = best if best != current else None
    if not satisfied and not better:
        raise Failed(f"no available installation candidate for {spec.text}")
    if better and (upgrade or not satisfied):
        return f"{spec.name}={better}"
    # A wildcard that is satisfied, and that a newer version would satisfy as well.
    return spec.text if better and spec.relation == "=" else None


def find_best(spec: Spec, offer: Optional[Offer], compare: Compare) -> Optional[str]:
    """The version that apt would choose for what is asked for."""
    if offer is None:
        return None
    if spec.relation == "=":
        return next(
            (each for each in offer.versions if fnmatch.fnmatchcase(each, spec.version)), None
        )
    if spec.relation == ">=" and offer.candidate is not None:
        return offer.candidate if compare(offer.candidate, "ge", spec.version) else None
    return offer.candidate


def plan_removal(
    specs: Sequence[Spec], statuses: Statuses, compare: Compare, *, purge: bool
) -> List[str]:
    """What ``apt-get remove`` is to be told: packages that are here as the task names them."""
    targets = []
    for spec in specs:
        status = statuses.get(spec.name)
        if is_satisfied(spec, status, compare) or (purge and has_files(status)):
            targets.append(spec.text if spec.relation == "=" else spec.name)
    return targets


def dpkg_options(args: Args) -> List[str]:
    """Options of every command that changes packages."""
    words = [word for word in args["dpkg_options"].split(",") if word.strip()]
    options = [f"Dpkg::Options::=--{word.strip()}" for word in words]
    options.append("DPkg::Lock::Timeout={}".format(args["lock_timeout"]))
    return [part for option in options for part in ("-o", option)]


def plan_install(args: Args, targets: Sequence[str], *, check_mode: bool) -> List[str]:
    """The command line that installs packages, or what they are built with."""
    is_build_dep = args["state"] == "build-dep"
    return [
        "apt-get",
        "-y",
        *dpkg_options(args),
        *(["--only-upgrade"] if args["only_upgrade"] else []),
        *(["--fix-broken"] if args["state"] == "fixed" else []),
        *(_FORCE if args["force"] else []),
        *(["--auto-remove"] if args["autoremove"] and not is_build_dep else []),
        *(["--no-remove"] if args["fail_on_autoremove"] else []),
        *(["--simulate"] if check_mode else []),
        "build-dep" if is_build_dep else "install",
        *targets,
        *_release(args),
        *_recommends(args["install_recommends"]),
        *_allowed(args),
        *(["--allow-change-held-packages"] if args["allow_change_held_packages"] else []),
    ]


def plan_remove(args: Args, targets: Sequence[str], *, check_mode: bool) -> List[str]:
    """The command line that removes packages."""
    return [
        "apt-get",
        "-q",
        "-y",
        *dpkg_options(args),
        *(["--purge"] if args["purge"] else []),
        *(_FORCE if args["force"] else []),
        *(["--auto-remove"] if args["autoremove"] else []),
        *(["--simulate"] if check_mode else []),
        *(["--allow-change-held-packages"] if args["allow_change_held_packages"] else []),
        "remove",
        *targets,
    ]


def plan_upgrade(args: Args, mode: str, *, check_mode: bool) -> List[str]:
    """The command line that brings all packages up to date."""
    verb = ["dist-upgrade"] if mode in ("dist", "full") else ["upgrade", "--with-new-pkgs"]
    return [
        "apt-get",
        "-y",
        *dpkg_options(args),
        *(_FORCE if args["force"] else []),
        *(["--no-remove"] if args["fail_on_autoremove"] else []),
        *_allowed(args),
        *(["--simulate"] if check_mode else []),
        *verb,
        *(["--auto-remove"] if args["autoremove"] else []),
        *_release(args),
    ]


def plan_cleanup(args: Args, verb: str, *, check_mode: bool) -> List[str]:
    """The command line of ``autoremove`` and ``autoclean``."""
    return [
        "apt-get",
        "-y",
        *dpkg_options(args),
        *(["--purge"] if args["purge"] else []),
        *(_FORCE if args["force"] else []),
        verb,
        *(["--simulate"] if check_mode else []),
    ]


def prepared(output: str) -> Dict[str, str]:
    """The part of apt-get's output that says what is to be done: a task's diff."""
    lines = output.splitlines()
    start = "Reading state information..."
    first = lines.index(start) + 1 if start in lines else 0
    ends = (index for index, line in enumerate(lines) if re.match(r"\d+ upgraded", line))
    return {"prepared": "\n".join(lines[first : next(ends, len(lines)) + 1])}


def shown(argv: Sequence[str]) -> str:
    """A command line as a person would type it."""
    return " ".join(map(shlex.quote, argv))


def _release(args: Args) -> List[str]:
    return ["-t", args["default_release"]] if args["default_release"] else []


def _recommends(wanted: Optional[bool]) -> List[str]:
    if wanted is None:
        return []
    return ["-o", "APT::Install-Recommends={}".format("yes" if wanted else "no")]


def _allowed(args: Args) -> List[str]:
    return [
        *(["--allow-unauthenticated"] if args["allow_unauthenticated"] else []),
        *(["--allow-downgrades"] if args["allow_downgrade"] else []),
    ]
