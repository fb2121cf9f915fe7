"""A lab and its hosts, as tests see them: Debian with systemd, sshd and an address of their own.

    with open_lab() as lab:
        [host] = lab.up("h1")
        host.ssh("systemctl is-system-running")
        host.wire(delay_ms=20)

Needs root and the packages of ``tests.lab.needs``.  Labs do not know of each other: every process
of pytest-xdist has its own.
"""

import contextlib
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.lab.base import DEBIAN_SOURCES, cache_folder, find_base
from tests.lab.leash import Leash, start_leashed
from tests.lab.protocol import LabError, ask

_PROJECT = Path(__file__).parents[2]
_SECONDS_TO_START = 60.0


class Finished(NamedTuple):
    """How a program in a host ended; bytes that are not UTF-8 are surrogates."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Lab:
    """A running lab; ``folder`` holds its keys and the logs of its hosts."""

    folder: Path

    @property
    def key_file(self) -> Path:
        """The private key that logs in, as every user of every host."""
        return self.folder / "client_key"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def ssh_config(self) -> Path:
        """For ``ssh -F``: knows all hosts by their names."""
        return self.folder / "ssh_config"

    def up(self, *names: str, disk_mb: int = 0, template: Path | None = None) -> "list[Host]":
        """Have these hosts up, new ones or old, all at a time.

        New ones have disks of that size, and begin with what is in the template.
        """
        layer = str(template) if template else ""
        answers = self.ask("up", names=names, disk_mb=disk_mb, template=layer)
        return [Host(self, answer["name"], answer["address"]) for answer in answers]

    def hosts(self) -> "list[Host]":
        return [Host(self, answer["name"], answer["address"]) for answer in self.ask("list")]

    def host(self, name: str) -> "Host":
        for host in self.hosts():
            if host.name == name:
                return host
        raise LabError(f"there is no host {name}")

    def ask(self, call: str, **arguments: Any) -> Any:
        return ask(self.folder / "socket", call, **arguments)

    def end(self) -> None:
        """Cut the power of all hosts and leave nothing of the lab."""
        self.ask("end")
        give_up = time.monotonic() + _SECONDS_TO_START
        while is_alive(self.folder) and time.monotonic() < give_up:
            time.sleep(0.01)
        shutil.rmtree(self.folder)


@dataclass(frozen=True)
class Host:
    lab: Lab
    name: str
    address: str

    def run(
        self, *argv: str, stdin: str = "", timeout_seconds: float | None = 60, check: bool = True
    ) -> Finished:
        """Run a program in the host as root, without ssh and its line."""
        call = {"name": self.name, "argv": argv, "stdin": stdin, "timeout_seconds": timeout_seconds}
        done = Finished(*self.lab.ask("execute", **call))
        if check and done.status != 0:
            raise LabError(f"{self.name}: {' '.join(argv)} ended with {done.status}: {done.stderr}")
        return done

    def ssh_argv(self, *command: str, user: str = "root") -> list[str]:
        return ["ssh", "-F", str(self.lab.ssh_config), "-l", user, self.name, *command]

    def ssh(self, *command: str, user: str = "root") -> str:
        """Run a command line through ssh; return its output."""
        argv = self.ssh_argv(*command, user=user)
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    def ansible_variables(self, user: str = "root") -> dict[str, str]:
        """What an inventory says of a host that is reached by ``user``."""
        return {
            "ansible_host": self.address,
            "ansible_user": user,
            "ansible_ssh_private_key_file": str(self.lab.key_file),
            "ansible_ssh_common_args": f"-F {self.lab.ssh_config}",
        }

    @property
    def is_on(self) -> bool:
        return any(each["is_on"] for each in self.lab.ask("list") if each["name"] == self.name)

    def on(self) -> None:
        self.lab.up(self.name)

    def off(self) -> None:
        """Shut down in good order."""
        self.lab.ask("off", name=self.name)

    def kill(self) -> None:
        """Power loss.  What was written is there afterwards, also what was not synced."""
        self.lab.ask("kill", name=self.name)

    def reboot(self) -> None:
        """Let the host reboot itself, and wait until it is up again."""
        before = self.boot_id()
        self.run("systemctl", "reboot", check=False)
        self.wait_for_boot(after=before)

    def wait_for_boot(self, *, after: str, timeout_seconds: float = 60) -> None:
        """Wait until the host is up with another boot id than ``after``."""
        give_up = time.monotonic() + timeout_seconds
        while time.monotonic() < give_up:
            with contextlib.suppress(LabError):
                if self.boot_id() != after:
                    self.on()
                    return
            time.sleep(0.02)
        raise LabError(f"{self.name} did not boot again within {timeout_seconds:g} seconds")

    def boot_id(self) -> str:
        """Changes with every boot; ``LabError`` while the host is off or on its way."""
        return str(self.lab.ask("boot_id", name=self.name))

    def reset(self) -> None:
        """A fresh disk with other host keys; the address stays."""
        self.lab.ask("reset", name=self.name)

    def remove(self) -> None:
        self.lab.ask("remove", name=self.name)

    def keep(self, layer: Path, *, below: Path | None = None) -> None:
        """Keep what the host, now off, has written, as a template for others: see template.py.

        ``below`` is the template that the host had begun with.
        """
        lower = str(below) if below else ""
        self.lab.ask("keep", name=self.name, layer=str(layer), below=lower)

    def reach_debian(self, *, update: bool = True) -> None:
        """Let apt have all of Debian, through the lab's proxy, besides the lab's own packages.

        Without ``update`` apt knows what it knew before, as after a template was made.
        """
        proxy = self.lab.ask("proxy")
        self.run("cp", str(DEBIAN_SOURCES), "/etc/apt/sources.list.d/")
        file = "/etc/apt/apt.conf.d/90lab"
        settings = {"http::Proxy": proxy, "Languages": "none", "Check-Valid-Until": "false"}
        lines = "".join(f'Acquire::{name} "{value}";\n' for name, value in settings.items())
        self.run("sh", "-c", f"cat >{file}", stdin=lines)
        if update:
            self.run("apt-get", "update", "-q", timeout_seconds=120)

    def wire(
        self,
        *,
        delay_ms: float = 0,
        jitter_ms: float = 0,
        loss: float = 0,
        rate_mbit: float = 0,
        down: bool = False,
    ) -> None:
        """Put a line to the host, or change it: all at once, live.  ``delay_ms`` is one way."""
        settings = {
            "delay_ms": delay_ms,
            "jitter_ms": jitter_ms,
            "loss": loss,
            "rate_mbit": rate_mbit,
            "down": down,
        }
        self.lab.ask("wire", name=self.name, settings=settings)

    def unwire(self) -> None:
        """A plain cable again."""
        self.lab.ask("unwire", name=self.name)


@contextlib.contextmanager
def open_lab() -> Iterator[Lab]:
    """A lab without hosts, for the time of the block and never longer than this process."""
    with contextlib.ExitStack() as stack:
        lab, leash = start_lab(labs_folder() / f"test-{secrets.token_hex(4)}", owned=True)
        stack.callback(leash.end)
        stack.callback(lab.end)
        yield lab


def start_lab(folder: Path, *, owned: bool) -> tuple[Lab, Leash]:
    """Start a lab; without ``owned`` it lives until ``Lab.end``."""
    base = find_base()
    folder.mkdir(mode=0o700, parents=True)
    spaces = ("--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    with (folder / "keeper.log").open("wb") as log:
        leash = start_leashed(
            ["unshare", *spaces, sys.executable, "-m", "tests.lab.keeper", folder, base],
            owned=owned,
            stderr=log,
            cwd=_PROJECT,
        )
    give_up = time.monotonic() + _SECONDS_TO_START
    while not is_alive(folder):
        if not leash.is_alive or time.monotonic() > give_up:
            leash.end()
            raise LabError(f"no lab: {(folder / 'keeper.log').read_text()}")
        time.sleep(0.01)
    return Lab(folder), leash


def labs_folder() -> Path:
    return cache_folder() / "running"


def is_alive(folder: Path) -> bool:
    """Whether the keeper of the lab answers."""
    try:
        ask(folder / "socket", "list")
    except (OSError, LabError):
        return False
    return True


def describe(hosts: Sequence[Host]) -> str:
    return "".join(f"{host.name} {host.address}\n" for host in hosts)
