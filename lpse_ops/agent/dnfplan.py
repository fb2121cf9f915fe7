"""What a task wants of dnf: the command line, and what its answer means.

Pure decisions; runs on the managed host: ``lpse_ops.agent`` only, Python 3.6.  The words are those
of dnf 4; dnf 5 says nearly the same.
"""

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence

from lpse_ops.agent.commands import Finished
from lpse_ops.agent.rpmpackages import Rpm

Args = Mapping[str, Any]

_SECTION = re.compile(r"(Install|Upgrad|Downgrad|Reinstall|Remov)ing[\w ]*:\Z")
_GOES = ("Remov",)
_STAYS = ("Upgrad", "Downgrad", "Reinstall")
# name, architecture, version, repository; the size may have no unit.
_ROW_WORDS = 4


class Change(NamedTuple):
    """A package of a transaction, and what becomes of it: Install, Upgrad(e), Remov(e) ..."""

    verb: str
    name: str
    architecture: str
    version: str

    def __str__(self) -> str:
        version = self.version[2:] if self.version.startswith("0:") else self.version
        return f"{self.name}-{version}.{self.architecture}"


def options(args: Args, *, is_dnf5: bool) -> List[str]:
    """Options of every command."""
    best = args["best"] if args["nobest"] is None else not args["nobest"]
    settings = {
        "clean_requirements_on_remove": args["autoremove"],
        "install_weak_deps": args["install_weak_deps"],
        "sslverify": args["sslverify"],
    }
    if best is not None:
        settings["best"] = best
    if args["skip_broken"]:
        settings["strict"] = False
    if not is_dnf5:
        # Waiting is for us: dnf 4 has no limit.
        settings["exit_on_lock"] = True
    return [
        *(["--config=" + args["conf_file"]] if args["conf_file"] else []),
        *(["--installroot=" + args["installroot"]] if args["installroot"] != "/" else []),
        *(["--releasever=" + args["releasever"]] if args["releasever"] else []),
        *(f"--disableplugin={each}" for each in args["disable_plugin"]),
        *(f"--enableplugin={each}" for each in args["enable_plugin"]),
        *(f"--disablerepo={each}" for each in args["disablerepo"]),
        *(f"--enablerepo={each}" for each in args["enablerepo"]),
        *(f"--exclude={each}" for each in args["exclude"]),
        *(["--disableexcludes=" + args["disable_excludes"]] if args["disable_excludes"] else []),
        *(["--nogpgcheck"] if args["disable_gpg_check"] else []),
        *(["--cacheonly"] if args["cacheonly"] else []),
        *(f"--setopt={name}={value}" for name, value in sorted(settings.items())),
    ]


def command(args: Args, verb: str, names: Sequence[str], *, check_mode: bool) -> List[str]:
    """What comes after the common options."""
    is_upgrade = verb == "upgrade"
    loads = args["download_only"] and verb != "remove"
    return [
        "--assumeno" if check_mode else "-y",
        *(["--allowerasing"] if args["allowerasing"] and verb in ("install", "upgrade") else []),
        *(["--security"] if args["security"] and is_upgrade else []),
        *(["--bugfix"] if args["bugfix"] and is_upgrade else []),
        *(["--downloadonly"] if loads else []),
        *(["--downloaddir=" + args["download_dir"]] if loads and args["download_dir"] else []),
        verb,
        "--",
        *names,
    ]


def has_transaction(output: str) -> bool:
    """Whether there was anything to do, as dnf shows it before it asks."""
    return "\nTransaction Summary" in output


def parse_changes(output: str) -> List[Change]:
    """Read the table of what is to be done; long names have the rest in the next line."""
    changes: List[Change] = []
    verb, words = "", []  # type: str, List[str]
    for line in output.partition("\nTransaction Summary")[0].splitlines():
        section = _SECTION.match(line)
        if section or not line.startswith(" "):
            verb, words = section.group(1) if section else "", []
        elif verb and not line.split()[0].startswith("replacing"):
            is_rest = len(words) == 1 and line.startswith("  ")
            words = words + line.split() if is_rest else line.split()
            if len(words) >= _ROW_WORDS:
                changes.append(Change(verb, *words[:3]))
    return changes


def describe(changes: Sequence[Change], before: Sequence[Rpm], *, downloads: bool) -> List[str]:
    """What results say of a transaction that was only planned."""
    word = "Downloaded" if downloads else "Installed"
    comes = [f"{word}: {each}" for each in changes if each.verb not in _GOES]
    goes = [f"Removed: {each}" for each in changes if each.verb in _GOES]
    old = {(each.name, each.architecture): each for each in before}
    replaced = [old.get((each.name, each.architecture)) for each in changes if each.verb in _STAYS]
    return comes + goes + [f"Removed: {each}" for each in replaced if each]


def failure(finished: Finished, names: Sequence[str]) -> Dict[str, Any]:
    """The result of a command that failed, in the words of Ansible's module."""
    text = finished.stderr + finished.stdout
    absent = re.findall(r"^No match for argument: (.+?)\s*$", text, re.MULTILINE)
    if "There are no enabled repositories" in text:
        absent = list(names)
    reason = finished.stderr.rpartition("Error: ")[2].rstrip() or finished.stdout.strip()
    result: Dict[str, Any] = {"rc": 1, "results": [], "failures": []}
    if absent:
        result["failures"] = [f"No package {name} available." for name in absent]
        result["msg"] = "Failed to install some of the specified packages"
    elif "Problem" in reason:
        result["msg"] = f"Depsolve Error occurred: {reason}"
    else:
        result["msg"] = reason or f"dnf ended with {finished.rc}"
    return result
