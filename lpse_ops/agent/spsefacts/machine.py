"""The machine itself: system, memory, reboots that wait, confinement, units.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import os
import platform
import re
import socket
from typing import Any, Dict, List, Optional

from lpse_ops.agent.facts.distribution import name_of
from lpse_ops.agent.facts.hostfiles import list_folder, parse_assignments, read_lines, read_text
from lpse_ops.agent.spsefacts.programs import Programs

_NUMBERS = re.compile(r"\d+")
_SELINUX = "/sys/fs/selinux"
# What Apache httpd needs to reach SPSE and PostgreSQL.
_BOOLEAN = "httpd_can_network_connect"
_PROPERTIES = "LoadState,ActiveState,UnitFileState,Result,NRestarts"


def read_system() -> Dict[str, Any]:
    known = parse_assignments(read_text("/etc/os-release") or read_text("/usr/lib/os-release"))
    if not known:
        # CentOS 6 has no os-release.
        known = parse_redhat_release(read_text("/etc/redhat-release"))
    return {
        "id": known.get("ID", ""),
        "name": known.get("PRETTY_NAME") or name_of(known),
        "version": known.get("VERSION_ID", ""),
        "is_stream": "stream" in known.get("NAME", "").lower(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "hostname": socket.gethostname(),
        "is_root": os.geteuid() == 0,
    }


def parse_redhat_release(text: str) -> Dict[str, str]:
    """``CentOS release 6.10 (Final)`` as os-release would have it."""
    found = re.match(r"(\w+)\D*(\d+)", text)
    if not found:
        return {}
    return {
        "ID": found.group(1).lower(),
        "VERSION_ID": found.group(2),
        "PRETTY_NAME": text.splitlines()[0],
    }


def read_memory() -> Dict[str, Any]:
    known = parse_meminfo(read_lines("/proc/meminfo"))
    counters = dict(line.split()[:2] for line in read_lines("/proc/vmstat") if " " in line)
    killed = counters.get("oom_kill", "")
    return {
        "total_bytes": known.get("MemTotal"),
        "available_bytes": known.get("MemAvailable"),
        "swap_bytes": known.get("SwapTotal"),
        "out_of_memory_kills": int(killed) if killed.isdigit() else None,
        "cores": os.cpu_count(),
    }


def parse_meminfo(lines: List[str]) -> Dict[str, int]:
    known = {}
    for line in lines:
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            known[name] = int(words[0]) * 1024
    if "MemAvailable" not in known and "MemFree" in known:
        # A kernel before 3.14.
        known["MemAvailable"] = known["MemFree"] + known.get("Cached", 0)
    return known


def read_reboot(programs: Programs) -> Dict[str, Any]:
    """What says that the machine waits for a reboot."""
    kernels = [name[len("vmlinuz-") :] for name in list_folder("/boot") if _is_kernel(name)]
    needs = programs.ask("needs-restarting", "-r", seconds=30)
    return {
        "is_required": os.path.exists("/run/reboot-required"),
        "packages": read_lines("/run/reboot-required.pkgs")[:20],
        "running_kernel": platform.release(),
        "newest_kernel": max(kernels, key=version_key, default=None),
        # 1 is yes, but also what it says when it cannot run.
        "needs_restarting": needs.rc == 1 and "Reboot is required" in needs.stdout,
    }


def _is_kernel(name: str) -> bool:
    return name.startswith("vmlinuz-") and "rescue" not in name


def version_key(version: str) -> List[int]:
    """Kernels in the order of their numbers."""
    return [int(number) for number in _NUMBERS.findall(version)]


def read_confinement() -> Dict[str, Any]:
    enforcing = read_text(f"{_SELINUX}/enforce")
    boolean = read_text(f"{_SELINUX}/booleans/{_BOOLEAN}").split()
    configured = parse_assignments(read_text("/etc/selinux/config"))
    return {
        "selinux": {"1": "enforcing", "0": "permissive"}.get(enforcing, "disabled"),
        "selinux_configured": configured.get("SELINUX", ""),
        "may_httpd_connect": boolean[0] == "1" if boolean else None,
        "apparmor": read_text("/sys/module/apparmor/parameters/enabled") == "Y",
        "apparmor_profiles": len(read_lines("/sys/kernel/security/apparmor/profiles")),
    }


def read_units(programs: Programs, unit: str) -> Dict[str, Any]:
    failed = programs.ask(
        "systemctl", "list-units", "--failed", "--plain", "--no-legend", "--no-pager"
    )
    shown = programs.ask("systemctl", "show", unit, "--property", _PROPERTIES)
    return {
        "failed": parse_failed(failed.stdout) if failed.is_good else None,
        "trouble": "" if failed.is_good else failed.why_not,
        "spse": {
            key: value
            for key, value in parse_assignments(shown.stdout).items()
            if key in _PROPERTIES.split(",")
        },
        "rc_local": find_boot_lines(),
    }


def parse_failed(text: str) -> List[str]:
    rows = (line.replace("\u25cf", " ").split() for line in text.splitlines())
    return [row[0] for row in rows if len(row) >= 3 and "failed" in row[2:4]][:50]


def find_boot_lines(paths: Optional[List[str]] = None) -> List[str]:
    """Where a boot script starts SPSE, as ``FILE:LINE``; what the lines say stays here."""
    seen: Dict[str, str] = {}
    for path in paths or ["/etc/rc.local", "/etc/rc.d/rc.local"]:
        if os.access(path, os.X_OK):
            seen.setdefault(os.path.realpath(path), path)
    return [
        f"{path}:{number}"
        for path in seen.values()
        for number, line in enumerate(read_lines(path), 1)
        if re.match(r"[^#]*\b(spse4|starter\.sh)\b", line)
    ]
