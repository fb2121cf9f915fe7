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


def find_missing(programs: Iterable[str] = tuple(PROGRAMS)) -> list[str]:
    """Return the Debian packages of the programs that are not there."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    missing = {PROGRAMS[name] for name in programs if shutil.which(name, path=path) is None}
    return sorted(missing)


def say_what_machines_need() -> str | None:
    """Return why there can be no lab here, with what to do; ``None`` when there can."""
    if missing := find_missing():
        return f"the lab needs: apt-get install --no-install-recommends {' '.join(missing)}"
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
    if missing := find_missing(PROGRAMS_OF_SSHD):
        return f"needs: apt-get install --no-install-recommends {' '.join(missing)}"
    return None
