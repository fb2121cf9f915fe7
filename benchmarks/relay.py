"""A TCP relay that counts how often the word passes to the client: no more round trips than these.

It stands between a client and a slow line, so that no answer arrives while its question is still
being sent.  A client that asks ahead speaks while other answers are on their way, and each time
counts: the count can be too high, never too low.
"""

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator

_CHUNK_BYTES = 1 << 18


class Relay:
    """``turns`` is the number of all connections so far."""

    def __init__(self, listener: socket.socket, target: tuple[str, int]) -> None:
        self._listener = listener
        self._target = target
        self._lock = threading.Lock()
        self.turns = 0

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def serve(self) -> None:
        """Returns when the listener is shut down."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._target) as server:
            answered = False
            for asks, chunk in _hear(client, server):
                (server if asks else client).sendall(chunk)
                if asks and answered:
                    with self._lock:
                        self.turns += 1
                answered = not asks


def _hear(client: socket.socket, server: socket.socket) -> Iterator[tuple[bool, bytes]]:
    """What either says, and whether it was the client; ends when one of them has."""
    with selectors.DefaultSelector() as selector, contextlib.suppress(OSError):
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(each, selectors.EVENT_READ, each is client)
        while True:
            for key, _ in selector.select():
                chunk = key.fileobj.recv(_CHUNK_BYTES)  # type: ignore[union-attr]
                if not chunk:
                    return
                yield key.data, chunk


@contextlib.contextmanager
def open_relay(port: int) -> Iterator[Relay]:
    """Relay to a port of loopback, in threads of this process, which has nothing else to do."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        relay = Relay(listener, ("127.0.0.1", port))
        thread = threading.Thread(target=relay.serve, daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
