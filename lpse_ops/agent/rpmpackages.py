"""Packages of rpm: names as tasks write them, what is installed, which version is newer.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import fnmatch
import os
import re
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from lpse_ops.agent.commands import find_program, run_command
from lpse_ops.agent.context import Failed

_FORMAT = "%{NAME}\t%{EPOCHNUM}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\n"
_COMPARISON = re.compile(r"(\S+)\s+(<=|>=|<|>|=)\s+(\S+)\Z")
_GLOB = frozenset("*?[")
_RUN = re.compile(r"\d+|[a-zA-Z]+|[~^]")


class Rpm(NamedTuple):
    """An installed package, or one that could be."""

    name: str
    epoch: str
    version: str
    release: str
    architecture: str

    def __str__(self) -> str:
        epoch = "" if self.epoch in ("0", "(none)") else self.epoch + ":"
        return f"{self.name}-{epoch}{self.version}-{self.release}.{self.architecture}"

    def forms(self) -> List[str]:
        """Everything that a task may call it."""
        whole = f"{self.version}-{self.release}"
        numbered = f"{self.epoch}:{whole}"
        plain = [self.name, *(f"{self.name}-{each}" for each in (self.version, whole, numbered))]
        return plain + [f"{each}.{self.architecture}" for each in plain]


class Wanted(NamedTuple):
    """A package as a task asks for it; ``relation`` is that of ``name >= 1.0``."""

    text: str
    name: str
    relation: str = ""
    version: str = ""

    @property
    def is_pattern(self) -> bool:
        return bool(_GLOB.intersection(self.text))

    @property
    def is_group(self) -> bool:
        """Whether it is a group of packages or a module's stream."""
        return self.text.startswith("@") or ("/" in self.text and self.text[0] != "/")

    @property
    def for_dnf(self) -> str:
        """The word for dnf; a module's profile may be named without the sign of a group."""
        return f"@{self.text}" if self.is_group and self.text[0] != "@" else self.text


def parse_wanted(text: str) -> Wanted:
    """Take a specifier to pieces."""
    found = _COMPARISON.match(text)
    return Wanted(text, *found.groups()) if found else Wanted(text, text)


def name_candidates(text: str) -> List[Tuple[str, str]]:
    """What name and version ``foo-bar-1.0-1`` could be: a version begins with a digit."""
    parts = text.split("-")
    return [
        ("-".join(parts[:end]), "-".join(parts[end:]))
        for end in range(len(parts) - 1, max(len(parts) - 3, 0), -1)
        if parts[end][:1].isdigit()
    ]


def read_installed(wanted: Sequence[Wanted], root: str) -> List[Rpm]:
    """Ask rpm for what tasks name, with or without a version."""
    names = {each.name for each in wanted}
    names |= {name for each in wanted for name, _ in name_candidates(each.name)}
    return _query(sorted(names), root)


def read_provided(wanted: Wanted, root: str) -> List[Rpm]:
    """The installed packages that provide what a task names."""
    return _query(["--whatprovides", wanted.name], root)


def read_all(root: str) -> List[Rpm]:
    return parse_rpms(_rpm(["-qa", "--queryformat", _FORMAT], root))


def read_file(path: str) -> Rpm:
    """Ask rpm what a file is; ``Failed`` if it is no package."""
    if not os.path.exists(path):
        text = f"Error occurred attempting remote rpm operation: Could not open: {path}"
        raise Failed(text, rc=1, results=[])
    program = _required()
    finished = run_command([program, "-qp", "--nosignature", "--queryformat", _FORMAT, path])
    found = parse_rpms(finished.stdout)
    if finished.rc or not found:
        text = f"Error occurred attempting remote rpm operation: {finished.stderr.strip()}"
        raise Failed(text, rc=1, results=[])
    return found[0]


def parse_rpms(text: str) -> List[Rpm]:
    """Read rpm's lines; a line that says that something is not installed is none of them."""
    rows = [line.split("\t") for line in text.splitlines()]
    return [Rpm(*row) for row in rows if len(row) == len(Rpm._fields)]


def is_installed(wanted: Wanted, installed: Iterable[Rpm], provided: Iterable[Rpm] = ()) -> bool:
    """Whether what a task asks for is there; any provider will do if no version is asked for."""
    return bool(_find(wanted, installed)) or (not wanted.relation and bool(list(provided)))


def is_newer_installed(wanted: Wanted, installed: Sequence[Rpm]) -> bool:
    """Whether a newer version is there than the one that a task names."""
    for name, version in name_candidates(wanted.name):
        here = [each for each in installed if each.name == name]
        if here:
            asked = (
                version.rpartition(".")[0] if version.endswith(here[0].architecture) else version
            )
            return any(_compare_to(each, asked) > 0 for each in here)
    return False


def _find(wanted: Wanted, installed: Iterable[Rpm]) -> List[Rpm]:
    if not wanted.relation:
        return [each for each in installed if wanted.text in each.forms()]
    fits = {"<": (-1,), "<=": (-1, 0), "=": (0,), ">=": (0, 1), ">": (1,)}[wanted.relation]
    return [
        each
        for each in installed
        if wanted.name in (each.name, f"{each.name}.{each.architecture}")
        and _compare_to(each, wanted.version) in fits
    ]


def matching(pattern: str, installed: Iterable[Rpm]) -> List[Rpm]:
    """The packages that a wildcard means."""
    return [
        each
        for each in installed
        if any(fnmatch.fnmatchcase(form, pattern) for form in each.forms())
    ]


def _compare_to(rpm: Rpm, text: str) -> int:
    """Compare with ``[epoch:]version[-release]``; what is not said is equal."""
    epoch, has_epoch, rest = text.rpartition(":")
    version, _, release = rest.partition("-")
    if has_epoch and compare_versions(rpm.epoch, epoch):
        return compare_versions(rpm.epoch, epoch)
    order = compare_versions(rpm.version, version)
    return order or (compare_versions(rpm.release, release) if release else 0)


def compare_rpms(first: Rpm, second: Rpm) -> int:
    """-1, 0 or 1: which of two packages of a name is newer."""
    pairs = zip(first[1:4], second[1:4])
    return next((order for order in (compare_versions(*pair) for pair in pairs) if order), 0)


def compare_versions(first: str, second: str) -> int:
    """-1, 0 or 1, as rpm orders versions: numbers as numbers, ``~`` before all, ``^`` after."""
    if first == second:
        return 0
    ours, theirs = _RUN.findall(first), _RUN.findall(second)
    for index in range(max(len(ours), len(theirs))):
        one = ours[index] if index < len(ours) else None
        other = theirs[index] if index < len(theirs) else None
        order = _compare_runs(one, other)
        if order:
            return order
    return 0


def _compare_runs(one: Optional[str], other: Optional[str]) -> int:
    if one == other:
        return 0
    if "~" in (one, other):
        return -1 if one == "~" else 1
    if one is None or other is None:
        return -1 if one is None else 1
    if "^" in (one, other):
        return -1 if one == "^" else 1
    if one.isdigit() and other.isdigit():
        return (int(one) > int(other)) - (int(one) < int(other))
    if one.isdigit() or other.isdigit():
        # A number is newer than a word.
        return 1 if one.isdigit() else -1
    return (one > other) - (one < other)


def difference(before: Iterable[Rpm], after: Iterable[Rpm]) -> Dict[str, List[str]]:
    """What came and what went between two looks."""
    old, new = set(before), set(after)
    return {
        "Installed": sorted(str(each) for each in new - old),
        "Removed": sorted(str(each) for each in old - new),
    }


def _query(arguments: List[str], root: str) -> List[Rpm]:
    # A name that is none of rpm's must not be an option to it.
    safe = [each for each in arguments if each == "--whatprovides" or not each.startswith("-")]
    found = parse_rpms(_rpm(["-q", "--queryformat", _FORMAT, *safe], root)) if safe else []
    return sorted(set(found))


def _rpm(arguments: List[str], root: str) -> str:
    chosen = [] if root == "/" else ["--root", root]
    # Its exit status is how many of the names it does not know.
    return run_command([_required(), *chosen, *arguments]).stdout


def _required() -> str:
    program = find_program("rpm")
    if program is None:
        raise Failed('Failed to find required executable "rpm"', results=[])
    return program
