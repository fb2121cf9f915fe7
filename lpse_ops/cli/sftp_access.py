"""Joins a repository over SFTP with the SSH connections that carry it.

User, port, keys, certificates, jump hosts and host keys are what ``~/.ssh/config`` says; options
of ``ssh`` may be given besides.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from lpse_ops.errors import HostUnreachable, SettingsError, StorageError, StorageUnavailable

if TYPE_CHECKING:
    from lpse_ops.backup.storage.sftplocation import SftpPlace
    from lpse_ops.cli.settings import Destination
    from lpse_ops.remote.sftp import SftpChannel, SftpConnection
    from lpse_ops.remote.target import Target

# Words of the hints that playbooks give; here they would lead nowhere.
_ONLY_FOR_PLAYBOOKS = ("ansible_", "--private-key", "--ask-pass", "--timeout")
_SSH_CONFIG = (
    "set HostName, Port, User and IdentityFile for it in ~/.ssh/config of this account, until "
    "the program sftp connects without asking anything"
)


@dataclass(frozen=True)
class SftpLine:
    """A ``Line`` of ``backup.storage.sftppool`` over a connection of the room ``remote``."""

    connection: "SftpConnection"

    def open_channel(self) -> "JudgedChannel":
        from lpse_ops.backup.storage.sftppool import SessionsExhausted
        from lpse_ops.remote.transport import SessionRefused

        try:
            return JudgedChannel(self.connection.start())
        except SessionRefused as error:
            raise SessionsExhausted(error.message) from error
        except HostUnreachable as error:
            raise storage_error(error) from error

    def close(self) -> None:
        self.connection.close()


@dataclass(frozen=True)
class JudgedChannel:
    """A channel whose errors are those of a storage; the program ``ssh`` is late with its own."""

    channel: "SftpChannel"

    def send(self, content: bytes | memoryview) -> None:
        self.channel.send(content)

    def receive(self, timeout_seconds: float) -> bytes | None:
        try:
            return self.channel.receive(timeout_seconds)
        except HostUnreachable as error:
            raise storage_error(error) from error

    def errors(self) -> bytes:
        return self.channel.errors()

    def close(self) -> None:
        self.channel.close()


def dialler_for_command(destination: "Destination | None") -> "Callable[[SftpPlace], SftpLine]":
    """The same for a destination; its connections end with the command that runs."""
    settings = destination.sftp if destination is not None else None
    dial = sftp_dialler(settings.ssh_options if settings else "")
    lines: list[SftpLine] = []

    def dial_and_remember(place: "SftpPlace") -> SftpLine:
        lines.append(dial(place))
        return lines[-1]

    def close_all() -> None:
        for line in lines:
            line.close()

    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(close_all)
    return dial_and_remember


def sftp_dialler(
    ssh_options: str = "", *, patience_seconds: float = 120.0
) -> "Callable[[SftpPlace], SftpLine]":
    """What connects to the server of a location; nobody is called yet."""
    try:
        words = tuple(shlex.split(ssh_options))
    except ValueError as error:
        raise SettingsError(
            f"sftp.ssh_options cannot be read: {error}", hint="check its quotes in lpse-ops.yml"
        ) from error

    def dial(place: "SftpPlace") -> SftpLine:
        # 50 ms of imports, only for whom they are.
        from lpse_ops.remote.lightparamiko import import_paramiko

        import_paramiko()
        from lpse_ops.remote.sftp import open_sftp_connection

        try:
            target = target_of(place, words)
            return SftpLine(open_sftp_connection(target, patience_seconds=patience_seconds))
        except HostUnreachable as error:
            raise storage_error(error) from error

    return dial


def target_of(place: "SftpPlace", ssh_options: tuple[str, ...] = ()) -> "Target":
    from lpse_ops.remote.target import Target

    return Target(name=place.host, port=place.port, user=place.user, ssh_common_args=ssh_options)


def storage_error(error: HostUnreachable) -> StorageError:
    """The same in a storage's words; what may pass is ``StorageUnavailable``."""
    from lpse_ops.remote.sshproblems import is_lasting

    kind = StorageError if is_lasting(error) else StorageUnavailable
    is_for_playbooks = any(word in error.hint for word in _ONLY_FOR_PLAYBOOKS)
    return kind(error.message, hint=_SSH_CONFIG if is_for_playbooks else error.hint)
