"""Proves to a server who we are: keys, certificates, an agent, a password, as OpenSSH does.

The key that was named comes first, then those of the configuration, then what else an agent holds,
and at last a password.  A server closes after some attempts, so nothing is tried twice.
"""

import base64
import binascii
import contextlib
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    load_ssh_public_identity,
)
from paramiko.agent import AgentKey, AgentSSH
from paramiko.pkey import PKey, UnknownKeyType
from paramiko.ssh_exception import (
    AuthenticationException,
    BadAuthenticationType,
    SSHException,
)
from paramiko.transport import Transport

_CERTIFICATE_SUFFIX = "-cert.pub"
# A server that keeps asking gets no more than this many answers.
_MAX_QUESTIONS = 3
_AGENT_SECONDS = 5


@dataclass(frozen=True)
class Credentials:
    """All that may let a person in; secrets are not shown."""

    user: str
    key_files: tuple[Path, ...] = ()
    certificate_files: tuple[Path, ...] = ()
    agent_socket: str = ""
    identities_only: bool = False
    password: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)


class LoginRefused(AuthenticationException):  # type: ignore[misc] # paramiko has no types
    """Nothing that was tried lets us in."""

    def __init__(self, tried: Sequence[str], allowed: Sequence[str], locked: Sequence[Path]):
        super().__init__("nothing that was tried lets us in")
        self.tried = tuple(tried)
        self.allowed = tuple(allowed)
        # Key files that need a passphrase.
        self.locked = tuple(locked)


class Login:
    """One login; paramiko calls ``authenticate`` once the server's host key is accepted."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._tried: list[str] = []
        self._allowed: list[str] = []
        self._locked: list[Path] = []
        self._seen: set[bytes] = set()

    def authenticate(self, transport: Transport) -> None:
        """Log in or raise LoginRefused; other errors are those of the connection."""
        with _open_agent(self._credentials.agent_socket) as agent_keys:
            if self._try_keys(transport, agent_keys):
                return
        if self._credentials.password is not None and self._try_password(transport):
            return
        raise LoginRefused(self._tried, self._allowed, self._locked)

    def _try_keys(self, transport: Transport, agent_keys: Sequence[AgentKey]) -> bool:
        """Whether a key lets us in; some servers want a password as well."""
        for name, key in self._keys(agent_keys):
            self._tried.append(name)
            try:
                still_needed = transport.auth_publickey(self._credentials.user, key)
            except BadAuthenticationType as error:
                self._allowed = error.allowed_types
                return False
            except SSHException:
                # A key that is refused, or an agent that would not sign.
                if not transport.is_active():
                    raise LoginRefused(self._tried, self._allowed, self._locked) from None
                continue
            self._allowed = still_needed
            return not still_needed
        return False

    def _keys(self, agent_keys: Sequence[AgentKey]) -> Iterator[tuple[str, PKey]]:
        """Every key once, each with its certificates before it."""
        held = {key.asbytes(): key for key in agent_keys}
        for path in self._credentials.key_files:
            for key in self._keys_of_file(path, held):
                if self._is_new(key):
                    yield f"key {path}", key
        if not self._credentials.identities_only:
            for key in agent_keys:
                if self._is_new(key):
                    yield f"key {key.comment or key.get_name()} of the agent", key

    def _is_new(self, key: PKey) -> bool:
        blob = key.public_blob.key_blob if key.public_blob else key.asbytes()
        is_new = blob not in self._seen
        self._seen.add(blob)
        return is_new

    def _keys_of_file(self, path: Path, held: dict[bytes, AgentKey]) -> Iterator[PKey]:
        """The key with its certificates and without; an agent that holds it saves a passphrase."""
        beside = path.with_name(path.name + _CERTIFICATE_SUFFIX)
        own = path if path.suffix == ".pub" else path.with_name(path.name + ".pub")
        public = _public_blob(own)
        for certificate in (beside, *self._credentials.certificate_files, None):
            if certificate is not None and not certificate.is_file():
                continue
            in_agent = held.get(public or b"")
            key = _copy_of(in_agent) if in_agent is not None else self._load(path)
            if key is None:
                return
            if certificate is not None and not _add_certificate(key, certificate):
                continue
            yield key

    def _load(self, path: Path) -> PKey | None:
        """Read a private key; None for what is none, is not there or is locked."""
        try:
            return _read_key(path, None)
        except TypeError:
            # It wants a passphrase.
            passphrase = self._credentials.passphrase
        if passphrase:
            with contextlib.suppress(TypeError):
                key = _read_key(path, passphrase.encode())
                if key is not None:
                    return key
        if path not in self._locked:
            self._locked.append(path)
        return None

    def _try_password(self, transport: Transport) -> bool:
        """Try the password as such, and as the answer to what the server asks."""
        self._tried.append("the password")
        user, password = self._credentials.user, self._credentials.password or ""
        try:
            if "password" in self._allowed or not self._allowed:
                self._allowed = transport.auth_password(user, password, fallback=False)
                return not self._allowed
        except BadAuthenticationType as error:
            self._allowed = error.allowed_types
        except AuthenticationException:
            return False
        if "keyboard-interactive" not in self._allowed:
            return False
        try:
            return not transport.auth_interactive(user, _Answers(password))
        except AuthenticationException:
            return False


class _Answers:
    """Answers a hidden question with the password, a few times."""

    def __init__(self, password: str) -> None:
        self._password = password
        self._left = _MAX_QUESTIONS

    def __call__(
        self, _title: str, _instructions: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str]:
        self._left -= len(prompts)
        if self._left < 0:
            raise AuthenticationException("the server keeps asking")
        return ["" if is_shown else self._password for _, is_shown in prompts]


@contextlib.contextmanager
def _open_agent(path: str) -> Iterator[Sequence[AgentKey]]:
    """The keys of an agent for the time of the block; none when it does not answer."""
    if not path:
        yield ()
        return
    with socket.socket(socket.AF_UNIX) as connection:
        agent = AgentSSH()
        try:
            connection.settimeout(_AGENT_SECONDS)
            connection.connect(path)
            agent._connect(connection)
            # A person may have to touch a token.
            connection.settimeout(None)
        except (OSError, SSHException):
            yield ()
            return
        keys = agent.get_keys()
        for key in keys:
            if key.inner_key is None:
                # A certificate; paramiko asks every key for this.
                key.public_blob = None
        yield keys


def _read_key(path: Path, passphrase: bytes | None) -> PKey | None:
    """Read a key file; None for what cannot be used, TypeError for what wants a passphrase."""
    try:
        key = PKey.from_path(path, passphrase)
    except (OSError, ValueError, UnknownKeyType, UnsupportedAlgorithm, SSHException):
        return None
    key.public_blob = None
    return key


def _copy_of(key: AgentKey) -> AgentKey:
    """The same key to put a certificate on, with the original left as it is."""
    return AgentKey(key.agent, key.blob, key.comment)


def _add_certificate(key: PKey, path: Path) -> bool:
    """Whether the certificate is for this key; then the key carries it."""
    try:
        certificate = load_ssh_public_identity(path.read_bytes().strip())
        if not isinstance(certificate, SSHCertificate):
            return False
        public = certificate.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        if base64.b64decode(public.split()[1]) != key.asbytes():
            return False
        key.load_certificate(str(path))
    except (OSError, ValueError, SSHException, UnsupportedAlgorithm):
        return False
    return True


def _public_blob(path: Path) -> bytes | None:
    """What a ``.pub`` file holds."""
    try:
        return base64.b64decode(path.read_bytes().split()[1])
    except (OSError, IndexError, binascii.Error):
        return None
