"""Connections over SSH by paramiko and Fabric, the way OpenSSH's own files say.

Host keys are always checked, those of jump hosts too.  Connecting is tried again a few times while
that is harmless; nothing else is.  At most eight handshakes go through one jump host at a time:
sshd drops more than ten (``MaxStartups``).
"""

import contextlib
import getpass
import logging
import os
import random
import shlex
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from paramiko.agent import AgentRequestHandler
from paramiko.channel import Channel
from paramiko.client import MissingHostKeyPolicy, SSHClient
from paramiko.pkey import PKey

from lpse_ops.errors import HostUnreachable, OpsError
from lpse_ops.remote.hostkeys import (
    HostKey,
    check_host_key,
    names_of,
    preferred_kinds,
    unknown_key,
)
from lpse_ops.remote.knownhosts import Entry, load_known_hosts, render_line
from lpse_ops.remote.openssh import OpensshConnection, open_openssh
from lpse_ops.remote.ssharguments import parse_arguments
from lpse_ops.remote.sshconfig import (
    DEFAULT_KEYS,
    SYSTEM_CONFIG,
    SshSettings,
    Wanted,
    parse_settings,
    plan_route,
    read_config,
)
from lpse_ops.remote.sshlink import Link, make_link
from lpse_ops.remote.sshlogin import Credentials, Login
from lpse_ops.remote.sshproblems import FailedAt, explain, is_worth_another_try
from lpse_ops.remote.sshsocket import open_proxy, transport_factory
from lpse_ops.remote.sshstream import ChannelTransport, execute, start_subsystem
from lpse_ops.remote.target import Target

HANDSHAKES_PER_JUMP_HOST = 8
ATTEMPTS = 3
KEEPALIVE_SECONDS = 15
WINDOW_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Surroundings:
    """Where OpenSSH's files are, and what else differs from person to person."""

    home: Path
    environment: Mapping[str, str] = field(repr=False)
    local_user: str
    config_files: tuple[Path, ...]

    @classmethod
    def of_process(cls) -> "Surroundings":
        home = Path.home()
        files = (home / ".ssh" / "config", SYSTEM_CONFIG)
        return cls(home, os.environ, getpass.getuser(), files)


class SshConnector:
    """Opens connections for one run; any thread may use it.

    ``wait`` and ``chance`` (a number from 0 to 1) are those of the clock and of luck.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        *,
        wait: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._surroundings = surroundings
        self._wait = wait
        self._chance = chance
        self._config = read_config(surroundings.config_files)
        self._lock = threading.Lock()
        self._known: dict[tuple[Path, ...], list[Entry]] = {}
        self._gates: dict[tuple[str, int], threading.Semaphore] = {}
        # Whatever goes wrong is in our own errors.
        logging.getLogger("paramiko").addHandler(logging.NullHandler())

    def open(self, target: Target) -> "SshConnection":
        """Connect and log in; ``HostUnreachable`` says what to type when that cannot be."""
        route = self.route_to(target)
        with self._gate(route):
            for attempt in range(ATTEMPTS):
                try:
                    return self._open_once(target, route)
                except (FailedAt, OSError) as error:
                    last = attempt == ATTEMPTS - 1
                    if last or not is_worth_another_try(error):
                        raise explain(error, target.name, route) from error
                self._wait((0.3 + self._chance() * 0.7) * (attempt + 1))
        raise AssertionError("the last attempt returns or raises")

    def route_to(self, target: Target) -> list[SshSettings]:
        """The machines on the way to a host, and the host itself."""
        arguments = parse_arguments(target.ssh_common_args)
        if arguments is None:
            raise HostUnreachable(
                f"only OpenSSH knows the options {shlex.join(target.ssh_common_args)!r}",
                hint="set ansible_connection: ssh, or leave ansible_ssh_common_args out",
            )
        file = arguments.config_file
        text = self._config if file is None else read_config([file])
        # Options are for the host alone; the files are for its jump hosts too.
        own_text = "\n".join([*arguments.lines, "Host *", text])
        asked = Wanted(target.address, target.port, target.user)

        def look(wanted: Wanted) -> SshSettings:
            return self._settings(own_text if wanted is asked else text, wanted)

        return plan_route(asked, look)

    def _settings(self, text: str, wanted: Wanted) -> SshSettings:
        around = self._surroundings
        return parse_settings(
            text,
            wanted,
            environment=around.environment,
            home=around.home,
            local_user=around.local_user,
        )

    @contextlib.contextmanager
    def _gate(self, route: list[SshSettings]) -> Iterator[None]:
        """Wait for our turn at a jump host; straight connections need none."""
        if len(route) == 1:
            yield
            return
        key = (route[0].host, route[0].port)
        with self._lock:
            gate = self._gates.setdefault(key, threading.Semaphore(HANDSHAKES_PER_JUMP_HOST))
        with gate:
            yield

    def _open_once(self, target: Target, route: list[SshSettings]) -> "SshConnection":
        with contextlib.ExitStack() as opened:
            gateway: Link | None = None
            is_alone = len(route) == 1
            for settings in route:
                is_last = settings is route[-1]
                # What was given for the host is not for the jump hosts on the way.
                login = self._credentials(target if is_last else None, settings)
                link = self._make(target, settings, login, gateway, is_alone=is_alone)
                opened.callback(link.client.close)
                if settings.proxy_command and not gateway:
                    proxy = open_proxy(settings.proxy_command)
                    opened.callback(proxy.close)
                    link.connect_kwargs["sock"] = proxy
                try:
                    link.open()
                except OpsError:
                    raise
                except Exception as error:
                    # What the other side sends can break paramiko in many ways.
                    raise FailedAt(settings, error) from error
                gateway = link
            link.transport.set_keepalive(KEEPALIVE_SECONDS)
            return SshConnection(link, route[-1], opened.pop_all(), target)

    def _make(
        self,
        target: Target,
        settings: SshSettings,
        login: Credentials,
        gateway: Link | None,
        *,
        is_alone: bool,
    ) -> Link:
        """A link that is not open yet; everything is decided here, nothing there."""
        entries = self._entries(settings.known_hosts)
        kinds = preferred_kinds(entries, names_of(settings))
        options = {
            "auth_strategy": Login(login),
            "transport_factory": transport_factory(kinds, WINDOW_BYTES),
            "banner_timeout": target.timeout_seconds,
            "auth_timeout": max(30.0, target.timeout_seconds),
            "channel_timeout": target.timeout_seconds,
        }
        timeout = max(1, round(target.timeout_seconds))
        link = make_link(settings, timeout, options, gateway=gateway, is_alone=is_alone)
        link.client.set_missing_host_key_policy(
            _HostKeyPolicy(self, settings, is_checked=target.host_key_checking)
        )
        return link

    def _credentials(self, target: Target | None, settings: SshSettings) -> Credentials:
        ssh = self._surroundings.home / ".ssh"
        files = settings.identity_files or tuple(ssh / name for name in DEFAULT_KEYS)
        named = target.private_key_file if target else None
        return Credentials(
            user=settings.user,
            key_files=(named, *files) if named else files,
            certificate_files=settings.certificate_files,
            agent_socket=settings.agent_socket,
            identities_only=settings.identities_only,
            password=target.password if target else None,
            passphrase=target.private_key_passphrase if target else None,
        )

    def _entries(self, files: tuple[Path, ...]) -> list[Entry]:
        with self._lock:
            if files not in self._known:
                self._known[files] = load_known_hosts(files)
            return self._known[files]

    def check(self, key: HostKey, settings: SshSettings) -> None:
        """Accept a host key, or raise ``HostUnreachable``."""
        entries = self._entries(settings.known_hosts)
        if check_host_key(key, settings, entries, datetime.now(UTC)):
            return
        if settings.strict == "yes":
            raise unknown_key(key, settings)
        if settings.strict == "accept-new" and settings.known_hosts:
            self._learn(key, settings)

    def _learn(self, key: HostKey, settings: SshSettings) -> None:
        """Trust a key from now on, as ``StrictHostKeyChecking accept-new`` asks for."""
        name, file = names_of(settings)[0], settings.known_hosts[0]
        with self._lock:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with file.open("a") as stream:
                stream.write(render_line(name, key.kind, key.blob))
            entry = Entry("", name, key.kind, key.blob, str(file))
            self._known.setdefault(settings.known_hosts, []).append(entry)


class SshConnection:
    """An open connection to one host; see ``transport.Connection``."""

    def __init__(
        self,
        link: Link,
        settings: SshSettings,
        opened: contextlib.ExitStack,
        target: Target,
    ) -> None:
        self._link = link
        self._settings = settings
        self._opened = opened
        self._target = target

    def start(self, command: str) -> ChannelTransport:
        """Start a command line in the login shell there."""
        return self._start(lambda channel: execute(channel, command))

    def start_subsystem(self, name: str, patience_seconds: float) -> ChannelTransport:
        """Start what the server knows by a name, such as ``sftp``; no shell is asked.

        ``OSError`` from sending when the server has not taken in anything for so long.
        """

        def begin(channel: Channel) -> None:
            is_started = start_subsystem(channel, name, patience_seconds)
            if not is_started and self._link.transport.is_active():
                raise _no_subsystem(name, self._settings)
            if not is_started:
                raise EOFError("the other side is gone")

        return self._start(begin)

    def _start(self, begin: Callable[[Channel], None]) -> ChannelTransport:
        try:
            channel = self._link.transport.open_session(
                window_size=WINDOW_BYTES, timeout=max(30.0, self._target.timeout_seconds)
            )
            if self._settings.forward_agent:
                AgentRequestHandler(channel)
            stream = ChannelTransport(channel)
            begin(channel)
        except HostUnreachable:
            raise
        except Exception as error:
            raise explain(error, self._target.name, [self._settings]) from error
        return stream

    def close(self) -> None:
        self._opened.close()


def open_ssh(
    target: Target, connector: SshConnector | None = None
) -> "SshConnection | OpensshConnection":
    """Connect; by OpenSSH's program where there are options that only it knows.

    For many hosts give one connector, which keeps the handshakes at a jump host apart.
    """
    if target.connection == "ssh" and parse_arguments(target.ssh_common_args) is None:
        return open_openssh(target)
    return (connector or SshConnector(Surroundings.of_process())).open(target)


def _no_subsystem(name: str, settings: SshSettings) -> HostUnreachable:
    return HostUnreachable(
        f"{settings.shown} offers no {name}",
        hint=f"set `Subsystem {name} internal-{name}` in sshd_config there, and reload sshd",
    )


class _HostKeyPolicy(MissingHostKeyPolicy):  # type: ignore[misc] # paramiko has no types
    """paramiko knows no host, so every key comes here."""

    def __init__(self, connector: SshConnector, settings: SshSettings, *, is_checked: bool) -> None:
        self._connector = connector
        self._settings = settings
        self._is_checked = is_checked

    def missing_host_key(self, _client: SSHClient, _name: str, key: PKey) -> None:
        if not self._is_checked:
            return
        shown = key.public_blob
        if shown is not None:
            self._connector.check(HostKey(shown.key_type, shown.key_blob), self._settings)
        else:
            self._connector.check(HostKey(key.get_name(), key.asbytes()), self._settings)
