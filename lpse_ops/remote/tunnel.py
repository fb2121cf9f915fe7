"""A Unix socket here whose connections end at a server on the host of a link.

Each connection has a small program there (``agent.bridge``), which ends with it, with the link, or
when we are killed.  Both directions have a window: nobody's slowness fills anybody's memory.
"""

import contextlib
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from lpse_ops.agent import bridge
from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.bridgeprogram import BridgeProgram
from lpse_ops.remote.link import AgentLink

# With a name of libpq's it must not be longer than 107 bytes.
_LONGEST_FOLDER = 60
_SECONDS_TO_END = 5.0


class Tunnel:
    """Listens in a private ``folder`` of its own until it is closed; thread-safe.

    ``addresses`` are tried on the host one after the other, by ``account`` if the agent is root;
    see ``agent.bridge``.
    """

    def __init__(
        self, link: AgentLink, addresses: Sequence[str], *, account: str, socket_name: str
    ) -> None:
        self._link = link
        self._arguments = [account, *addresses]
        self._lock = threading.Lock()
        self._carriers: list[_Carrier] = []
        self._closed = False
        self._problem = ""
        short = len(tempfile.gettempdir()) <= _LONGEST_FOLDER
        # Nobody else may enter: who connects is whoever the server takes the account for.
        self.folder = Path(tempfile.mkdtemp(prefix="lpse-ops-", dir=None if short else "/tmp"))  # noqa: S108 - a private folder
        self._listener = socket.socket(socket.AF_UNIX)
        try:
            self._listener.bind(str(self.folder / socket_name))
            self._listener.listen()
        except OSError:
            self._listener.close()
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self._thread = threading.Thread(target=self._accept, name="tunnel", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str:
        """Why a connection did not come about on the host, the newest; empty if all did."""
        return self._problem

    def close(self) -> None:
        """End all connections, here and there, and remove the folder."""
        with self._lock:
            self._closed = True
            carriers = list(self._carriers)
        # Closing alone would not wake who waits in accept.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(_SECONDS_TO_END)
        self._listener.close()
        for carrier in carriers:
            carrier.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._closed:
                    accepted.close()
                    return
                self._carriers = [each for each in self._carriers if each.is_running]
                self._start(accepted)

    def _start(self, accepted: socket.socket) -> None:
        try:
            self._carriers.append(_Carrier(self._link, self._arguments, accepted, self._note))
        except HostUnreachable:
            accepted.close()

    def _note(self, problem: str) -> None:
        self._problem = problem


class _Carrier:
    """One connection: a thread for each direction, and the program on the host."""

    def __init__(
        self,
        link: AgentLink,
        arguments: Sequence[str],
        accepted: socket.socket,
        note: Callable[[str], None],
    ) -> None:
        self._accepted = accepted
        self._note = note
        self._program = BridgeProgram(link, arguments)
        self._window = _Window(bridge.WINDOW_BYTES)
        self._threads = [
            threading.Thread(target=each, name="tunnel", daemon=True)
            for each in (self._carry_back, self._carry_there)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def is_running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        self._end()
        for thread in self._threads:
            thread.join(_SECONDS_TO_END)

    def _carry_back(self) -> None:
        """From the host to whoever has connected; the way there begins when the host is ready."""
        pieces, taken = bridge.Pieces(), 0
        try:
            while received := self._program.receive():
                for kind, number, part in pieces.feed(received):
                    if kind == bridge.DATA:
                        self._accepted.sendall(part)
                        taken += number
                    else:
                        self._obey(kind, number)
                if taken >= bridge.TELL_BYTES:
                    self._program.send(bridge.HEAD.pack(bridge.TAKEN, taken))
                    taken = 0
        except (OSError, HostUnreachable, bridge.BrokenPieces):
            pass
        finally:
            self._end()
            self._accepted.close()

    def _obey(self, kind: bytes, number: int) -> None:
        if kind in (bridge.READY, bridge.TAKEN):
            self._window.widen(number)
        elif kind == bridge.FAILED:
            self._note(self._program.last_words())
        elif kind == bridge.END:
            self._accepted.shutdown(socket.SHUT_WR)

    def _carry_there(self) -> None:
        with contextlib.suppress(OSError, HostUnreachable):
            while room := self._window.wait():
                content = self._accepted.recv(min(room, bridge.READ_BYTES))
                if not content:
                    self._program.send(bridge.HEAD.pack(bridge.END, 0))
                    return
                self._window.narrow(len(content))
                self._program.send(bridge.HEAD.pack(bridge.DATA, len(content)) + content)

    def _end(self) -> None:
        """Set both threads free, and end the program."""
        self._window.close()
        with contextlib.suppress(OSError):
            self._accepted.shutdown(socket.SHUT_RDWR)
        self._program.close()


class _Window:
    """How much may be sent; nothing before it was widened for the first time, if only by 0."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._is_open = False
        self._closed = False
        self._changed = threading.Condition()

    def wait(self) -> int:
        """Wait for room; 0 when it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or (self._is_open and self._size > 0))
            return 0 if self._closed else self._size

    def narrow(self, count: int) -> None:
        with self._changed:
            self._size -= count

    def widen(self, count: int) -> None:
        with self._changed:
            self._size = min(self._size + count, bridge.WINDOW_BYTES)
            self._is_open = True
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
