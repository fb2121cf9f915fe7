"""All packages that are installed, as facts: from dpkg with apt's origins, or from rpm.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import re
from typing import Any, Dict, Iterable, List, Tuple

from lpse_ops.agent.commands import SYSTEM_FOLDERS, find_program, run_command
from lpse_ops.agent.context import Failed

Package = Dict[str, Any]
# A version and where it comes from, the first place that apt names.
Sources = Dict[Tuple[str, str], str]

_DPKG_FORMAT = "${Package}\t${Architecture}\t${db:Status-Status}\t${Version}\t${Section}\n"
_NOT_HERE = ("not-installed", "config-files")
_RPM_FORMAT = "%{NAME}\t%{VERSION}\t%{RELEASE}\t%{EPOCH}\t%{ARCH}\n"
_VERSION_LINE = re.compile(r" (?:\*\*\*|   ) (\S+)")
_SOURCE_LINE = re.compile(r" {8}\s*-?\d+ (.+)")
_FILE_LINE = re.compile(r"\s*-?\d+ (\S.*)")
# A command line has room for far more.
_NAMES_AT_A_TIME = 2000


def read_debian() -> List[Package]:
    """Ask dpkg, and apt where each package is from; ``Failed`` if this is no Debian."""
    find_required("apt-get")
    packages = parse_dpkg(_output(["dpkg-query", "--show", "--showformat", _DPKG_FORMAT]))
    origins = parse_origins(_output(["apt-cache", "policy"]))
    names = [package["name"] for package in packages]
    sources: Sources = {}
    for start in range(0, len(names), _NAMES_AT_A_TIME):
        some = names[start : start + _NAMES_AT_A_TIME]
        sources.update(parse_sources(_output(["apt-cache", "policy", "--", *some])))
    for package in packages:
        source = sources.get((package["name"], package["version"]), "")
        package["origin"] = origins.get(source, "")
    return packages


def parse_dpkg(text: str) -> List[Package]:
    """Read dpkg-query's lines; one of a foreign architecture has that in its name."""
    lines = [line.split("\t") for line in text.splitlines()]
    native = next((line[1] for line in lines if line[0] == "dpkg"), "")
    return [
        {
            "name": name if architecture in (native, "all") else f"{name}:{architecture}",
            "version": version,
            "arch": architecture,
            "category": section,
        }
        for name, architecture, state, version, section in lines
        if state not in _NOT_HERE
    ]


def parse_origins(text: str) -> Dict[str, str]:
    """Which origin apt's lists have, by the place that they are from."""
    origins: Dict[str, str] = {}
    place = ""
    for line in text.partition("\nPinned packages:")[0].splitlines():
        found = _FILE_LINE.match(line)
        if found:
            place = found.group(1)
        elif line.strip().startswith("release "):
            fields = dict(re.findall(r"(?:^|,)(\w)=([^,]*)", line.strip()[len("release ") :]))
            origins[place] = fields.get("o", "")
    return origins


def parse_sources(text: str) -> Sources:
    """Where each version of each package is from, out of ``apt-cache policy NAME...``."""
    sources: Sources = {}
    name = version = ""
    for line in text.splitlines():
        table = _VERSION_LINE.match(line)
        source = _SOURCE_LINE.match(line)
        if line and not line.startswith(" "):
            name = line.rstrip(":")
        elif table:
            version = table.group(1)
        elif source:
            sources.setdefault((name, version), source.group(1))
    return sources


def read_rpm() -> List[Package]:
    """Ask rpm; ``Failed`` if the host has none."""
    return list(parse_rpm(_output(["rpm", "-qa", "--queryformat", _RPM_FORMAT])))


def parse_rpm(text: str) -> Iterable[Package]:
    """Read rpm's lines; what a package does not have is the word None, as Ansible has it."""
    for line in text.splitlines():
        values = ["None" if value == "(none)" else value for value in line.split("\t")]
        yield dict(zip(("name", "version", "release", "epoch", "arch"), values))


def find_required(name: str) -> str:
    """The path of a program that must be there."""
    # Where they are, whatever PATH a task has.
    program = find_program(name, (*SYSTEM_FOLDERS, "/usr/bin", "/bin"))
    if program is None:
        raise Failed(f'Failed to find required executable "{name}"')
    return program


def _output(argv: List[str]) -> str:
    program = find_required(argv[0])
    try:
        finished = run_command([program, *argv[1:]])
    except OSError as error:
        raise Failed(f"cannot run {program}: {error.strerror}") from error
    if finished.rc:
        raise Failed(f"{argv[0]} failed: {finished.stderr.strip()}", rc=finished.rc)
    return finished.stdout
