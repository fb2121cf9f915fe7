"""The program on a host that carries one connection: ``agent.bridge``, sent as its own source."""

import contextlib
import functools
import queue
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path

from lpse_ops.agent import bridge, frames
from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.bootstrap import STUB
from lpse_ops.remote.link import AgentLink

# Its own words, such as a path that is not there.
_KEPT_ERROR_BYTES = 2000
_MOST_WAITING_BYTES = 2 * bridge.WINDOW_BYTES
_SECONDS_TO_END = 5.0


class BridgeProgram:
    """One running program, as a ``Receiver``: what it says waits here, within bounds."""

    def __init__(self, link: AgentLink, arguments: Sequence[str]) -> None:
        self._link = link
        self._said: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._errors = b""
        self._ended = threading.Event()
        # Each is changed by one thread only.
        self._delivered_bytes = 0
        self._received_bytes = 0
        source = _payload()
        argv = [link.hello.executable, "-I", "-c", STUB, str(len(source)), *arguments]
        self._number = link.start_program(argv, self, on_terminal=False)
        self.send(source)

    def send(self, content: bytes) -> None:
        self._link.send(frames.DATA, self._number, {}, (content,), compress=False)

    def receive(self) -> bytes:
        """Some of its output; empty at its end."""
        received = self._said.get()
        self._received_bytes += len(received)
        return received

    def last_words(self) -> str:
        self._ended.wait(_SECONDS_TO_END)
        text = self._errors.decode(errors="replace").strip()
        return "".join(char if char.isprintable() else " " for char in text)

    def close(self) -> None:
        """End it on the host, and drop whatever it still says."""
        if not self._ended.is_set():
            self._ended.set()
            with contextlib.suppress(HostUnreachable):
                self._link.send(frames.CANCEL, self._number, {})
            self._link.forget(self._number)
        self._said.put(b"")

    def deliver(self, frame: frames.Frame) -> None:
        """Take a frame; called by the link's thread, which must not wait."""
        header, segments = frame.open()
        if frame.kind == frames.EXIT:
            self._ended.set()
            self._said.put(b"")
        elif header.get("error"):
            self._errors = (self._errors + b"".join(segments))[-_KEPT_ERROR_BYTES:]
        else:
            for segment in filter(None, segments):
                self._delivered_bytes += len(segment)
                # Before it can be taken away: who sends so much is not waited for.
                if self._delivered_bytes - self._received_bytes > _MOST_WAITING_BYTES:
                    raise frames.FrameError("more than it was asked for")
                self._said.put(segment)

    def fail(self, error: HostUnreachable) -> None:  # noqa: ARG002 - whoever looks asks the link
        self._ended.set()
        self._said.put(b"")


@functools.cache
def _payload() -> bytes:
    """The program's source as the stub reads it."""
    return zlib.compress(Path(bridge.__file__).read_bytes())
