"""What the machine must have for the lab, and what to type when it has not."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

# Program -> Debian package.
PROGRAMS = {
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "nsenter": "util-linux",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "sshd": "openssh-server",
    "systemd-nspawn": "systemd-container",
    "unshare": "util-linux",
}
PROGRAMS_OF_SSHD = ("ssh", "ssh-keygen", "sshd")


def say_missing(programs: Iterable[str], path: str) -> str | None:
    """Return what to type for the programs that are in no folder of the path."""
    missing = {PROGRAMS[name] for name in programs if shutil.which(name, path=path) is None}
    if not missing:
        return None
    return f"needs: apt-get install --no-install-recommends {' '.join(sorted(missing))}"


def say_what_machines_need() -> str | None:
    """Return why there can be no lab here, with what to do; ``None`` when there can."""
    if missing := say_missing(PROGRAMS, _own_path()):
        return f"the lab {missing}"
    if os.geteuid() != 0:
        return "the lab needs root"
    if not _may_mount():
        return "the lab needs to mount: start the container with --privileged"
    if not Path("/dev/net/tun").exists():
        return "the lab needs /dev/net/tun: mknod it, or give the container that device"
    return None


def _may_mount() -> bool:
    argv = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/run"]
    return subprocess.run(argv, capture_output=True).returncode == 0


def say_what_sshd_needs() -> str | None:
    return say_missing(PROGRAMS_OF_SSHD, _own_path())


def _own_path() -> str:
    return os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
