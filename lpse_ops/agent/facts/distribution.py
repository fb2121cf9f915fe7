"""Which distribution a host runs and what family it is of, in Ansible's words."""

import re
from typing import Any, Dict

from lpse_ops.agent.facts.hostfiles import parse_assignments, read_text

# ID of os-release -> name in Ansible's facts.
_NAMES = {
    "almalinux": "AlmaLinux",
    "alpine": "Alpine",
    "amzn": "Amazon",
    "arch": "Archlinux",
    "astra": "Astra Linux",
    "centos": "CentOS",
    "debian": "Debian",
    "devuan": "Devuan",
    "fedora": "Fedora",
    "gentoo": "Gentoo",
    "kali": "Kali",
    "linuxmint": "Linux Mint",
    "nixos": "NixOS",
    "ol": "OracleLinux",
    "openEuler": "openEuler",
    "opensuse-leap": "openSUSE Leap",
    "opensuse-tumbleweed": "openSUSE Tumbleweed",
    "pop": "Pop!_OS",
    "raspbian": "Raspbian",
    "rhel": "RedHat",
    "rocky": "Rocky",
    "scientific": "Scientific",
    "sled": "SLED",
    "sles": "SLES",
    "ubuntu": "Ubuntu",
    "virtuozzo": "Virtuozzo",
}
_FAMILIES = {
    "Alpine": ["Alpine"],
    "Archlinux": ["Archlinux"],
    "Debian": ["Debian", "Devuan", "Kali", "Linux Mint", "Pop!_OS", "Raspbian", "Ubuntu"],
    "Gentoo": ["Gentoo"],
    "NixOS": ["NixOS"],
    "RedHat": [
        *("AlmaLinux", "Amazon", "CentOS", "Fedora", "OracleLinux", "RedHat", "Rocky"),
        *("Scientific", "Virtuozzo", "openEuler"),
    ],
    "Suse": ["SLED", "SLES", "openSUSE Leap", "openSUSE Tumbleweed"],
}
# A family by what ID_LIKE says, for distributions that we have never heard of.
_LIKE = {"debian": "Debian", "ubuntu": "Debian", "rhel": "RedHat", "fedora": "RedHat"}
_LIKE.update({"centos": "RedHat", "suse": "Suse", "arch": "Archlinux"})
# Distributions whose own file says more than os-release.
_RELEASE_FILES = {"CentOS": "/etc/centos-release", "Amazon": "/etc/os-release"}
_REDHAT_RELEASE = "/etc/redhat-release"


def read_distribution(root: str = "/") -> Dict[str, Any]:
    """Read ``distribution*`` and ``os_family``; below ``root`` are the host's files."""
    os_release = read_text(root + "etc/os-release") or read_text(root + "usr/lib/os-release")
    known = parse_assignments(os_release)
    family = family_of(name_of(known), known.get("ID_LIKE", ""))
    facts = parse_distribution(known, read_text(root + "etc/debian_version"))
    if family == "RedHat":
        facts.update(_parse_redhat(facts, read_text(root + _REDHAT_RELEASE[1:])))
    facts["os_family"] = family
    return facts


def name_of(known: Dict[str, str]) -> str:
    identity = known.get("ID", "")
    return _NAMES.get(identity, known.get("NAME", "").split(" ")[0] or identity or "Linux")


def family_of(name: str, like: str) -> str:
    """Family of a distribution; one of its own when nothing is known about it."""
    for family, members in _FAMILIES.items():
        if name in members:
            return family
    return next((_LIKE[word] for word in like.split() if word in _LIKE), name)


def parse_distribution(known: Dict[str, str], debian_version: str) -> Dict[str, Any]:
    """Decide the facts from os-release; Debian tells its point release elsewhere."""
    name = name_of(known)
    version = known.get("VERSION_ID", "NA")
    if name == "Debian" and re.match(r"\d+\.\d+", debian_version):
        version = debian_version
    major, _, minor = version.partition(".")
    facts: Dict[str, Any] = {
        "distribution": name,
        "distribution_version": version,
        "distribution_major_version": major,
        "distribution_release": known.get("VERSION_CODENAME") or _codename(known),
        "distribution_file_path": "/etc/os-release",
        "distribution_file_variety": "Debian" if name in _FAMILIES["Debian"] else name,
        "distribution_file_parsed": True,
    }
    if name == "Debian" and minor:
        facts["distribution_minor_version"] = minor
    return facts


def _codename(known: Dict[str, str]) -> str:
    found = re.search(r"\(([^)]+)\)", known.get("VERSION", ""))
    return found.group(1) if found else "NA"


def _parse_redhat(facts: Dict[str, Any], release: str) -> Dict[str, Any]:
    """What /etc/redhat-release adds: the point release and the code name in parentheses."""
    if not release:
        return {}
    more = {}
    version = re.search(r"\d+(?:\.\d+)+", release)
    if version and facts["distribution"] == "CentOS":
        more["distribution_version"] = ".".join(version.group().split(".")[:2])
    codename = re.search(r"\(([^)]+)\)", release)
    if codename:
        more["distribution_release"] = codename.group(1)
    elif "Stream" in release:
        more["distribution_release"] = "Stream"
    more["distribution_file_path"] = _RELEASE_FILES.get(facts["distribution"], _REDHAT_RELEASE)
    more["distribution_file_variety"] = (
        facts["distribution"] if facts["distribution"] in _RELEASE_FILES else "RedHat"
    )
    if facts["distribution"] == "RedHat":
        more["distribution_file_search_string"] = "Red Hat"
    return more
