"""Real SFTP servers on loopback, and repositories on them.

Each test has a folder and sessions of its own; the connection is shared, as the login is what
takes time.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lpse_ops.backup.storage.sftp import SftpBackend
from lpse_ops.backup.storage.sftplocation import SftpPlace
from lpse_ops.backup.storage.sftppool import Line
from lpse_ops.backup.storage.sftpsession import PATIENCE_SECONDS, Channel
from lpse_ops.cli.sftp_access import SftpLine, sftp_dialler
from tests.lab.sshd import Sshd, open_sshd

# As Debian has it.
SERVER = "/usr/lib/openssh/sftp-server"
# What it can be told to leave out: then it is a server as many others are.
PLAIN = f"{SERVER} -P posix-rename,fsync,limits,statvfs,fsetstat,setstat"


@dataclass(frozen=True)
class SharedLine:
    """A line that outlives who uses it; its channels end one by one."""

    line: Line

    def open_channel(self) -> Channel:
        return self.line.open_channel()

    def close(self) -> None:
        """Whoever opened it closes it."""


@dataclass
class SftpServer:
    """A running sshd with a way to open repositories on it."""

    sshd: Sshd
    ssh_options: str = ""
    opened: list[SftpBackend] = field(default_factory=list)

    def line(self, patience_seconds: float = PATIENCE_SECONDS) -> SftpLine:
        """A connection of its own."""
        options = self.ssh_options or f"-F {self.sshd.ssh_config}"
        dial = sftp_dialler(options, patience_seconds=patience_seconds)
        return dial(SftpPlace("sftp:quick:", "quick", ""))

    def backend(
        self,
        root: Path | str,
        dial: Callable[[], Line] | None = None,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> SftpBackend:
        place = SftpPlace(f"sftp:quick:{root}", "quick", str(root))
        self.opened.append(
            SftpBackend(
                place,
                dial or (lambda: self.line(patience_seconds)),
                patience_seconds=patience_seconds,
            )
        )
        return self.opened[-1]

    def close(self) -> None:
        while self.opened:
            self.opened.pop().close()


@contextlib.contextmanager
def open_sftp_server(folder: Path, subsystem: str = "internal-sftp") -> Iterator[SftpServer]:
    with open_sshd(folder, settings={"Subsystem": f"sftp {subsystem}"}) as sshd:
        server = SftpServer(sshd)
        try:
            yield server
        finally:
            server.close()


Opened = Callable[[Path], SftpBackend]


def _repositories(server: SftpServer) -> Iterator[Opened]:
    """What opens repositories over one connection."""
    line = server.line()
    shared = SharedLine(line)

    def opened(root: Path) -> SftpBackend:
        # One test is done with its sessions when the next one begins.
        server.close()
        return server.backend(root, lambda: shared)

    yield opened
    server.close()
    line.close()


@pytest.fixture(scope="session")
def sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with open_sftp_server(tmp_path_factory.mktemp("sftp") / "sshd") as server:
        yield server


@pytest.fixture(scope="session")
def plain_sftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    """One without any extension that we would use."""
    with open_sftp_server(tmp_path_factory.mktemp("sftp") / "sshd", PLAIN) as server:
        yield server


@pytest.fixture(scope="session")
def sftp_repositories(sftp_server: SftpServer) -> Iterator[Opened]:
    yield from _repositories(sftp_server)


@pytest.fixture(scope="session")
def plain_sftp_repositories(plain_sftp_server: SftpServer) -> Iterator[Opened]:
    yield from _repositories(plain_sftp_server)


@pytest.fixture(scope="session")
def openssh_repositories(sftp_server: SftpServer) -> Iterator[Opened]:
    """Through the program ``ssh``, whose option nobody else knows; its sessions share a master."""
    config, control = sftp_server.sshd.ssh_config, sftp_server.sshd.folder / "control"
    options = (
        f"-F {config} -o ControlMaster=auto -o ControlPath={control} -o ControlPersist=yes "
        "-o ExitOnForwardFailure=no"
    )
    yield from _repositories(SftpServer(sftp_server.sshd, options))
