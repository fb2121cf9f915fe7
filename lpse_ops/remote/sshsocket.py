"""The socket below an SSH connection, and how paramiko is to use it."""

import contextlib
import socket
import subprocess
from collections.abc import Callable
from typing import Any

from paramiko.transport import Transport as SshTransport

from lpse_ops.remote.sshpackets import QuickPacketizer

# Without an answer for this long, the kernel gives a connection up.
SILENCE_SECONDS = 30
# Ciphers that hash along are the cheapest for us.
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")


def transport_factory(kinds: tuple[str, ...], window_bytes: int) -> Callable[..., SshTransport]:
    """What paramiko calls for a connection that asks for these kinds of host keys."""

    class OurTransport(SshTransport):  # type: ignore[misc] # paramiko has no types
        """Asks for the host keys that can be checked, and for cheap ciphers."""

        # False comes before True, and else the order stays.
        _preferred_ciphers = tuple(
            sorted(SshTransport._preferred_ciphers, key=lambda name: name not in _CIPHERS)
        )

        @property
        def preferred_keys(self) -> tuple[str, ...]:
            return kinds

    def make(sock: Any, **options: Any) -> SshTransport:
        if isinstance(sock, socket.socket):
            tune(sock)
        return OurTransport(
            sock, default_window_size=window_bytes, packetizer_class=QuickPacketizer, **options
        )

    return make


def tune(sock: socket.socket) -> None:
    """Send at once, and notice when the other side is silent."""
    # A proxy command is reached through a socket that is no TCP.
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_SECONDS * 1000)


class _ProxySocket(socket.socket):
    """One end of a socket whose other end is a program."""

    program: "subprocess.Popen[bytes] | None" = None

    def close(self) -> None:
        super().close()
        if self.program is not None and self.program.poll() is None:
            self.program.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.program.wait(2)


def open_proxy(command: str) -> _ProxySocket:
    """Start a ``ProxyCommand``; it talks to us through its standard input and output."""
    ours, theirs = socket.socketpair()
    with theirs:
        program = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    proxy = _ProxySocket(fileno=ours.detach())
    proxy.program = program
    return proxy
