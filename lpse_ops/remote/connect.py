"""From a target to links: connect, start the agent, become another account where asked to."""

import importlib
import threading
from collections.abc import Callable, Iterable, Mapping

from lpse_ops.errors import UsageError
from lpse_ops.remote.become import describe, open_become
from lpse_ops.remote.bootstrap import new_magic, render_command, send_agent
from lpse_ops.remote.link import BEAT_SECONDS, AgentLink
from lpse_ops.remote.sources import module_sources
from lpse_ops.remote.target import Become, Target
from lpse_ops.remote.transport import Connection, Transport

# Kind of connection -> module and function; imported when used, as paramiko takes its time.
CONNECTIONS = {
    "local": ("lpse_ops.remote.local", "open_local"),
    "ssh": ("lpse_ops.remote.ssh", "open_ssh"),
    "paramiko": ("lpse_ops.remote.ssh", "open_ssh"),
    "paramiko_ssh": ("lpse_ops.remote.ssh", "open_ssh"),
    "openssh": ("lpse_ops.remote.openssh", "open_openssh"),
}


def open_connection(target: Target) -> Connection:
    """Connect to a host; ``HostUnreachable`` when that fails."""
    if target.connection not in CONNECTIONS:
        raise UsageError(
            f"{target.name}: there is no connection {target.connection!r}",
            hint=f"set ansible_connection to one of {', '.join(sorted(CONNECTIONS))}",
        )
    module, function = CONNECTIONS[target.connection]
    connect: Callable[[Target], Connection] = getattr(importlib.import_module(module), function)
    return connect(target)


class HostLinks:
    """One connection to a host, and one agent there for each account; all closed together.

    Thread-safe.  Nothing is connected before the first use, nor again before the next one after
    a link was lost.  ``conceal`` is told what a host gets to know and must never be shown.
    """

    def __init__(
        self,
        target: Target,
        *,
        connect: Callable[[Target], Connection] = open_connection,
        beat_seconds: float = BEAT_SECONDS,
        sources: Callable[[str], Mapping[str, bytes]] = module_sources,
        conceal: Callable[[Iterable[str]], None] = lambda _secrets: None,
        tell: Callable[[str], None] = lambda _text: None,
        allow_same_user: bool = False,
    ) -> None:
        self._target = target
        self._conceal = conceal
        self._tell = tell
        self._allow_same_user = allow_same_user
        self._connect = connect
        self._beat_seconds = beat_seconds
        self._sources = sources
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._links: dict[tuple[str, Become | None], AgentLink] = {}

    def connection(self, become: Become | None = None) -> Connection:
        """The connection itself, for what needs no agent, also where that works as ``become``."""
        if become and become.password:
            self._conceal([become.password])
        with self._lock:
            self._connection = self._connection or self._connect(self._target)
            return self._connection

    def link(self, become: Become | None = None, python: str | None = None) -> AgentLink:
        """The agent that works as ``become``, started if it is not there yet.

        ``HostUnreachable`` when there is no way to it, ``BecomeRefused`` when the host says no; if
        it does not start, its tasks say so.  To become who we are already nobody is asked.
        """
        python = self._target.python if python is None else python
        with self._lock:
            if become and self._is_already(become, python):
                become = None
            key = (python, become)
            if key in self._links and self._links[key].is_lost:
                self._drop(key)
            if key not in self._links:
                self._links[key] = self._start(become, python)
            return self._links[key]

    def close(self) -> None:
        """End all agents and the connection; the next use connects anew."""
        with self._lock:
            # Those of other accounts hang on the login account's, which came first.
            for link in reversed(self._links.values()):
                link.close()
            self._links.clear()
            if self._connection:
                self._connection.close()
            self._connection = None

    def _is_already(self, become: Become, python: str) -> bool:
        if self._allow_same_user:
            return False
        if self._target.user:
            return self._target.user == become.user
        return become.user == "root" and self.link(None, python).hello.uid == 0

    def _drop(self, lost: tuple[str, Become | None]) -> None:
        """Forget a lost link; with the login account's all others are lost, and the connection."""
        if self._links[lost].has_no_python:
            self._links.pop(lost).close()
            return
        if lost[1] is None:
            self.close()
        for key in [key for key in self._links if key[1] == lost[1]]:
            self._links.pop(key).close()

    def _start(self, become: Become | None, python: str) -> AgentLink:
        magic = new_magic()
        command = render_command(python, magic, self._beat_seconds)
        if become is None:
            return self._link(self.connection().start(command), magic, python)
        login = self.link(None, python)
        if become.password:
            self._conceal([become.password])
        self._tell(f"<{self._target.name}> EXEC {describe(become)}")
        transport = open_become(login, become, command, self._target.timeout_seconds)
        return self._link(transport, magic, python)

    def _link(self, transport: Transport, magic: bytes, python: str) -> AgentLink:
        send_agent(transport)
        return AgentLink(
            self._target.name,
            transport,
            magic=magic,
            timeout_seconds=self._target.timeout_seconds,
            beat_seconds=self._beat_seconds,
            sources=self._sources,
            python=python,
        )


def open_link(target: Target) -> AgentLink:
    """Connect and start the agent that works as the target says; closing it closes everything."""
    links = HostLinks(target)
    try:
        link = links.link(target.become)
        # Wait for its hello, or say why there is none.
        _ = link.hello
    except BaseException:
        links.close()
        raise
    link.when_closed(links.close)
    return link
