"""The disk that every host begins with: Debian bookworm, made once by mmdebstrap and cached.

The packages come from where this machine gets its own; which place that is stays in the cache,
outside the tree.  ``python -m tests.lab build`` prints the folder.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.lab.accounts import ACCOUNTS, ROOT_PASSWORD, Account
from tests.lab.packages import write_archive
from tests.restic_binaries import find_debian_archives, render_sources

SUITE = "bookworm"
PACKAGES = [
    "acl",
    "attr",
    "ca-certificates",
    "cron",
    "curl",
    "dbus",
    "e2fsprogs",
    "gnupg",
    "ifupdown",
    "iproute2",
    "iputils-ping",
    "kmod",
    "libnss-systemd",
    "libpam-systemd",
    "locales",
    "logrotate",
    "netbase",
    "nftables",
    "openssh-server",
    "procps",
    "python3",
    "python3-apt",
    "rsyslog",
    "sudo",
    "systemd",
    "systemd-sysv",
    "tzdata",
    "unzip",
]
# Where a host has the sources of Debian itself: ``Host.reach_debian`` puts them in use.
DEBIAN_SOURCES = Path("/etc/apt/debian.sources")
# They want the network, a console, or more time than a test has.
MASKED_UNITS = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "console-getty.service",
    "e2scrub_all.timer",
    "systemd-pstore.service",
)


def find_base() -> Path:
    """Return the cached disk; the first one to ask builds it (half a minute), others wait."""
    cache = cache_folder()
    base = cache / f"base-{_fingerprint()}"
    with _lock(cache / "build.lock"):
        if not base.is_dir():
            _build(base)
            _remove_others(base)
    return base


@contextlib.contextmanager
def base_in_use(base: Path) -> Iterator[Path]:
    """Keep the disk from being removed by who builds a newer one."""
    with _lock(base.with_suffix(".lock"), shared=True):
        yield base


def cache_folder() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "lpse-ops-tests" / "lab"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _fingerprint() -> str:
    """A hash of what the disk is made of: packages, accounts and this recipe itself."""
    recipe = hashlib.sha256()
    for module in ("base.py", "accounts.py", "packages.py"):
        recipe.update(Path(__file__).with_name(module).read_bytes())
    return recipe.hexdigest()[:12]


@contextlib.contextmanager
def _lock(path: Path, *, shared: bool = False) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


def _build(base: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="new-", dir=base.parent) as scratch:
        root = Path(scratch) / "root"
        _bootstrap(root, Path(scratch))
        _settle(root)
        for account in ACCOUNTS:
            _add_account(root, account)
        _set_password(root, "root", ROOT_PASSWORD)
        _keep_sources_aside(root)
        write_archive(root)
        _run_inside(root, "apt-get", "update", "-q")
        # Not before the last file is there: half a disk must not be taken for a whole one.
        root.rename(base)


def _bootstrap(root: Path, scratch: Path) -> None:
    sources = scratch / "machine.sources"
    sources.write_text(render_sources(find_debian_archives(), [SUITE]) + "\n")
    options = scratch / "apt.conf"
    options.write_text(_fetch_options() + 'APT::Install-Recommends "false";\n')
    argv: list[str | Path] = [
        "mmdebstrap",
        "--quiet",
        "--mode=root",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        f"--aptopt={options}",
        SUITE,
        root,
        sources,
    ]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"mmdebstrap: {done.stderr}")


def _fetch_options() -> str:
    """This machine's own way to its archives: proxies, dates that are not checked."""
    argv = ["apt-config", "dump", "--no-empty", "--format", '%F "%v";%n', "Acquire"]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def _settle(root: Path) -> None:
    """Take out what a host makes for itself or must not have in common with others."""
    for pattern in ("etc/ssh/ssh_host_*", "var/lib/dbus/machine-id", "etc/apt/apt.conf.d/99mm*"):
        for file in root.glob(pattern):
            file.unlink()
    (root / "etc/machine-id").write_text("")
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    (root / "etc/resolv.conf").write_text("")
    (root / "etc/network/interfaces").write_text("auto lo\niface lo inet loopback\n")
    # The disks are thrown away: no fsync for every file.
    (root / "etc/dpkg/dpkg.cfg.d/lab").write_text("force-unsafe-io\n")
    for unit in MASKED_UNITS:
        (root / "etc/systemd/system" / unit).symlink_to("/dev/null")


def _add_account(root: Path, account: Account) -> None:
    group = ["--gid", account.group] if account.group else ["--user-group"]
    _run_inside(root, "useradd", "--create-home", "--shell=/bin/bash", *group, account.name)
    if account.password:
        _set_password(root, account.name, account.password)
    if account.sudoers:
        file = root / "etc/sudoers.d" / f"lab-{account.name}"
        file.write_text(account.sudoers + "\n")
        file.chmod(0o440)


def _set_password(root: Path, name: str, password: str) -> None:
    _run_inside(root, "chpasswd", stdin=f"{name}:{password}\n")


def _keep_sources_aside(root: Path) -> None:
    """Debian's own archives are out of a host's reach, until the lab's proxy is asked for."""
    aside = root / DEBIAN_SOURCES.relative_to("/")
    for sources in (root / "etc/apt/sources.list.d").iterdir():
        sources.rename(aside)
    (root / "etc/apt/sources.list").unlink(missing_ok=True)


def _run_inside(root: Path, *argv: str, stdin: str = "") -> None:
    command: list[str | Path] = ["chroot", root, *argv]
    subprocess.run(command, check=True, input=stdin, text=True, stdout=subprocess.DEVNULL)


def _remove_others(base: Path) -> None:
    """Remove the disks of older recipes, but for those that hosts still run on."""
    for other in base.parent.glob("base-*"):
        if other.is_dir() and other != base:
            lock = other.with_suffix(".lock")
            with lock.open("w") as file, contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(other)
                lock.unlink()
