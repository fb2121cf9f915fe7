"""A TCP proxy that stands for a long line: what goes in comes out a while later.

``delay_ms`` is one way, so a round trip grows by twice as much; opening a connection takes a round
trip as well, and bytes keep their order.  By hand (also for benchmarks)::

    python -m tests.lab.delayproxy 127.0.0.1 22 --delay-ms 25

prints the port to connect to.  As a script it needs the standard library only.
"""

import argparse
import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CHUNK_BYTES = 1 << 18
# What may be on the line in one direction, as a long fat line holds; then the sender has to wait.
_CHUNKS_ON_THE_LINE = 64


@dataclass(frozen=True)
class DelayProxy:
    """A running proxy; connect to ``host`` and ``port``."""

    host: str
    port: int
    pid: int

    def freeze(self) -> None:
        """Nothing gets through any more, and nobody is told."""
        os.kill(self.pid, signal.SIGSTOP)
        while not self._has_stopped():
            time.sleep(0.001)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def cut(self) -> None:
        """End the proxy with all its connections."""
        os.kill(self.pid, signal.SIGKILL)

    def _has_stopped(self) -> bool:
        stats = [task.read_text() for task in Path(f"/proc/{self.pid}/task").glob("*/stat")]
        return all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)


@contextlib.contextmanager
def open_delay_proxy(
    host: str, port: int, *, delay_ms: float, rate_mbit: float = 0
) -> Iterator[DelayProxy]:
    """Put a line before a TCP server, in a process of its own; ends with the block."""
    # The proxy itself as a script has no package around it.
    from tests.lab.leash import leashed

    options = [f"--delay-ms={delay_ms}", f"--rate-mbit={rate_mbit}"]
    argv = [sys.executable, "-I", "-S", __file__, host, str(port), *options]
    with leashed(argv, stdout=subprocess.PIPE) as leash:
        own_port, pid = leash.stdout.readline().split()
        yield DelayProxy("127.0.0.1", int(own_port), int(pid))


# --- the process that carries the bytes -----------------------------------------------------------


@dataclass(frozen=True)
class Line:
    delay_seconds: float
    rate_bytes: float

    def sending_seconds(self, size: int) -> float:
        return size / self.rate_bytes if self.rate_bytes else 0.0


def serve(listener: socket.socket, target: tuple[str, int], line: Line) -> None:
    while True:
        client, _ = listener.accept()
        threading.Thread(target=_join, args=(client, target, line), daemon=True).start()


def _join(client: socket.socket, target: tuple[str, int], line: Line) -> None:
    """The first packet reaches the server after one delay, its answer us after another."""
    asked = time.monotonic()
    _sleep_until(asked + line.delay_seconds)
    try:
        server = socket.create_connection(target)
    except OSError:
        client.close()
        return
    opened = asked + 2 * line.delay_seconds
    for source, sink in ((client, server), (server, client)):
        sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        chunks: queue.Queue[tuple[float, bytes]] = queue.Queue(_CHUNKS_ON_THE_LINE)
        not_before = opened if source is client else asked
        for work, arguments in (
            (_take_in, (source, chunks, line, not_before)),
            (_give_out, (sink, chunks)),
        ):
            threading.Thread(target=work, args=arguments, daemon=True).start()


def _take_in(
    source: socket.socket,
    chunks: "queue.Queue[tuple[float, bytes]]",
    line: Line,
    not_before: float,
) -> None:
    free = not_before
    chunk = b"something"
    while chunk:
        try:
            chunk = source.recv(_CHUNK_BYTES)
        except OSError:
            chunk = b""
        free = max(free, time.monotonic()) + line.sending_seconds(len(chunk))
        chunks.put((free + line.delay_seconds, chunk))


def _give_out(sink: socket.socket, chunks: "queue.Queue[tuple[float, bytes]]") -> None:
    chunk = b"something"
    while chunk:
        due, chunk = chunks.get()
        _sleep_until(due)
        with contextlib.suppress(OSError):
            if chunk:
                sink.sendall(chunk)
            else:
                sink.shutdown(socket.SHUT_WR)


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def main() -> None:
    parser = argparse.ArgumentParser(description="a TCP proxy that delays")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--delay-ms", type=float, default=25, help="one way (default: %(default)s)")
    parser.add_argument("--rate-mbit", type=float, default=0, help="0: no limit")
    options = parser.parse_args()
    line = Line(options.delay_ms / 1000, options.rate_mbit * 1e6 / 8)
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(listener.getsockname()[1], os.getpid(), flush=True)
    serve(listener, (options.host, options.port), line)


if __name__ == "__main__":
    main()
