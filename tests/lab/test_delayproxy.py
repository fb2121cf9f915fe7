import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.lab.delayproxy import DelayProxy, open_delay_proxy
from tests.lab.waiting import wait_until

DELAY_MS = 30
ROUND_TRIP_SECONDS = 2 * DELAY_MS / 1000


@contextlib.contextmanager
def open_echo_server() -> Iterator[int]:
    """A server that sends back what it gets."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=echo, args=(connection,), daemon=True).start()

    def echo(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while chunk := connection.recv(1 << 16):
                connection.sendall(chunk)

    threading.Thread(target=serve, daemon=True).start()
    with listener:
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def echo_port() -> Iterator[int]:
    with open_echo_server() as port:
        yield port


def exchange(connection: socket.socket, message: bytes) -> float:
    """Send, read the echo, return how long that took."""
    began = time.monotonic()
    connection.sendall(message)
    received = b""
    while len(received) < len(message):
        received += connection.recv(1 << 16)
    assert received == message
    return time.monotonic() - began


def is_refused(line: DelayProxy) -> bool:
    try:
        socket.create_connection((line.host, line.port)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_an_exchange_takes_a_round_trip_and_opening_another(echo_port):
    with (
        open_delay_proxy("127.0.0.1", echo_port, delay_ms=DELAY_MS) as line,
        socket.create_connection((line.host, line.port)) as connection,
    ):
        assert exchange(connection, b"first") >= 2 * ROUND_TRIP_SECONDS
        later = min(exchange(connection, b"later") for _ in range(5))
        assert ROUND_TRIP_SECONDS <= later < 1.5 * ROUND_TRIP_SECONDS


def test_everything_arrives_in_order_and_the_end_too(echo_port):
    message = bytes(range(256)) * 20_000
    with (
        open_delay_proxy("127.0.0.1", echo_port, delay_ms=1) as line,
        socket.create_connection((line.host, line.port)) as connection,
    ):
        # Who reads only after sending 5 MB needs a line that holds them.
        exchange(connection, message)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def test_a_rate_is_kept(echo_port):
    with (
        open_delay_proxy("127.0.0.1", echo_port, delay_ms=0, rate_mbit=8) as line,
        socket.create_connection((line.host, line.port)) as connection,
    ):
        assert exchange(connection, bytes(200_000)) >= 0.2


def test_frozen_lines_say_nothing_and_thaw(echo_port):
    with (
        open_delay_proxy("127.0.0.1", echo_port, delay_ms=0) as line,
        socket.create_connection((line.host, line.port)) as connection,
    ):
        exchange(connection, b"before")
        line.freeze()
        connection.sendall(b"x")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        line.thaw()
        connection.settimeout(10)
        assert connection.recv(1) == b"x"


def test_a_cut_line_is_noticed(echo_port):
    with (
        open_delay_proxy("127.0.0.1", echo_port, delay_ms=0) as line,
        socket.create_connection((line.host, line.port)) as connection,
    ):
        exchange(connection, b"before")
        line.cut()
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""
        assert wait_until(lambda: is_refused(line))
