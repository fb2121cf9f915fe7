"""Channels to SFTP servers, over both kinds of connections, and why there is none."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from paramiko.ssh_exception import AuthenticationException, ChannelException, IncompatiblePeer

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.sftp import SftpConnection, open_sftp_connection
from lpse_ops.remote.sshconfig import SshSettings
from lpse_ops.remote.sshproblems import FailedAt, is_lasting
from lpse_ops.remote.target import Target
from tests.lab.sshd import Sshd, free_port, open_sshd

pytestmark = pytest.mark.xdist_group("ssh")

# An option that only the program ssh knows makes it connect.
WAYS = {"paramiko": (), "openssh": ("-o", "ExitOnForwardFailure=no")}
INIT = b"\0\0\0\x05\x01\0\0\0\x03"


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with open_sshd(tmp_path_factory.mktemp("sftp") / "sshd") as server:
        yield server


def target(sshd: Sshd, way: str, *options: str) -> Target:
    return Target(name="quick", ssh_common_args=("-F", str(sshd.ssh_config), *WAYS[way], *options))


def greet(connection: SftpConnection) -> bytes:
    channel = connection.start()
    channel.send(INIT)
    return channel.receive(20) or b""


@pytest.mark.parametrize("way", WAYS)
def test_several_servers_answer_on_one_connection(sshd: Sshd, way: str) -> None:
    connection = open_sftp_connection(target(sshd, way))
    try:
        for _ in range(3):
            # VERSION, 3
            assert greet(connection)[4:9] == b"\x02\0\0\0\x03"
    finally:
        connection.close()


@pytest.mark.parametrize("way", WAYS)
def test_a_closed_connection_is_lost(sshd: Sshd, way: str) -> None:
    connection = open_sftp_connection(target(sshd, way))
    channel = connection.start()
    channel.send(INIT)
    assert channel.receive(20)
    channel.close()
    connection.close()
    with pytest.raises((OSError, HostUnreachable)):
        channel.send(INIT)


@pytest.mark.parametrize("way", WAYS)
def test_a_host_without_sftp_is_told_with_what_to_set(tmp_path: Path, way: str) -> None:
    with open_sshd(tmp_path / "sshd", settings={"Subsystem": "backup internal-sftp"}) as server:
        connection = open_sftp_connection(target(server, way))
        with pytest.raises(HostUnreachable, match=r"offers no sftp|subsystem request failed") as no:
            greet(connection)
        assert is_lasting(no.value)
        connection.close()


def test_the_program_says_at_once_what_lasts(sshd: Sshd) -> None:
    connection = open_sftp_connection(target(sshd, "openssh", "-o", "User=nobody-has-this-name"))
    channel = connection.start()
    with pytest.raises(HostUnreachable, match="Permission denied") as denied:
        channel.receive(20)
    assert "sftp quick" in denied.value.hint
    connection.close()


def test_the_program_says_later_what_may_pass(sshd: Sshd) -> None:
    options = ("-o", f"Port={free_port()}", "-o", "ConnectionAttempts=1")
    connection = open_sftp_connection(target(sshd, "openssh", *options))
    channel = connection.start()
    with pytest.raises(OSError, match="refused"):
        channel.receive(20)
    connection.close()


SETTINGS = SshSettings("web", "web", 22, "root")


@pytest.mark.parametrize(
    ("cause", "lasts"),
    [
        (None, True),
        (AuthenticationException(), True),
        (IncompatiblePeer("no"), True),
        (socket.gaierror(socket.EAI_NONAME, "no such name"), True),
        (ChannelException(1, "forbidden"), True),
        (socket.gaierror(socket.EAI_AGAIN, "later"), False),
        (ChannelException(2, "not reached"), False),
        (TimeoutError(), False),
        (ConnectionRefusedError(), False),
        (OSError(113, "no route"), False),
        (EOFError(), False),
        (FailedAt(SETTINGS, ConnectionResetError()), False),
        (FailedAt(SETTINGS, AuthenticationException()), True),
    ],
)
def test_what_lasts_until_somebody_changes_something(cause: Exception | None, lasts: bool) -> None:
    error = HostUnreachable("cannot connect", hint="try")
    error.__cause__ = cause
    assert is_lasting(error) is lasts
