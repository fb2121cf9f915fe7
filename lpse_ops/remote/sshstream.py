"""The streams of one program on a host over one SSH channel; see ``transport.Transport``."""

import contextlib
import socket
import threading
import time
from collections.abc import Sequence

from paramiko.buffered_pipe import BufferedPipe
from paramiko.channel import Channel
from paramiko.common import cMSG_CHANNEL_REQUEST
from paramiko.message import Message
from paramiko.ssh_exception import SSHException

from lpse_ops.remote.sshpackets import ChannelData
from lpse_ops.remote.sshproblems import tame

# The whole window: what is taken out in parts has to be moved for each part.
_READ_BYTES = 1 << 24
# What is encrypted together should stay in a processor's own cache.
_PACKETS_AT_ONCE = 8
_CLOSE_SECONDS = 2.0
_KEPT_ERROR_BYTES = 8192


class ChannelTransport:
    """Bytes to and from a program; one thread may send while another receives."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._closed = False
        self._errors = b""
        self._errors_lock = threading.Lock()
        self._woken = threading.Event()
        self._output = _Readiness(self._woken)
        arrived = _Pieces()
        channel.in_buffer = arrived
        channel.get_transport().packetizer.add_sink(channel.get_id(), arrived.feed_all)
        channel.in_buffer.set_event(self._output)
        channel.in_stderr_buffer.set_event(_Readiness(self._woken))

    def send(self, content: bytes | memoryview) -> None:
        rest = memoryview(content)
        channel = self._channel
        try:
            while rest:
                pieces = []
                for size in self._reserve(len(rest)):
                    pieces.append(rest[:size])
                    rest = rest[size:]
                channel.get_transport()._send_user_message(
                    ChannelData(channel.remote_chanid, pieces)
                )
        except (SSHException, EOFError) as error:
            raise ConnectionResetError(self._why_lost()) from error

    def _reserve(self, wanted: int) -> list[int]:
        """Wait for room in the channel's window; sizes of the packets that may be sent now."""
        channel = self._channel
        sizes: list[int] = []
        with channel.lock:
            while wanted and len(sizes) < _PACKETS_AT_ONCE:
                if sizes and not channel.out_window_size:
                    break
                size = 0 if channel.closed else channel._wait_for_send_window(wanted)
                if not size:
                    raise BrokenPipeError("the channel is closed")
                sizes.append(size)
                wanted -= size
        return sizes

    def end_input(self) -> None:
        with contextlib.suppress(OSError, SSHException, EOFError):
            self._channel.shutdown_write()

    def receive(self, timeout_seconds: float) -> bytes | None:
        give_up = time.monotonic() + timeout_seconds
        while True:
            self._woken.clear()
            # What nobody reads would fill the window that both outputs share.
            self._take_errors()
            if self._output.is_ready:
                break
            if not self._woken.wait(max(0.0, give_up - time.monotonic())):
                return None
        try:
            received: bytes = self._channel.recv(_READ_BYTES)
        except (SSHException, EOFError) as error:
            raise ConnectionResetError(self._why_lost()) from error
        if not received and self._is_lost():
            raise ConnectionResetError(self._why_lost())
        return received

    def errors(self) -> bytes:
        self._take_errors()
        return self._errors

    def status(self, timeout_seconds: float) -> int | None:
        self._channel.status_event.wait(max(0.0, timeout_seconds))
        self._take_errors()
        status: int = self._channel.exit_status
        return status if status >= 0 else None

    def close(self) -> None:
        """Say goodbye, but do not wait for a network that is silent."""
        self._closed = True
        closer = threading.Thread(target=self._close_channel, daemon=True)
        closer.start()
        closer.join(_CLOSE_SECONDS)

    def _close_channel(self) -> None:
        self._channel.get_transport().packetizer.remove_sink(self._channel.get_id())
        with contextlib.suppress(OSError, SSHException, EOFError):
            self._channel.close()

    def _take_errors(self) -> None:
        with self._errors_lock:
            while self._channel.recv_stderr_ready():
                received = self._channel.recv_stderr(_READ_BYTES)
                self._errors = (self._errors + received)[-_KEPT_ERROR_BYTES:]

    def _is_lost(self) -> bool:
        """Whether the output broke off instead of coming to its end."""
        channel = self._channel
        return not (self._closed or channel.eof_received or channel.exit_status >= 0)

    def _why_lost(self) -> str:
        cause = self._channel.get_transport().saved_exception
        if isinstance(cause, socket.timeout):
            return "no sign of life"
        return tame(str(cause)) if cause else "the other side is gone"


def execute(channel: Channel, command: str) -> None:
    """Start a command without waiting for the server's word, which would be a round trip.

    Should it refuse, the channel closes.
    """
    _request(channel, "exec", command)


def start_subsystem(channel: Channel, name: str, patience_seconds: float) -> bool:
    """Start what the server knows by a name; False when it refuses.

    From then on nobody waits longer for the server to take in more.
    """
    channel.settimeout(patience_seconds)
    channel._event_pending()
    _request(channel, "subsystem", name)
    if not channel.event.wait(patience_seconds):
        raise TimeoutError("no answer in time")
    return bool(channel.event_ready)


def _request(channel: Channel, kind: str, what: str) -> None:
    request = Message()
    request.add_byte(cMSG_CHANNEL_REQUEST)
    request.add_int(channel.remote_chanid)
    request.add_string(kind)
    request.add_boolean(True)
    request.add_string(what)
    channel.get_transport()._send_user_message(request)


class _Pieces(BufferedPipe):  # type: ignore[misc] # paramiko has no types
    """What has arrived, in the pieces that it came in; all of it is read at once."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer: list[bytes] = []

    def feed(self, data: bytes) -> None:
        # An empty piece would wake up who then waits for more without end.
        if data:
            super().feed(data)

    def feed_all(self, pieces: Sequence[bytes]) -> None:
        with self._lock:
            if not self._closed:
                self._buffer.extend(filter(None, pieces))
            if self._buffer:
                self._event.set()
                self._cv.notify_all()

    def _buffer_frombytes(self, data: bytes) -> None:
        self._buffer.append(data)

    def _buffer_tobytes(self, _limit: int | None = None) -> bytes:
        return b"".join(self._buffer)


class _Readiness:
    """Set while a buffer of paramiko's has something or has ended; wakes up who waits."""

    def __init__(self, woken: threading.Event) -> None:
        self._woken = woken
        self.is_ready = False

    def set(self) -> None:
        self.is_ready = True
        self._woken.set()

    def clear(self) -> None:
        self.is_ready = False
