"""A task's process and the agent that started it: frames over two pipes.

When the agent is gone, however it went, the kernel tells the task's process at once, and that
kills its whole process group: nothing goes on that nobody would hear of.
Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import fcntl
import hashlib
import io
import os
import select
import signal
from typing import IO, Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from lpse_ops.agent import frames
from lpse_ops.agent.context import Failed, Incoming

PIECE_BYTES = 1 << 18
# What may be under way without having been asked for again, and how much is asked for at a time.
WINDOW_BYTES = 8 << 20
_CREDIT_BYTES = 1 << 20
Take = Callable[[memoryview], Any]


class Channel:
    """The task's end of the pipes; all its frames carry the number of its request."""

    def __init__(self, read_fd: int, write_fd: int, number: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self.number = number
        self._input = io.FileIO(read_fd, closefd=False)
        self._on_end: Callable[[], None] = lambda: None

    def watch(self, on_end: Callable[[], None]) -> None:
        """From now on, die with the agent; ``on_end`` is called before that.

        The signal comes for everything that the agent writes; a thread that reads would do too,
        but takes longer to start than most tasks take to run.
        """
        self._on_end = on_end
        signal.signal(signal.SIGIO, lambda *_: self._look())
        fcntl.fcntl(self._read_fd, fcntl.F_SETOWN, os.getpid())
        self._signal(on=True)

    def send(
        self, kind: int, header: Dict[str, Any], segments: Sequence[bytes] = (), **options: bool
    ) -> None:
        self.send_frame(frames.encode(kind, self.number, header, segments, **options))

    def send_frame(self, frame: Union[bytes, memoryview]) -> None:
        rest = memoryview(frame)
        while rest:
            rest = rest[os.write(self._write_fd, rest) :]

    def receive(self, kind: int, begun: bytes = b"") -> Tuple[Dict[str, Any], List[bytes]]:
        """Wait for the next frame, or the rest of a begun one; it must be of this kind."""
        begun = begun or self._exactly(frames.PREFIX_BYTES)
        found, size = frames.parse_prefix(begun[: frames.PREFIX_BYTES])
        raw = begun + self._exactly(frames.PREFIX_BYTES + size - len(begun))
        if found != kind:
            raise Failed(f"the controller sent frame {found} instead of {kind}")
        return frames.Frame(kind, self.number, raw).open()

    def receive_content(self, take: Take) -> Dict[str, Any]:
        """Give content piece by piece to ``take``, which must be done with it when it returns.

        Returns the header of the frame that ends it.
        """
        buffer = memoryview(bytearray(PIECE_BYTES))
        # The end shows when we read; a signal for everything that comes takes its time.
        self._signal(on=False)
        try:
            while True:
                head = self._exactly(frames.CONTENT_HEAD_BYTES)
                left = frames.content_size(head)
                if left is None:
                    return self.receive(frames.CONTENT, head)[0]
                while left:
                    count = self._read_into(buffer[:left])
                    take(buffer[:count])
                    left -= count
        finally:
            self._signal(on=True)

    def close(self) -> None:
        os.close(self._read_fd)
        os.close(self._write_fd)

    def _exactly(self, count: int) -> bytes:
        content = bytearray(count)
        rest = memoryview(content)
        while rest:
            rest = rest[self._read_into(rest) :]
        return bytes(content)

    def _read_into(self, buffer: memoryview) -> int:
        count = self._input.readinto(buffer)
        if not count:
            self._end()
        return count or 0

    def _signal(self, *, on: bool) -> None:
        """Be told, or not, when the agent writes or goes."""
        flags = fcntl.fcntl(self._read_fd, fcntl.F_GETFL)
        flags = flags | os.O_ASYNC if on else flags & ~os.O_ASYNC
        fcntl.fcntl(self._read_fd, fcntl.F_SETFL, flags)
        if on:
            self._look()

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
    """Content that the controller sends piece by piece, as fast as we write it away.

    A checksum that is not known yet, but wanted ``later``, is that of what was written.
    """

    def __init__(
        self, size_bytes: int, checksum: Optional[str], channel: Channel, *, later: bool = False
    ) -> None:
        super().__init__(size_bytes, checksum)
        self._channel = channel
        self._later = later
        self._asked = False

    def ask_checksum(self) -> None:
        if self.checksum is None and self._later and not self._asked:
            self._channel.send(frames.CREDIT, {"checksum": True})
            self._asked = True

    def find_checksum(self) -> Optional[str]:
        self.ask_checksum()
        if self._asked and self.checksum is None:
            answer = self._channel.receive(frames.CONTENT)[0]
            _refuse_error(answer)
            self.checksum = str(answer["checksum"])
        return self.checksum

    def copy_to(self, file: IO[bytes]) -> int:
        receiver = _Receiver(self._channel, file)
        if self.checksum is not None or self._later:
            receiver.digest = hashlib.sha1()
        self._channel.send(frames.CREDIT, {"bytes": WINDOW_BYTES})
        _refuse_error(self._channel.receive_content(receiver.take))
        summed = receiver.digest and receiver.digest.hexdigest()
        if receiver.size != self.size_bytes or self.checksum not in (None, summed):
            raise Failed("the content changed on the controller while it was sent")
        self.checksum = summed
        return receiver.size


class _Receiver:
    """Writes pieces away and asks for more in time."""

    def __init__(self, channel: Channel, file: IO[bytes]) -> None:
        self._channel = channel
        self._file = file
        self._used = 0
        self.size = 0
        self.digest: Any = None

    def take(self, piece: memoryview) -> None:
        self._file.write(piece)
        if self.digest:
            self.digest.update(piece)
        self.size += len(piece)
        self._used += len(piece)
        if self._used >= _CREDIT_BYTES:
            self._channel.send(frames.CREDIT, {"bytes": self._used})
            self._used = 0


def _refuse_error(answer: Dict[str, Any]) -> None:
    if answer.get("error"):
        raise Failed("cannot read the content on the controller: " + answer["error"])


def send_file(channel: Channel, file: IO[bytes]) -> int:
    """Stream the rest of a file to the controller; never more ahead of it than the window."""
    digest = hashlib.sha1()
    size = 0
    credit = WINDOW_BYTES
    head = frames.CONTENT_HEAD_BYTES
    buffer = memoryview(bytearray(head + PIECE_BYTES))
    while True:
        count = file.readinto(buffer[head:])  # type: ignore[attr-defined] # all binary files can
        if not count:
            break
        while credit < count:
            credit += int(channel.receive(frames.CREDIT)[0]["bytes"])
        credit -= count
        size += count
        digest.update(buffer[head : head + count])
        buffer[:head] = frames.content_head(channel.number, count)
        channel.send_frame(buffer[: head + count])
    channel.send(frames.CONTENT, {"end": True, "bytes": size, "checksum": digest.hexdigest()})
    return size
