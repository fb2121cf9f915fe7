"""A task that was sent to an agent: its content goes and comes, and its result arrives here."""

import hashlib
import io
import os
import queue
from collections.abc import Iterator
from io import BufferedIOBase
from typing import Any, BinaryIO, Protocol

from lpse_ops.agent import frames
from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.content import Content

PIECE_BYTES = 1 << 18
# So much of a file is taken before the host is told that it may send more.
_CREDIT_BYTES = 1 << 20
NOT_RUN = "_not_run"
# A result as large as may be, and what is under way of a file.
_MAX_WAITING_BYTES = frames.MAX_BYTES + (16 << 20)

_BROKEN_HINT = "see whether the host is up; look at what the task has done before running it again"


class Wire(Protocol):
    """What a pending task needs of its link."""

    def send(
        self,
        kind: int,
        number: int,
        header: dict[str, Any],
        segments: tuple[bytes, ...] = (),
        *,
        compress: bool = True,
    ) -> None:
        """Send a frame; ``HostUnreachable`` when the link is lost."""
        ...

    def send_frame(self, frame: memoryview) -> None:
        """Send a frame that is one already; nobody looks at it afterwards."""
        ...

    def lose(self, reason: str) -> HostUnreachable:
        """Give the link up because of what came over it."""
        ...


NEEDS_FAILED: dict[str, Any] = {
    "failed": True,
    "changed": False,
    "msg": "not run: a task before it failed",
    NOT_RUN: True,
}


class Pending:
    """One task on its way; ``result`` waits for it and moves its content meanwhile.

    ``result``, ``step`` and ``cancel`` are for one thread; frames are delivered by the link's own.
    """

    def __init__(
        self, wire: Wire, number: int, content: Content | None, save_to: BinaryIO | None
    ) -> None:
        self.number = number
        self.was_sent = True
        self._wire = wire
        self._content = content
        self._save_to = save_to
        self._events: queue.SimpleQueue[frames.Frame | HostUnreachable] = queue.SimpleQueue()
        # Each is changed by one thread only.
        self._delivered_bytes = 0
        self._taken_bytes = 0
        self._saved_bytes = 0
        self._upload: _Upload | None = None
        self._digest = hashlib.sha1(usedforsecurity=False)
        self._result: dict[str, Any] | None = None
        self._lost: HostUnreachable | None = None

    def result(self) -> dict[str, Any]:
        """Wait for the result; ``HostUnreachable`` means that the task may have run or not."""
        try:
            while (result := self.step()) is None:
                pass
            return result
        finally:
            if self._upload:
                self._upload.close()

    def step(self) -> dict[str, Any] | None:
        """Deal with the next thing that comes, and return the result once it is there.

        For who takes what the host sends at his own pace: it is never more than a window ahead.
        """
        try:
            if self._result is None:
                if self._lost is not None:
                    raise self._lost
                self._take(self._events.get())
            return self._result
        except HostUnreachable:
            raise
        except frames.FrameError as error:
            self._lost = self._wire.lose(f"it sent {error}")
            raise self._lost from error
        except BaseException:
            self.cancel()
            raise

    def cancel(self) -> None:
        """End the task on the host; its result says so."""
        try:
            self._wire.send(frames.CANCEL, self.number, {})
        except HostUnreachable as error:
            self.fail(error)

    @property
    def was_run(self) -> bool:
        """Whether the task was begun, once there is a result."""
        return NOT_RUN not in self.result()

    def deliver(self, frame: frames.Frame) -> None:
        """Take a frame; ``FrameError`` when a host sends far more than it was asked for."""
        self._delivered_bytes += len(frame.raw)
        if self._delivered_bytes - self._taken_bytes > _MAX_WAITING_BYTES:
            raise frames.FrameError("more than it was asked for")
        self._events.put(frame)

    def fail(self, error: HostUnreachable) -> None:
        self._events.put(error)

    def resolve(self, result: dict[str, Any]) -> None:
        """Give the result without having asked the host."""
        self._result = result
        self.was_sent = False

    def _take(self, event: frames.Frame | HostUnreachable) -> None:
        if isinstance(event, HostUnreachable):
            self._lost = event
            return
        self._taken_bytes += len(event.raw)
        header, segments = event.open()
        if event.kind in (frames.DONE, frames.FAILED):
            self._result = header
        elif event.kind == frames.CREDIT and header.get("checksum") is True:
            self._send_checksum()
        elif event.kind == frames.CREDIT:
            self._send_content(_size_in(header))
        elif event.kind == frames.CONTENT and self._save_to:
            self._save(self._save_to, header, segments)
        else:
            raise frames.FrameError(f"a frame of kind {event.kind} that nobody asked for")

    def _send_checksum(self) -> None:
        """Answer a host that has a file of the same size."""
        if self._content is None:
            raise frames.FrameError("a wish for the checksum of content that there is not")
        try:
            answer = {"checksum": self._content.known_checksum()}
        except OSError as error:
            answer = {"error": str(error)}
        self._wire.send(frames.CONTENT, self.number, answer)

    def _send_content(self, credit: int) -> None:
        """Send as much as the host has room for; what cannot be read here ends the task."""
        if self._content is None:
            raise frames.FrameError("a wish for content that there is not")
        try:
            self._upload = self._upload or _Upload(self._content, self.number)
            for frame in self._upload.frames(credit):
                self._wire.send_frame(frame)
            if self._upload.is_over:
                self._wire.send(frames.CONTENT, self.number, {"end": True})
        except OSError as error:
            self._wire.send(frames.CONTENT, self.number, {"error": str(error)})

    def _save(self, file: BinaryIO, header: dict[str, Any], segments: list[bytes]) -> None:
        for piece in segments:
            file.write(piece)
            self._digest.update(piece)
            self._saved_bytes += len(piece)
        if self._saved_bytes >= _CREDIT_BYTES:
            self._wire.send(frames.CREDIT, self.number, {"bytes": self._saved_bytes})
            self._saved_bytes = 0
        if header.get("end") and header.get("checksum") != self._digest.hexdigest():
            raise frames.FrameError("a file whose checksum is not what it says")


class _Upload:
    """A content on its way to a host, never more than the host has room for.

    Each frame is read into the same place: fresh memory for each costs more than reading.
    """

    def __init__(self, content: Content, number: int) -> None:
        self._file: BufferedIOBase | None = content.open()
        # Where nobody knows the checksum, nobody else would notice.
        self._state = _state(self._file) if content.checksum is None else None
        self._number = number
        self._credit = 0
        self._told = False
        self._buffer = memoryview(bytearray(frames.CONTENT_HEAD_BYTES + PIECE_BYTES))

    def frames(self, credit: int) -> Iterator[memoryview]:
        """Frames that the host has room for; each is gone when the next one is asked for."""
        self._credit += credit
        head = frames.CONTENT_HEAD_BYTES
        while self._file and self._credit >= PIECE_BYTES:
            size = self._file.readinto(self._buffer[head:])
            if not size:
                changed = self._state is not None and _state(self._file) != self._state
                self.close()
                if changed:
                    self._told = True
                    raise OSError("it changed while it was sent")
                return
            self._credit -= size
            self._buffer[:head] = frames.content_head(self._number, size)
            yield self._buffer[: head + size]

    def close(self) -> None:
        if self._file:
            self._file.close()
        self._file = None

    @property
    def is_over(self) -> bool:
        """True once, when everything was sent."""
        if self._file or self._told:
            return False
        self._told = True
        return True


def _state(file: BufferedIOBase) -> tuple[int, int] | None:
    """What changes with a file's content; None for what is no file."""
    try:
        status = os.fstat(file.fileno())
    except io.UnsupportedOperation:
        return None
    return status.st_size, status.st_mtime_ns


def _size_in(header: dict[str, Any]) -> int:
    size = header.get("bytes")
    if not isinstance(size, int) or size < 0:
        raise frames.FrameError("a credit that is no number")
    return size


def broken(name: str, reason: str) -> HostUnreachable:
    """The error for every task that was under way when a link broke."""
    return HostUnreachable(f"{name}: {reason}; the task may have run", hint=_BROKEN_HINT)
