"""SFTP servers at the other end of an SSH connection: channels, and why there is none.

The protocol itself is spoken by whoever asks for a channel.
"""

from collections.abc import Callable
from typing import Protocol

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.ssh import open_ssh
from lpse_ops.remote.target import Target
from lpse_ops.remote.transport import Transport

# The program ``ssh`` ends with this when it could not connect, or lost the connection.
_SSH_FAILED = 255
_STATUS_SECONDS = 5.0
# A disk that is slow to sync is not a server that is gone.
PATIENCE_SECONDS = 120.0
# What it says when another try would end in the same way.
_LASTING = (
    "permission denied",
    "host key verification failed",
    "host identification has changed",
    "no matching",
    "too many authentication failures",
    "could not resolve hostname",
    "subsystem request failed",
)


class ServesSubsystems(Protocol):
    """A connection that starts what a server knows by name; both kinds of ours do."""

    def start_subsystem(self, name: str, _patience_seconds: float, /) -> Transport: ...

    def close(self) -> None: ...


class SftpChannel:
    """The stream to one SFTP server; ``OSError`` means that it is lost.

    Where the program ``ssh`` could not connect for a reason that lasts, ``receive`` raises
    ``HostUnreachable``.
    """

    def __init__(self, transport: Transport, name: str) -> None:
        self._transport = transport
        self._name = name

    def send(self, content: bytes | memoryview) -> None:
        self._transport.send(content)

    def receive(self, timeout_seconds: float) -> bytes | None:
        received = self._transport.receive(timeout_seconds)
        if received == b"" and self._transport.status(_STATUS_SECONDS) == _SSH_FAILED:
            self._explain()
        return received

    def errors(self) -> bytes:
        return self._transport.errors()

    def close(self) -> None:
        self._transport.close()

    def _explain(self) -> None:
        said = self._transport.errors().decode("utf-8", "replace").strip()
        last = "".join(char if char.isprintable() else " " for char in said[-300:])
        if any(each in said.lower() for each in _LASTING):
            raise HostUnreachable(
                f"cannot connect to {self._name}: {last}", hint=f"try by hand: sftp {self._name}"
            )
        raise ConnectionResetError(last or "the connection broke off")


class SftpConnection:
    """A connection on which SFTP servers are started; closing it ends them all."""

    def __init__(self, connection: ServesSubsystems, name: str, patience_seconds: float) -> None:
        self._connection = connection
        self._name = name
        self._patience = patience_seconds

    def start(self) -> SftpChannel:
        """``SessionRefused`` when there may be no more of them, else ``HostUnreachable``."""
        started = self._connection.start_subsystem("sftp", self._patience)
        return SftpChannel(started, self._name)

    def close(self) -> None:
        self._connection.close()


def open_sftp_connection(
    target: Target,
    connect: Callable[[Target], ServesSubsystems] = open_ssh,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
) -> SftpConnection:
    """Connect and log in; host keys are checked.  ``HostUnreachable`` says what to type."""
    return SftpConnection(connect(target), target.name, patience_seconds)
