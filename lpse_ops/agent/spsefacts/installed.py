"""SPSE as it is installed: which release, which Java, and whether an upgrade is under way.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import contextlib
import json
import os
import re
import stat
from typing import Any, Dict, Iterator, List, Optional

from lpse_ops.agent.commands import find_program
from lpse_ops.agent.facts.hostfiles import parse_assignments, read_lines, read_text
from lpse_ops.agent.spsefacts.programs import Programs
from lpse_ops.agent.spsefacts.site import Site

_STEP_RUNNER = "/usr/local/lib/lpse-ops/steprunner"
_HEAP = re.compile(r"-Xmx(\d{1,12})([kKmMgG]?)(?![\w])")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_HOME = re.compile(r"\s*(?:export\s+)?JAVA_HOME=[\"']?(/[^\"'\s#;]+)")
_SCRIPTS = ("spse4", "starter.sh")
_MOST_BYTES = 1 << 20


def read_release(site: Site) -> Dict[str, Any]:
    """What stands at the link's place, as ``state``, in the words of ``spse.currentrelease``."""
    told: Dict[str, Any] = {"link": site.link, "site_trouble": site.trouble}
    try:
        status = os.lstat(site.link)
    except FileNotFoundError:
        return dict(told, state="none")
    except OSError as error:
        return dict(told, state="unknown", trouble=error.strerror)
    if stat.S_ISDIR(status.st_mode):
        return dict(told, state="folder", heap_bytes=_find_heap(site.link))
    if not stat.S_ISLNK(status.st_mode):
        return dict(told, state="other")
    target = os.readlink(site.link)
    folder, _, version = target.rpartition("/")
    if folder != site.releases.rstrip("/"):
        return dict(told, state="elsewhere", target=target)
    state = "release" if os.path.isdir(target) else "dangling"
    heap = _find_heap(target) if state == "release" else None
    return dict(told, state=state, version=version, heap_bytes=heap)


def _find_heap(folder: str) -> Optional[int]:
    found = (find_heap(text) for text in _read_scripts(folder))
    return max((each for each in found if each is not None), default=None)


def find_heap(text: str) -> Optional[int]:
    """The most memory that a start script, or a command line, gives to Java's heap."""
    found = [int(size) * _UNITS[unit.lower()] for size, unit in _HEAP.findall(text)]
    return max(found, default=None)


def _read_scripts(folder: str) -> Iterator[str]:
    for name in _SCRIPTS:
        with contextlib.suppress(OSError):
            descriptor = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NONBLOCK)
            with open(descriptor, "rb") as file:
                # The account that SPSE runs as may have put anything there.
                if stat.S_ISREG(os.fstat(descriptor).st_mode):
                    yield file.read(_MOST_BYTES).decode("utf-8", "replace")


def read_java(programs: Programs, site: Site) -> Dict[str, Any]:
    """The Java that runs SPSE, or would.  No program is started: it may be anybody's."""
    running = list(find_running(programs, site.account))
    homes: List[Dict[str, str]] = []
    for pid in running:
        with contextlib.suppress(OSError):
            homes.append({"from": "process", "java": os.readlink(f"/proc/{pid}/exe")})
    if site.java_home:
        homes.append({"from": "site.json", "java": os.path.join(site.java_home, "bin/java")})
    for script in _read_scripts(site.link):
        for home in map(_HOME.match, script.splitlines()):
            if home:
                homes.append({"from": "script", "java": home.group(1) + "/bin/java"})
    in_path = find_program("java")
    if in_path:
        homes.append({"from": "PATH", "java": in_path})
    found = [dict(home, **describe_java(home["java"])) for home in homes]
    return {
        "found": found,
        "running": len(running),
        "resident_bytes": sum(map(_resident_bytes, running)),
        "heap_bytes": max(filter(None, map(_heap_of, running)), default=None),
    }


def describe_java(path: str) -> Dict[str, Any]:
    """Version and place of a Java, by the file ``release`` of its folder."""
    real = os.path.realpath(path)
    told: Dict[str, Any] = {"path": real, "is_there": os.access(real, os.X_OK), "version": ""}
    home = os.path.dirname(os.path.dirname(real))
    for folder in (home, os.path.dirname(home)):
        known = parse_assignments(read_text(os.path.join(folder, "release")))
        if known.get("JAVA_VERSION"):
            return dict(told, version=known["JAVA_VERSION"][:40])
    return told


def find_running(programs: Programs, account: str) -> Iterator[str]:
    """Numbers of the Java processes of an account."""
    ran = programs.ask("pgrep", "-u", account, "-x", "java")
    return (each for each in ran.stdout.split() if each.isdigit())


def _heap_of(pid: str) -> Optional[int]:
    return find_heap(read_text(f"/proc/{pid}/cmdline").replace("\0", " "))


def _resident_bytes(pid: str) -> int:
    for line in read_lines(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def read_upgrade(programs: Programs, runner: str = _STEP_RUNNER) -> Dict[str, Any]:
    """What the step runner says of the last upgrade; ``phase`` is ``none`` where none began."""
    if not os.path.exists(runner):
        return {"phase": "none", "is_installed": False}
    ran = programs.ask("/usr/bin/python3", "-IB", runner, "--format", "json", "status", seconds=20)
    try:
        value = json.loads(ran.stdout)
        return {
            "phase": str(value["phase"]),
            "step": value.get("step") and str(value["step"]),
            "id": str(value.get("id", ""))[:64],
            "is_installed": True,
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        return {"phase": "unknown", "trouble": ran.why_not, "is_installed": True}
