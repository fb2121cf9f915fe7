"""A program that an agent runs for us, as a transport: how another account's agent is reached."""

import queue
import threading
from collections.abc import Sequence

from lpse_ops.agent import frames
from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.link import AgentLink

_PIECE_BYTES = 1 << 18
_KEPT_ERROR_BYTES = 8192


class NestedTransport:
    """The stream to a program on the host of a link; see ``transport.Transport``."""

    def __init__(self, link: AgentLink, argv: Sequence[str], *, on_terminal: bool) -> None:
        self._link = link
        self._output: queue.SimpleQueue[bytes | HostUnreachable | None] = queue.SimpleQueue()
        self._errors = b""
        self._status: int | None = None
        self._ended = threading.Event()
        self._number = link.start_program(argv, self, on_terminal=on_terminal)

    def send(self, content: bytes | memoryview) -> None:
        for start in range(0, len(content), _PIECE_BYTES):
            piece = bytes(content[start : start + _PIECE_BYTES])
            self._send({}, (piece,))

    def end_input(self) -> None:
        if not self._ended.is_set() and not self._link.is_lost:
            self._send({"end": True}, ())

    def receive(self, timeout_seconds: float) -> bytes | None:
        """Some of its output; None also when something came on its stderr."""
        # Before the wait: what the program said last is still there when it has ended.
        over = self._ended.is_set()
        try:
            event = self._output.get(timeout=0 if over else max(0.0, timeout_seconds))
        except queue.Empty:
            return b"" if over else None
        if isinstance(event, HostUnreachable):
            raise ConnectionResetError(event.message) from event
        return event

    def errors(self) -> bytes:
        return self._errors

    def status(self, timeout_seconds: float) -> int | None:
        self._ended.wait(timeout_seconds)
        return self._status

    def close(self) -> None:
        if not self._ended.is_set() and not self._link.is_lost:
            self._link.send(frames.CANCEL, self._number, {})
        self._link.forget(self._number)

    def deliver(self, frame: frames.Frame) -> None:
        """Take a frame of the program; called by the link's thread, which must not wait."""
        try:
            header, segments = frame.open()
        except frames.FrameError:
            header, segments = {}, []
        if frame.kind == frames.EXIT:
            status = header.get("status")
            self._status = status if isinstance(status, int) else None
            self._ended.set()
            self._output.put(b"")
        elif header.get("error"):
            self._errors = (self._errors + b"".join(segments))[-_KEPT_ERROR_BYTES:]
            # Who waits for a question wakes up, which may well come here.
            self._output.put(None)
        else:
            for segment in segments:
                if segment:
                    self._output.put(segment)

    def fail(self, error: HostUnreachable) -> None:
        # First the reason: who sees the end looks no further.
        self._output.put(error)
        self._ended.set()

    def _send(self, header: dict[str, bool], segments: tuple[bytes, ...]) -> None:
        try:
            self._link.send(frames.DATA, self._number, header, segments, compress=False)
        except HostUnreachable as error:
            raise ConnectionResetError(error.message) from error
