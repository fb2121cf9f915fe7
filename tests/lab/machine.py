"""One host as its keeper sees it: on or off, and what runs in it."""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.disk import Disk
from tests.lab.leftovers import remove_cgroup
from tests.lab.protocol import LabError
from tests.lab.trouble import explain

# What systemd-nspawn ends with when the host wants to be started again.
_REBOOT_STATUS = 133
_LISTENS = "0A"
# Half a second where nobody else works.
_SECONDS_TO_BOOT = 120.0
_BOOTS = 2
_SECONDS_FOR_JOBS = 5.0
_SECONDS_TO_SHUT_DOWN = 30.0
# On top of nspawn's own; not SYS_TIME and SYS_MODULE, which are the whole machine's.
_CAPABILITIES = "CAP_NET_ADMIN,CAP_IPC_LOCK"
_DEVICES = ("/dev/fuse", "/dev/net/tun")
_ENVIRONMENT = {
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}


@dataclass(frozen=True)
class Place:
    """Where a host lives; ``console`` is the file that keeps what it says there."""

    disk: Disk
    cgroup: Path
    network: Path
    console: Path


@dataclass
class Machine:
    """Calls that change it come one at a time: ``lock`` is for who makes them."""

    name: str
    port: int
    address: str
    place: Place

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()
        self._watcher: threading.Thread | None = None
        # Whether the watcher is to start the host again when that reboots.
        self._wanted = False

    # --- power

    @property
    def is_on(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def bring_up(self) -> None:
        """Power on and wait until everybody is let in; a boot that fails is tried once more.

        The disk stays as it is.
        """
        for left in reversed(range(_BOOTS)):
            self.power_on()
            try:
                self.wait_until_up()
                break
            except LabError:
                if not left:
                    raise
            self.cut_power()

    def power_on(self) -> None:
        """Start booting; ``wait_until_up`` waits for the end of it."""
        if not self._wanted:
            self._wanted = True
            self._start()
            self._watcher = threading.Thread(target=self._start_again, daemon=True)
            self._watcher.start()

    def shut_down(self) -> None:
        """As by the power button: every service is stopped in good order."""
        self._wanted = False
        if self._process is not None and self.is_on:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_SECONDS_TO_SHUT_DOWN)
        self.cut_power()

    def cut_power(self) -> None:
        """All processes end this moment; what they had written is on the disk."""
        with self._starting:
            self._wanted = False
            if self.place.cgroup.is_dir():
                (self.place.cgroup / "cgroup.kill").write_text("1")
            if self._process is not None:
                # It may not have reached its cgroup yet.
                self._process.kill()
        if self._watcher is not None:
            self._watcher.join()
        remove_cgroup(self.place.cgroup)

    def wait_until_up(self) -> None:
        """Wait until sshd listens and lets everybody in, whatever line there is to the host."""
        give_up = time.monotonic() + _SECONDS_TO_BOOT
        while not self._lets_in():
            if not (self.is_on or self._wanted):
                status = self._process.returncode if self._process else None
                raise self._trouble(f"systemd-nspawn ended with {status}")
            if time.monotonic() > give_up:
                raise self._trouble(f"it let nobody in for {_SECONDS_TO_BOOT:g} seconds")
            time.sleep(0.01)

    def _trouble(self, how: str) -> LabError:
        jobs = ""
        with contextlib.suppress(LabError, OSError):
            _, jobs, _ = self.execute(["systemctl", "list-jobs"], "", _SECONDS_FOR_JOBS)
        console = self.place.console.read_text(errors="replace")
        return LabError(explain(self.name, how, console, jobs))

    def _start(self) -> None:
        with self._starting:
            if not self._wanted:
                return
            remove_cgroup(self.place.cgroup)
            self.place.cgroup.mkdir(parents=True)
            # nspawn builds its cgroups below where it stands: so it has to stand there first.
            script = 'echo $$ >"$0/cgroup.procs" && exec "$@"'
            with self.place.console.open("ab") as console:
                self._process = subprocess.Popen(
                    ["sh", "-c", script, self.place.cgroup, *self._nspawn_argv()],
                    stdin=subprocess.DEVNULL,
                    stdout=console,
                    stderr=console,
                    env=os.environ | {"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"},
                )

    def _start_again(self) -> None:
        """The work of a thread: power on after every reboot that the host itself asks for."""
        while self._process is not None and self._process.wait() == _REBOOT_STATUS and self._wanted:
            self._start()
        self._wanted = False

    def _nspawn_argv(self) -> list[str]:
        return [
            "systemd-nspawn",
            "--quiet",
            f"--directory={self.place.disk.root}",
            "--boot",
            "--register=no",
            "--keep-unit",
            f"--machine={self.name}",
            f"--network-namespace-path={self.place.network}",
            "--resolv-conf=off",
            "--timezone=off",
            "--link-journal=no",
            # A terminal: systemd says nothing to a pipe.
            "--console=read-only",
            f"--capability={_CAPABILITIES}",
            *(f"--bind={device}" for device in _DEVICES if Path(device).exists()),
        ]

    def _lets_in(self) -> bool:
        with contextlib.suppress(LabError, OSError):
            process = Path(f"/proc/{self.init_pid()}")
            # pam_nologin refuses everybody but root as long as the file is there.
            is_open = not (process / "root/run/nologin").exists()
            return is_open and parse_listens((process / "net/tcp").read_text(), 22)
        return False

    # --- inside

    def init_pid(self) -> int:
        """The process id, as we see it, of the host's systemd."""
        if self._process is None or not self.is_on:
            raise LabError(f"{self.name} is off")
        children = _children(self._process.pid)
        if len(children) == 1:
            return children[0]
        raise LabError(f"{self.name} is just starting or ending")

    def boot_id(self) -> str:
        file = Path(f"/proc/{self.init_pid()}/root/proc/sys/kernel/random/boot_id")
        try:
            return file.read_text().strip()
        except OSError as error:
            raise LabError(f"{self.name} is just starting or ending") from error

    def execute(
        self, argv: Sequence[str], stdin: str, timeout_seconds: float | None
    ) -> tuple[int, str, str]:
        """Run a program in the host, without ssh; return exit status, output and errors."""
        spaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd")
        with tempfile.TemporaryFile() as file:
            file.write(stdin.encode(errors="surrogateescape"))
            file.seek(0)
            process = subprocess.Popen(
                ["nsenter", f"--target={self.init_pid()}", *spaces, "--", *argv],
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=_ENVIRONMENT,
            )
        texts = _communicate(process, timeout_seconds)
        out, err = (text.decode(errors="surrogateescape") for text in texts)
        return process.returncode, out, err


def _communicate(
    process: "subprocess.Popen[bytes]", timeout_seconds: float | None
) -> tuple[bytes, bytes]:
    """Wait for a program that ``nsenter`` has started in a host; kill it when time is up."""
    give_up = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    while give_up is None or time.monotonic() < give_up:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=0.2)
        # A host that shuts down stops all its processes for a moment.  nsenter then stops itself
        # too, and nobody tells it to go on; shutdown would wait for the child that it never reaps.
        process.send_signal(signal.SIGCONT)
    for pid in _children(process.pid):
        os.kill(pid, signal.SIGKILL)
    process.communicate()
    raise LabError(f"{process.args!r} did not end within {timeout_seconds} seconds")


def _children(pid: int) -> list[int]:
    try:
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except OSError:
        return []


def parse_listens(table: str, port: int) -> bool:
    """Whether ``/proc/PID/net/tcp`` tells of somebody who listens on the port."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return any(row[1].endswith(f":{port:04X}") and row[3] == _LISTENS for row in rows)
