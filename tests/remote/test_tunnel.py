"""Connections through an agent to real sockets: bytes, ends, windows, and what is left behind."""

import contextlib
import hashlib
import os
import pwd
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lpse_ops.agent import bridge, frames
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.tunnel import Tunnel
from tests.postgres.servers import open_folder
from tests.remote.agents import wait_until

NAME = "server.sock"
MUCH = 3 * bridge.WINDOW_BYTES + 12_345
# The windows, and what the kernel keeps of each socket and pipe on the way.
MOST_UNDER_WAY = 2 * bridge.WINDOW_BYTES
Handle = Callable[[socket.socket], None]
Serve = Callable[[Handle], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers on Unix sockets, one thread a connection; gives the address."""
    with contextlib.ExitStack() as opened:

        def start(handle: Handle) -> str:
            path = opened.enter_context(open_folder()) / "s"
            listener = opened.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(path))
            path.chmod(0o777)
            listener.listen()
            opened.callback(listener.shutdown, socket.SHUT_RDWR)
            threading.Thread(target=accept, args=(listener, handle), daemon=True).start()
            return str(path)

        yield start


def accept(listener: socket.socket, handle: Handle) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=answer, args=(handle, connection), daemon=True).start()


def answer(handle: Handle, connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        handle(connection)


def echo(connection: socket.socket) -> None:
    while received := connection.recv(1 << 16):
        connection.sendall(received)


@contextlib.contextmanager
def tunnel_to(link: AgentLink, *addresses: str, account: str = "") -> Iterator[Tunnel]:
    tunnel = Tunnel(link, addresses, account=account, socket_name=NAME)
    with contextlib.closing(tunnel):
        yield tunnel


@contextlib.contextmanager
def connect(tunnel: Tunnel) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(tunnel.folder / NAME))
        yield connection


def read_to_end(connection: socket.socket) -> bytes:
    pieces = []
    while received := connection.recv(1 << 18):
        pieces.append(received)
    return b"".join(pieces)


def count_bridges(address: str) -> int:
    """How many programs carry connections to an address."""
    found = 0
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found += os.fsencode(address) in each.read_bytes().split(b"\0")
    return found


def test_bytes_go_both_ways_through_several_connections_at_once(link: AgentLink, serve: Serve):
    content = os.urandom(MUCH)
    answers: dict[int, bytes] = {}
    with tunnel_to(link, serve(echo)) as tunnel:

        def talk(number: int) -> None:
            with connect(tunnel) as connection:
                sender = threading.Thread(target=connection.sendall, args=(content,))
                sender.start()
                received = bytearray()
                while len(received) < len(content):
                    received += connection.recv(1 << 18)
                sender.join()
                answers[number] = hashlib.sha256(received).digest()

        threads = [threading.Thread(target=talk, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == dict.fromkeys(range(3), hashlib.sha256(content).digest())


def test_the_end_of_one_direction_leaves_the_other_open(link: AgentLink, serve: Serve):
    def digest(connection: socket.socket) -> None:
        connection.sendall(hashlib.sha256(read_to_end(connection)).digest())

    content = os.urandom(300_000)
    with tunnel_to(link, serve(digest)) as tunnel, connect(tunnel) as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        assert read_to_end(connection) == hashlib.sha256(content).digest()


def test_a_server_that_ends_first_is_heard_to_its_end(link: AgentLink, serve: Serve):
    content = os.urandom(MUCH)
    address = serve(lambda each: each.sendall(content))
    with tunnel_to(link, address) as tunnel, connect(tunnel) as connection:
        assert read_to_end(connection) == content


def test_who_does_not_read_makes_the_server_wait(link: AgentLink, serve: Serve):
    sent = [0]

    def pour(connection: socket.socket) -> None:
        while sent[0] < 10 * MOST_UNDER_WAY:
            sent[0] += connection.send(bytes(1 << 16))

    with tunnel_to(link, serve(pour)) as tunnel, connect(tunnel) as connection:
        wait_until_still(lambda: sent[0])
        assert 0 < sent[0] < MOST_UNDER_WAY
        assert len(read_to_end(connection)) == sent[0] >= 10 * MOST_UNDER_WAY


def test_a_server_that_does_not_read_makes_us_wait(link: AgentLink, serve: Serve):
    go_on = threading.Event()
    taken: list[int] = []

    def sleep(connection: socket.socket) -> None:
        go_on.wait(30)
        taken.append(len(read_to_end(connection)))
        connection.sendall(b"done")

    with tunnel_to(link, serve(sleep)) as tunnel, connect(tunnel) as connection:
        sent = [0]

        def pour() -> None:
            while sent[0] < 5 * MOST_UNDER_WAY:
                sent[0] += connection.send(bytes(1 << 16))
            connection.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=pour)
        thread.start()
        wait_until_still(lambda: sent[0])
        assert 0 < sent[0] < MOST_UNDER_WAY
        go_on.set()
        assert read_to_end(connection) == b"done"
        thread.join()
    assert taken == sent


def wait_until_still(read: Callable[[], int]) -> None:
    """Until something has begun to grow, and does not any more."""
    seen = [(time.monotonic(), 0)]

    def is_still() -> bool:
        now = read()
        if now != seen[-1][1]:
            seen.append((time.monotonic(), now))
        return now > 0 and time.monotonic() - seen[-1][0] > 0.5

    wait_until(is_still)


def test_a_server_that_is_not_there_is_named(link: AgentLink):
    with tunnel_to(link, "/nonexistent/a", "/nonexistent/b") as tunnel:
        with connect(tunnel) as connection:
            assert connection.recv(1) == b""
        assert "/nonexistent/a: No such file or directory" in tunnel.problem
        assert "/nonexistent/b" in tunnel.problem


def test_the_first_address_that_answers_is_taken(link: AgentLink, serve: Serve):
    with tunnel_to(link, "/nonexistent/a", serve(echo)) as tunnel, connect(tunnel) as connection:
        connection.sendall(b"hello")
        assert connection.recv(5) == b"hello"


def test_a_port_of_the_host_is_an_address(link: AgentLink):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=(listener, echo), daemon=True).start()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with tunnel_to(link, address) as tunnel, connect(tunnel) as connection:
            connection.sendall(b"hello")
            assert connection.recv(5) == b"hello"
        # Who waits in accept would keep the port.
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def test_root_asks_as_the_account_that_is_named(link: AgentLink, serve: Serve):
    def whose(connection: socket.socket) -> None:
        option = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        connection.sendall(str(struct.unpack("3i", option)[1]).encode())

    address = serve(whose)
    named = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    for account, uid in (("nobody", named), ("no-such-account", os.geteuid())):
        with tunnel_to(link, address, account=account) as tunnel, connect(tunnel) as connection:
            assert read_to_end(connection) == str(uid).encode()


def test_nobody_else_may_connect_and_nothing_stays(link: AgentLink, serve: Serve):
    address = serve(echo)
    with tunnel_to(link, address) as tunnel, connect(tunnel) as connection:
        assert stat.S_IMODE(tunnel.folder.stat().st_mode) == 0o700
        connection.sendall(b"hello")
        assert connection.recv(5) == b"hello"
        assert count_bridges(address) == 1
        tunnel.close()
        assert connection.recv(1) == b""
    wait_until(lambda: not count_bridges(address))
    assert not tunnel.folder.exists()
    wait_until(lambda: "tunnel" not in {each.name for each in threading.enumerate()})


def test_a_client_that_goes_takes_its_program_along(link: AgentLink, serve: Serve):
    address = serve(echo)
    with tunnel_to(link, address) as tunnel:
        with connect(tunnel) as connection:
            connection.sendall(b"hello")
            assert connection.recv(5) == b"hello"
        wait_until(lambda: not count_bridges(address))


def test_a_host_that_is_lost_ends_every_connection(links: Any, serve: Serve):
    link = links().link()
    address = serve(echo)
    with tunnel_to(link, address) as tunnel, connect(tunnel) as connection:
        connection.sendall(b"hello")
        assert connection.recv(5) == b"hello"
        os.kill(link.hello.pid, 9)
        assert connection.recv(1) == b""
        wait_until(lambda: not count_bridges(address))
        # Whoever comes now is sent away.
        with connect(tunnel) as late:
            assert late.recv(1) == b""


class HostileLink:
    """A host of our own making; what it has said so far decides what it hears."""

    hello = SimpleNamespace(executable="python3")

    def __init__(self) -> None:
        self.receivers: list[Any] = []
        self.sent: list[int] = []

    def start_program(self, _argv: list[str], receiver: Any, *, on_terminal: bool) -> int:
        assert not on_terminal
        self.receivers.append(receiver)
        return 1

    def send(self, kind: int, *_rest: Any, **_more: Any) -> None:
        self.sent.append(kind)

    def forget(self, _number: int) -> None:
        self.sent.append(-1)

    def say(self, content: bytes) -> None:
        raw = frames.encode(frames.DATA, 1, {}, [content], compress=False)
        self.receivers[0].deliver(frames.Frame(frames.DATA, 1, raw))


def test_a_host_that_sends_more_than_its_window_is_given_up():
    link = HostileLink()
    with tunnel_to(link, "/s") as tunnel, connect(tunnel):  # type: ignore[arg-type] # as a link
        wait_until(lambda: link.receivers)
        link.say(bridge.HEAD.pack(bridge.READY, 0))
        window = bridge.HEAD.pack(bridge.DATA, bridge.WINDOW_BYTES) + bytes(bridge.WINDOW_BYTES)
        with pytest.raises(frames.FrameError):
            link.say(10 * window)


def test_a_host_that_talks_nonsense_ends_the_connection():
    link = HostileLink()
    with tunnel_to(link, "/s") as tunnel:  # type: ignore[arg-type] # as a link
        with connect(tunnel) as connection:
            wait_until(lambda: link.receivers)
            link.say(b"SSH-2.0-OpenSSH")
            assert connection.recv(1) == b""
        wait_until(lambda: frames.CANCEL in link.sent)
