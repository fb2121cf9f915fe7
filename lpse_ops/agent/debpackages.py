"""What dpkg and apt know about packages: which are installed, and which versions there are.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  Asked through
``dpkg-query`` and ``apt-cache``, so that no binding for Python has to be there.
"""

import fnmatch
import re
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set

from lpse_ops.agent.commands import Finished, find_program, run_command
from lpse_ops.agent.context import Failed

INSTALLED = "installed"
GONE = "not-installed"
_GLOB = frozenset("*?[]!")
# What dpkg takes as a name; anything else would be an option or a pattern to the programs.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*(:[a-z0-9-]+)?\Z")
_FORMAT = "${Package}\t${Architecture}\t${db:Status-Status}\t${Version}\n"
_TABLE_LINE = re.compile(r" (?:\*\*\*|   ) (\S+)")
_EXTENDED_STATES = "/var/lib/apt/extended_states"


class Spec(NamedTuple):
    """A package as a task asks for it: ``foo``, ``foo=1.2*`` or ``foo>=1.2``."""

    text: str
    name: str
    relation: str = ""
    version: str = ""

    @property
    def has_wild_version(self) -> bool:
        return bool(_GLOB.intersection(self.version))


class Status(NamedTuple):
    """A package on this host; ``state`` is dpkg's word."""

    state: str
    version: str
    architecture: str = ""


class Offer(NamedTuple):
    """What apt could install: its choice, and every version it knows, the newest first."""

    candidate: Optional[str]
    versions: List[str]


Statuses = Dict[str, Status]


def parse_spec(text: str) -> Spec:
    """Take a package specifier to pieces; two ``=`` are one too many."""
    if text.count("=") > 1:
        raise Failed(f"invalid package spec: {text}")
    parts = re.split("(>?=)", text, maxsplit=1)
    return Spec(text, *parts)


def is_pattern(name: str) -> bool:
    """Whether a name has wildcards, which names of packages never have."""
    return bool(_GLOB.intersection(name))


def is_name(name: str) -> bool:
    return bool(_NAME.match(name))


def known_name(text: str) -> str:
    """The same; ``Failed`` for what apt-get would take for an option."""
    if text.startswith("-"):
        raise Failed(f"No package matching '{text}' is available")
    return text


def expand_patterns(specs: Sequence[Spec]) -> List[Spec]:
    """Put the packages that a wildcard means in its place."""
    if not any(is_pattern(spec.name) for spec in specs):
        return list(specs)
    known = sorted(set(_output(["apt-cache", "pkgnames"]).split()))
    expanded: List[Spec] = []
    for spec in specs:
        if is_pattern(spec.name):
            matching = fnmatch.filter(known, spec.name)
            if not matching:
                raise Failed(f"No package(s) matching '{spec.name}' available")
            expanded += [Spec(name, name) for name in matching]
        else:
            expanded.append(spec)
    return expanded


def read_statuses(names: Iterable[str]) -> Statuses:
    """Ask dpkg for packages by one query; those it never had are not in the answer."""
    asked = [name for name in names if is_name(name)]
    if not asked:
        return {}
    # dpkg itself is always there, and has the architecture of packages named without one.
    argv = ["dpkg-query", "--show", "--showformat", _FORMAT, "dpkg", *asked]
    # Exit status 1 says that some of the names mean nothing to it.
    finished = run_tool(argv)
    if finished.rc > 1 or not finished.stdout:
        raise Failed(f"dpkg-query failed: {finished.stderr.strip()}", rc=finished.rc)
    return find_statuses(asked, finished.stdout)


def find_statuses(names: Iterable[str], output: str) -> Statuses:
    """Pick the packages out of dpkg-query's lines; without an architecture the host's is meant."""
    lines = [line.split("\t") for line in output.splitlines()]
    native = next(line[1] for line in lines if line[0] == "dpkg")
    found: Statuses = {}
    for name, architecture, state, version in lines:
        status = Status(state, version, architecture)
        found[f"{name}:{architecture}"] = status
        if architecture in (native, "all", ""):
            found[name] = found[f"{name}:{native}"] = status
    return {name: found[name] for name in names if name in found}


def is_installed(status: Optional[Status]) -> bool:
    return status is not None and status.state == INSTALLED


def has_files(status: Optional[Status]) -> bool:
    """Whether anything of a package is there, be it only configuration that a purge removes."""
    return status is not None and status.state != GONE


def read_offers(names: Sequence[str], release: Optional[str]) -> Dict[str, Offer]:
    """Ask apt which versions there are; a name that it has no version of is not in the answer."""
    asked = [name for name in names if is_name(name)]
    if not asked:
        return {}
    chosen = ["-o", f"APT::Default-Release={release}"] if release else []
    offers = parse_policy(_output(["apt-cache", *chosen, "policy", "--", *asked]))
    found = {}
    for name in asked:
        offer = offers.get(name) or offers.get(name.partition(":")[0])
        if offer and offer.versions:
            found[name] = offer
    return found


def parse_policy(text: str) -> Dict[str, Offer]:
    """Read the answer of ``apt-cache policy``."""
    offers: Dict[str, Offer] = {}
    name = ""
    for line in text.splitlines():
        version = _TABLE_LINE.match(line)
        if line and not line.startswith(" "):
            name = line.rstrip(":")
            offers[name] = Offer(None, [])
        elif line.startswith("  Candidate: "):
            candidate = line[len("  Candidate: ") :]
            offers[name] = Offer(None if candidate == "(none)" else candidate, [])
        elif version:
            offers[name].versions.append(version.group(1))
    return offers


def read_providers(name: str) -> List[str]:
    """Names of the packages that provide a virtual one."""
    return parse_providers(_output(["apt-cache", "showpkg", "--", name])) if is_name(name) else []


def parse_providers(text: str) -> List[str]:
    """Read the last part of ``apt-cache showpkg``."""
    lines = text.partition("\nReverse Provides:")[2].splitlines()
    names = [line.split()[0] for line in lines if line.strip()]
    return sorted(set(names), key=names.index)


def is_version(version: str, relation: str, other: str) -> bool:
    """Compare two versions as dpkg does: ``lt``, ``le``, ``eq``, ``ge`` or ``gt``."""
    return run_tool(["dpkg", "--compare-versions", version, relation, other]).rc == 0


def read_automatic(path: str = _EXTENDED_STATES) -> Set[str]:
    """Names of packages that are there only because others need them."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return parse_automatic(file.read())
    except FileNotFoundError:
        return set()


def parse_automatic(text: str) -> Set[str]:
    """Read apt's file of extended states."""
    stanzas = [
        dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line)
        for stanza in text.split("\n\n")
    ]
    return {each["Package"] for each in stanzas if each.get("Auto-Installed") == "1"}


def run_tool(argv: List[str], **options: Any) -> Finished:
    """Run a program of dpkg's or apt's; ``Failed`` if the host does not have it."""
    program = find_program(argv[0])
    if program is None:
        raise Failed(f'Failed to find required executable "{argv[0]}"; is this Debian or Ubuntu?')
    return run_command([program, *argv[1:]], **options)


def _output(argv: List[str]) -> str:
    finished = run_tool(argv)
    if finished.rc:
        raise Failed(f"'{' '.join(argv)}' failed: {finished.stderr}", rc=finished.rc)
    return finished.stdout
