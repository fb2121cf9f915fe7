"""A real sshd on loopback with keys and a home of its own: the quick host of most tests.

It runs as the account of the tests and lets only that account in, by key.  ``HOME`` is a fresh
folder, so that nobody's ``.bashrc`` is read and nothing is left in it; all else is this machine.
"""

import contextlib
import functools
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.leash import Leash, leashed

_PRIVILEGE_SEPARATION_FOLDER = Path("/run/sshd")
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Sshd:
    """A running sshd, and all that a client needs to know."""

    port: int
    folder: Path
    user: str
    host: str = "127.0.0.1"

    @property
    def key_file(self) -> Path:
        """The private key that logs in."""
        return self.folder / "client_key"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def host_key(self) -> str:
        """Kind and base64 of the host's public key."""
        return _public_key(self.folder / "host_key")

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def ssh_config(self) -> Path:
        """For ``ssh -F``: the host is called ``quick``."""
        return self.folder / "ssh_config"

    def ssh_argv(self, *command: str) -> list[str]:
        return ["ssh", "-F", str(self.ssh_config), "quick", *command]

    def ansible_variables(self) -> dict[str, str | int]:
        """What an inventory says of this host."""
        return {
            "ansible_host": self.host,
            "ansible_port": self.port,
            "ansible_user": self.user,
            "ansible_ssh_private_key_file": str(self.key_file),
            "ansible_ssh_common_args": f"-F {self.ssh_config}",
        }

    def log(self) -> str:
        return (self.folder / "sshd.log").read_text(errors="replace")


@contextlib.contextmanager
def open_sshd(folder: Path, *, settings: Mapping[str, str] | None = None) -> Iterator[Sshd]:
    """Start sshd with its files in ``folder``, which is made; end it with all its sessions.

    ``settings`` are lines of ``sshd_config(5)`` that take the place of ours.
    """
    folder.mkdir(mode=0o700)
    (folder / "home").mkdir()
    make_key(folder / "host_key")
    make_key(folder / "client_key")
    shutil.copy(folder / "client_key.pub", folder / "authorized_keys")
    with contextlib.suppress(FileExistsError, PermissionError):
        _PRIVILEGE_SEPARATION_FOLDER.mkdir(mode=0o755)
    while True:
        sshd = Sshd(free_port(), folder, pwd.getpwuid(os.geteuid()).pw_name)
        _write_files(sshd, settings or {})
        with _start(sshd) as leash:
            if _wait_until_up(sshd, leash):
                yield sshd
                return


def free_port() -> int:
    """A port of loopback that nobody has just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def make_key(file: Path, kind: str = "ed25519") -> None:
    argv = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", file.name, "-f", str(file)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def find_sshd() -> str | None:
    return shutil.which("sshd", path=os.pathsep.join((os.environ["PATH"], "/usr/sbin")))


def render_config(sshd: Sshd, settings: Mapping[str, str]) -> str:
    """Return the text of ``sshd_config``: first come, first served."""
    ours = {
        "Port": str(sshd.port),
        "ListenAddress": sshd.host,
        "HostKey": str(sshd.folder / "host_key"),
        "AuthorizedKeysFile": str(sshd.folder / "authorized_keys"),
        "PidFile": "none",
        "PermitRootLogin": "prohibit-password",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "UsePAM": "no",
        "UseDNS": "no",
        # The folder of pytest belongs to whom it belongs.
        "StrictModes": "no",
        "PrintMotd": "no",
        "LogLevel": "VERBOSE",
        "MaxStartups": "100",
        "AcceptEnv": "LANG LC_*",
        "Subsystem": "sftp internal-sftp",
    }
    # A client that a test has let fail again and again is to be let in all the same.
    if _knows_penalties():
        ours["PerSourcePenalties"] = "no"
    ours["SetEnv"] = f"HOME={sshd.home}"
    return "".join(f"{name} {value}\n" for name, value in {**ours, **settings}.items())


def _write_files(sshd: Sshd, settings: Mapping[str, str]) -> None:
    (sshd.folder / "sshd_config").write_text(render_config(sshd, settings))
    sshd.known_hosts.write_text(f"[{sshd.host}]:{sshd.port} {sshd.host_key}\n")
    sshd.ssh_config.write_text(
        f"Host quick\n  HostName {sshd.host}\n  Port {sshd.port}\n  User {sshd.user}\n"
        f"Host *\n  IdentityFile {sshd.key_file}\n  IdentitiesOnly yes\n  IdentityAgent none\n"
        f"  UserKnownHostsFile {sshd.known_hosts}\n  GlobalKnownHostsFile /dev/null\n"
        "  StrictHostKeyChecking yes\n  BatchMode yes\n  LogLevel ERROR\n"
    )


@contextlib.contextmanager
def _start(sshd: Sshd) -> Iterator[Leash]:
    program = find_sshd()
    if program is None:
        raise RuntimeError("there is no sshd: apt-get install openssh-server")
    argv = [program, "-D", "-e", "-f", str(sshd.folder / "sshd_config")]
    with (sshd.folder / "sshd.log").open("wb") as log, leashed(argv, stderr=log) as leash:
        yield leash


def _wait_until_up(sshd: Sshd, leash: Leash) -> bool:
    """Wait for sshd's own word; another program may have taken the port: then ``False``."""
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while f"Server listening on {sshd.host} port {sshd.port}." not in (log := sshd.log()):
        if "Address already in use" in log:
            return False
        if not leash.is_alive or time.monotonic() > give_up:
            raise RuntimeError(f"sshd did not start: {log}")
        time.sleep(0.002)
    return True


@functools.cache
def _knows_penalties() -> bool:
    """Whether this is OpenSSH 9.8 or newer, which locks out who fails too often."""
    done = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True)
    digits = done.stderr.removeprefix("OpenSSH_").partition("p")[0].split(".")
    return (int(digits[0]), int(digits[1])) >= (9, 8)


def _public_key(private_key: Path) -> str:
    return " ".join(private_key.with_name(private_key.name + ".pub").read_text().split()[:2])
