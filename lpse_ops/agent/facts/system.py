"""Init system, package manager, security modules, boot arguments and host keys."""

import glob
import os
from typing import Any, Dict, List, Optional

from lpse_ops.agent.commands import find_program, run_command
from lpse_ops.agent.facts.hostfiles import parse_assignments, read_lines, read_text

_INIT_NAMES = {
    "openrc-init": "openrc",
    "procd": "openwrt_init",
    "runit-init": "runit",
    "svscan": "svc",
}
_PACKAGE_MANAGERS = (
    ("/usr/bin/apt-get", "apt"),
    ("/usr/bin/dnf5", "dnf5"),
    ("/usr/bin/dnf", "dnf"),
    ("/usr/bin/dnf-3", "dnf"),
    ("/usr/bin/yum", "yum"),
    ("/usr/bin/zypper", "zypper"),
    ("/usr/bin/pacman", "pacman"),
    ("/sbin/apk", "apk"),
    ("/usr/bin/emerge", "portage"),
    ("/usr/bin/xbps-install", "xbps"),
)
# A Debian host may have dnf for building images, and the other way round.
_FAMILY_MANAGERS = {
    "Debian": ("apt",),
    "RedHat": ("dnf5", "dnf", "yum"),
    "Suse": ("zypper",),
}


def read_service_manager() -> Dict[str, Any]:
    """The fact ``service_mgr``: who is process 1, or else which init is installed."""
    first = os.path.basename(read_text("/proc/1/comm"))
    return {"service_mgr": decide_service_manager(first, os.path.exists)}


def decide_service_manager(first_process: str, exists: Any) -> str:
    """Name the init system; ``exists`` answers whether a path is there."""
    if first_process and first_process != "init" and not first_process.endswith("sh"):
        return _INIT_NAMES.get(first_process, first_process)
    if exists("/run/systemd/system/") or exists("/dev/.run/systemd/"):
        return "systemd"
    if exists("/sbin/initctl") and exists("/etc/init/"):
        return "upstart"
    if exists("/sbin/openrc"):
        return "openrc"
    if os.path.basename(os.path.realpath("/sbin/init")) == "systemd":
        return "systemd"
    return "sysvinit" if exists("/etc/init.d/") else "service"


def decide_package_manager(family: str, exists: Any) -> str:
    """Name the package manager; the family's own one wins over others that are installed."""
    found = [name for path, name in _PACKAGE_MANAGERS if exists(path)]
    own = [name for name in found if name in _FAMILY_MANAGERS.get(family, ())]
    return (own or found or ["unknown"])[0]


def read_apparmor() -> Dict[str, Any]:
    is_there = os.path.exists("/sys/kernel/security/apparmor")
    return {"apparmor": {"status": "enabled" if is_there else "disabled"}}


def read_selinux(root: str = "/sys/fs/selinux/") -> Dict[str, Any]:
    """The fact ``selinux``, read from the kernel: no Python library is needed on the host."""
    if not os.path.exists(root + "enforce"):
        return {"selinux": {"status": "disabled"}, "selinux_python_present": True}
    configured = parse_assignments(read_text("/etc/selinux/config"))
    facts = {
        "status": "enabled",
        "mode": "enforcing" if read_text(root + "enforce") == "1" else "permissive",
        "config_mode": configured.get("SELINUX", "unknown"),
        "type": configured.get("SELINUXTYPE", "unknown"),
        "policyvers": int(read_text(root + "policyvers", "0")),
    }
    return {"selinux": facts, "selinux_python_present": True}


def read_fips() -> Dict[str, Any]:
    return {"fips": read_text("/proc/sys/crypto/fips_enabled") == "1"}


def read_command_line() -> Dict[str, Any]:
    """What the kernel was started with: once with the last, once with all values of a name."""
    return parse_command_line(read_text("/proc/cmdline"))


def parse_command_line(line: str) -> Dict[str, Any]:
    last: Dict[str, Any] = {}
    every: Dict[str, Any] = {}
    for word in _split_quoted(line):
        name, equals, text = word.partition("=")
        value = text if equals else True
        if name not in every:
            every[name] = value
        elif isinstance(every[name], list):
            every[name].append(value)
        else:
            every[name] = [every[name], value]
        last[name] = value
    return {"cmdline": last, "proc_cmdline": every}


def _split_quoted(line: str) -> List[str]:
    words = [""]
    quoted = False
    for letter in line:
        if letter == '"':
            quoted = not quoted
        if letter.isspace() and not quoted:
            words.append("")
        else:
            words[-1] += letter
    return [word for word in words if word]


def read_host_keys() -> Dict[str, Any]:
    """Public halves of the keys by which clients know this host."""
    facts = {}
    for path in sorted(glob.glob("/etc/ssh/ssh_host_*_key.pub")):
        words = read_text(path).split()
        kind = os.path.basename(path)[len("ssh_host_") : -len("_key.pub")]
        if len(words) >= 2:
            fact = f"ssh_host_key_{kind}_public"
            facts[fact + "_keytype"], facts[fact] = words[:2]
    return facts


def read_lsb() -> Dict[str, Any]:
    """What lsb_release says, or its file; empty where there is neither."""
    known = parse_assignments("\n".join(read_lines("/etc/lsb-release")))
    facts: Dict[str, Optional[str]] = {
        "id": known.get("DISTRIB_ID"),
        "release": known.get("DISTRIB_RELEASE"),
        "description": known.get("DISTRIB_DESCRIPTION"),
        "codename": known.get("DISTRIB_CODENAME"),
    }
    program = None if facts["id"] else find_program("lsb_release")
    if program:
        facts = parse_lsb(run_command([program, "-a"]).stdout)
    lsb = {key: value for key, value in facts.items() if value}
    if "release" in lsb:
        lsb["major_release"] = str(lsb["release"]).partition(".")[0]
    return {"lsb": lsb}


def parse_lsb(text: str) -> Dict[str, Optional[str]]:
    """Read ``Distributor ID: Debian`` and the like."""
    pairs = (line.partition(":") for line in text.splitlines())
    known = {key: value.strip() for key, _, value in pairs}
    names = {"id": "Distributor ID", "release": "Release", "description": "Description"}
    names["codename"] = "Codename"
    return {fact: known.get(label) for fact, label in names.items()}


def read_is_chroot() -> Dict[str, Any]:
    """Whether our root folder is another one than that of process 1."""
    try:
        ours, theirs = os.stat("/"), os.stat("/proc/1/root/.")
    except OSError:
        return {"is_chroot": os.stat("/").st_ino not in (2, 128, 256)}
    return {"is_chroot": (ours.st_dev, ours.st_ino) != (theirs.st_dev, theirs.st_ino)}


def read_systemd() -> Dict[str, Any]:
    """Version and features of systemd, where it runs."""
    program = find_program("systemctl")
    if program is None or not os.path.isdir("/run/systemd/system"):
        return {}
    return parse_systemd(run_command([program, "--version"]).stdout)


def parse_systemd(text: str) -> Dict[str, Any]:
    """Read ``systemd 252 (252.38)`` and the line of features after it."""
    lines = text.splitlines()
    words = lines[0].split() if lines else []
    if len(words) < 2 or not words[1].isdigit():
        return {}
    features = lines[1] if len(lines) > 1 else ""
    return {"systemd": {"version": int(words[1]), "features": features}}


def read_package_manager(family: str) -> Dict[str, Any]:
    return {"pkg_mgr": decide_package_manager(family, os.path.exists)}
