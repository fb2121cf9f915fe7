"""A task's process and the agent that started it: frames over two pipes.

When the agent is gone, however it went, the kernel tells the task's process at once, and that
kills its whole process group: nothing goes on that nobody would hear of.
Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import fcntl
import hashlib
import os
import select
import signal
from collections import deque
from typing import IO, Any, Callable, Deque, Dict, List, Optional, Sequence, Tuple

from lpse_ops.agent import frames
from lpse_ops.agent.context import Failed, Incoming

PIECE_BYTES = 1 << 18
# What may be under way without having been asked for again.
WINDOW_BYTES = 8 << 20
_READ_BYTES = 1 << 18


class Channel:
    """The task's end of the pipes; all its frames carry the number of its request."""

    def __init__(self, read_fd: int, write_fd: int, number: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._number = number
        self._decoder = frames.Decoder()
        self._arrived: Deque[frames.Frame] = deque()
        self._on_end: Callable[[], None] = lambda: None

    def watch(self, on_end: Callable[[], None]) -> None:
        """From now on, die with the agent; ``on_end`` is called before that.

        The signal comes for everything that the agent writes; a thread that reads would do too,
        but takes longer to start than most tasks take to run.
        """
        self._on_end = on_end
        signal.signal(signal.SIGIO, lambda *_: self._look())
        fcntl.fcntl(self._read_fd, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(self._read_fd, fcntl.F_GETFL)
        fcntl.fcntl(self._read_fd, fcntl.F_SETFL, flags | os.O_ASYNC)
        self._look()

    def send(
        self, kind: int, header: Dict[str, Any], segments: Sequence[bytes] = (), **options: bool
    ) -> None:
        rest = memoryview(frames.encode(kind, self._number, header, segments, **options))
        while rest:
            rest = rest[os.write(self._write_fd, rest) :]

    def receive(self, kind: int) -> Tuple[Dict[str, Any], List[bytes]]:
        """Wait for the next frame that is meant for us; it must be of this kind."""
        while not self._arrived:
            received = os.read(self._read_fd, _READ_BYTES)
            if not received:
                self._end()
            self._arrived.extend(self._decoder.feed(received))
        frame = self._arrived.popleft()
        if frame.kind != kind:
            raise Failed(f"the controller sent frame {frame.kind} instead of {kind}")
        return frame.open()

    def close(self) -> None:
        os.close(self._read_fd)
        os.close(self._write_fd)

    def _look(self) -> None:
        poll = select.poll()
        poll.register(self._read_fd, select.POLLIN)
        if any(event & select.POLLHUP for _, event in poll.poll(0)):
            self._end()

    def _end(self) -> None:
        try:
            self._on_end()
        finally:
            os.killpg(0, signal.SIGKILL)


class StreamedIncoming(Incoming):
    """Content that the controller sends piece by piece, as fast as we write it away."""

    def __init__(self, size_bytes: int, checksum: Optional[str], channel: Channel) -> None:
        super().__init__(size_bytes, checksum)
        self._channel = channel

    def copy_to(self, file: IO[bytes]) -> int:
        digest = hashlib.sha1()
        size = 0
        self._channel.send(frames.CREDIT, {"bytes": WINDOW_BYTES})
        while True:
            header, segments = self._channel.receive(frames.CONTENT)
            if header.get("error"):
                raise Failed("cannot read the content on the controller: " + header["error"])
            for piece in segments:
                file.write(piece)
                digest.update(piece)
                size += len(piece)
                self._channel.send(frames.CREDIT, {"bytes": len(piece)})
            if header.get("end"):
                break
        if size != self.size_bytes or self.checksum not in (None, digest.hexdigest()):
            raise Failed("the content changed on the controller while it was sent")
        return size


def send_file(channel: Channel, file: IO[bytes]) -> int:
    """Stream the rest of a file to the controller; never more ahead of it than the window."""
    digest = hashlib.sha1()
    size = 0
    credit = WINDOW_BYTES
    while True:
        piece = file.read(PIECE_BYTES)
        if not piece:
            break
        while credit < len(piece):
            credit += int(channel.receive(frames.CREDIT)[0]["bytes"])
        credit -= len(piece)
        size += len(piece)
        digest.update(piece)
        channel.send(frames.CONTENT, {}, [piece], compress=False)
    channel.send(frames.CONTENT, {"end": True, "bytes": size, "checksum": digest.hexdigest()})
    return size
