"""What went wrong with an SSH connection, in words that say what to type."""

import errno
import socket
from collections.abc import Sequence

from paramiko.ssh_exception import (
    AuthenticationException,
    ChannelException,
    IncompatiblePeer,
    NoValidConnectionsError,
    SSHException,
)

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.sshconfig import SshSettings
from lpse_ops.remote.sshlogin import LoginRefused
from lpse_ops.remote.transport import SessionRefused

_NO_ROUTE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN)
_BROKEN_OFF = (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED)
# Codes of "channel open failure" in RFC 4254: forbidden, and not reached.
_FORBIDDEN, _NOT_REACHED = 1, 2
_LONGEST_WORDS = 300


class FailedAt(SSHException):  # type: ignore[misc] # paramiko has no types
    """What went wrong, and at which machine on the way."""

    def __init__(self, settings: SshSettings, cause: Exception) -> None:
        super().__init__(str(cause))
        self.settings = settings
        self.cause = cause


def is_worth_another_try(error: Exception) -> bool:
    """Whether a connection may come about a moment later: the server was busy or starting.

    A time-out is not: the network has tried several times during it already.
    """
    cause = innermost(error)
    if isinstance(cause, TimeoutError | AuthenticationException | IncompatiblePeer):
        return False
    if isinstance(cause, socket.gaierror):
        return cause.errno == socket.EAI_AGAIN
    if isinstance(cause, ChannelException):
        return bool(cause.code == _NOT_REACHED)
    if isinstance(cause, OSError):
        return cause.errno in (errno.ECONNREFUSED, *_BROKEN_OFF)
    return isinstance(cause, EOFError) or "banner" in str(cause) or "EOF" in str(cause)


def explain(error: Exception, name: str, route: Sequence[SshSettings]) -> HostUnreachable:
    """Turn a failure into what a person reads; ``name`` is the host as the inventory has it."""
    at = error.settings if isinstance(error, FailedAt) else route[-1]
    if isinstance(innermost(error), ChannelException) and len(route) == 1:
        return SessionRefused(
            f"cannot start a program on {at.shown}: it allows no more sessions on one connection",
            hint="set `MaxSessions 10` in sshd_config there, and reload sshd",
        )
    is_jump_host = at is not route[-1]
    problem, hint = _describe(innermost(error), at, route)
    place = f"jump host {at.shown} of {name}" if is_jump_host else at.shown
    return HostUnreachable(f"cannot connect to {place}: {problem}", hint=hint)


def tame(text: str) -> str:
    """What another machine said, as something short and harmless to print."""
    return "".join(char if char.isprintable() else "?" for char in text[:_LONGEST_WORDS])


def is_lasting(error: HostUnreachable) -> bool:
    """Whether trying again is no use before somebody has changed something.

    A host key or a login that is refused is such; a network that is silent is not.
    """
    if not isinstance(error.__cause__, Exception):
        return True
    cause = innermost(error.__cause__)
    if isinstance(cause, socket.gaierror):
        return cause.errno != socket.EAI_AGAIN
    if isinstance(cause, ChannelException):
        return bool(cause.code == _FORBIDDEN)
    return isinstance(cause, AuthenticationException | IncompatiblePeer)


def innermost(error: Exception) -> Exception:
    """The failure itself: paramiko wraps some of them."""
    if isinstance(error, FailedAt):
        return innermost(error.cause)
    if isinstance(error, NoValidConnectionsError):
        first: Exception = next(iter(error.errors.values()))
        return first
    # So paramiko says that the handshake has not come to its end in time.
    if str(error) == "No existing session":
        return TimeoutError(str(error))
    # "Error reading SSH protocol banner" hides whether it came late or not at all.
    if isinstance(error, SSHException) and isinstance(error.__context__, OSError | EOFError):
        return error.__context__ if isinstance(error.__context__, TimeoutError) else error
    return error


def _describe(cause: Exception, at: SshSettings, route: Sequence[SshSettings]) -> tuple[str, str]:
    try_by_hand = f"ssh -v {_destination(at)}"
    if isinstance(cause, LoginRefused):
        return _describe_login(cause, at)
    if isinstance(cause, socket.gaierror):
        return (
            f"the name {at.host!r} cannot be resolved",
            "give its address as ansible_host in the inventory, or as HostName in ~/.ssh/config",
        )
    if isinstance(cause, TimeoutError):
        return (
            "no answer in time",
            f"is the machine up, and is port {at.port} open in its firewall? try `{try_by_hand}`; "
            "on a slow line give --timeout 60",
        )
    if isinstance(cause, ChannelException):
        return _describe_jump(cause, at, route)
    if isinstance(cause, IncompatiblePeer):
        return (
            f"the server speaks none of our algorithms ({tame(str(cause))})",
            "set ansible_connection: ssh and ansible_ssh_common_args to use the ssh program",
        )
    if isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED:
        return (
            "connection refused",
            f"does sshd run there, on port {at.port}? set ansible_port if it is another one",
        )
    if isinstance(cause, OSError) and cause.errno in _NO_ROUTE:
        return "no route to the host", f"check the network: ip route get {at.host}"
    if at.proxy_command:
        return f"the ProxyCommand gave no connection ({tame(str(cause))})", f"try `{try_by_hand}`"
    if "protocol version" in str(cause):
        return (
            "what answers there is no SSH server",
            f"is {at.port} the right ansible_port? try `{try_by_hand}`",
        )
    if "banner" in str(cause):
        return (
            "the server closed the connection without a greeting",
            "it may be overloaded (MaxStartups in sshd_config), or have banned us (fail2ban): "
            f"see its log, and try `{try_by_hand}`",
        )
    shown = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return (
        f"the connection broke off ({tame(shown)})",
        f"see the log of sshd there, or try `{try_by_hand}`",
    )


def _describe_login(cause: LoginRefused, at: SshSettings) -> tuple[str, str]:
    locked = next(iter(cause.locked), None)
    if locked is not None:
        return (
            f"the key {locked} is locked with a passphrase",
            f"type `ssh-add {locked}`, or give ansible_ssh_private_key_passphrase from a vault",
        )
    if not cause.tried:
        return (
            f"there is no key or password to log in as {at.user}",
            "give --private-key FILE or --ask-pass, or start ssh-agent and type ssh-add",
        )
    tried = ", ".join(dict.fromkeys(cause.tried))
    wanted = f"; the server wants {' or '.join(cause.allowed)}" if cause.allowed else ""
    return (
        f"permission denied for {at.user} (tried {tried}){wanted}",
        f"try `ssh -v {_destination(at)}`; give --user, --private-key FILE or --ask-pass",
    )


def _describe_jump(
    cause: ChannelException, at: SshSettings, route: Sequence[SshSettings]
) -> tuple[str, str]:
    before = route[route.index(at) - 1]
    if cause.code == _FORBIDDEN:
        return (
            f"the jump host {before.shown} forbids to go on",
            f"set `AllowTcpForwarding yes` in sshd_config of {before.host}",
        )
    return (
        f"the jump host {before.shown} cannot reach it ({tame(cause.text)})",
        f"try on the jump host: nc -vz {at.host} {at.port}",
    )


def _destination(at: SshSettings) -> str:
    port = f"-p {at.port} " if at.port != 22 else ""
    return f"{port}{at.user}@{at.host}"
