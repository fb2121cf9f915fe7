"""How the pieces of a carried connection are taken apart, and packed where the line is slow."""

import contextlib
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from typing import IO

import pytest

from lpse_ops.agent import bridge
from lpse_ops.agent.bridge import (
    DATA,
    END,
    HEAD,
    PACKED,
    READ_BYTES,
    READY,
    TAKEN,
    WINDOW_BYTES,
    BrokenPieces,
    Pace,
    Pieces,
)
from tests.postgres.servers import open_folder

ZIPPED = zlib.compress(b"as are " * 1000)

STREAM = b"".join(
    [
        HEAD.pack(READY, 0),
        HEAD.pack(DATA, 5) + b"hello",
        HEAD.pack(TAKEN, 4711),
        HEAD.pack(PACKED, len(ZIPPED)) + ZIPPED,
        HEAD.pack(DATA, 3) + b"you",
        HEAD.pack(END, 0),
    ]
)


def told(*received: bytes) -> tuple[bytes, list[tuple[bytes, int]]]:
    pieces = Pieces()
    found = [piece for each in received for piece in pieces.feed(each)]
    content = b"".join(bytes(part) for kind, _, part in found if kind == DATA)
    return content, [(kind, number) for kind, number, _ in found if kind != DATA]


def test_a_stream_means_the_same_however_it_is_torn():
    whole = told(STREAM)
    assert whole == (b"hello" + b"as are " * 1000 + b"you", [(READY, 0), (TAKEN, 4711), (END, 0)])
    for at in range(len(STREAM)):
        assert told(STREAM[:at], STREAM[at:]) == whole
    assert told(*(STREAM[at : at + 1] for at in range(len(STREAM)))) == whole


@pytest.mark.parametrize(
    "wrong",
    [
        HEAD.pack(b"Z", 0),
        HEAD.pack(DATA, WINDOW_BYTES + 1),
        HEAD.pack(TAKEN, 0xFFFFFFFF),
        HEAD.pack(PACKED, 5) + b"hello",
        HEAD.pack(PACKED, len(ZIPPED) - 1) + ZIPPED[:-1],
        HEAD.pack(PACKED, len(bomb := zlib.compress(bytes(READ_BYTES + 1)))) + bomb,
    ],
    ids=["unknown", "too large", "too much taken", "no zlib", "cut off", "a bomb"],
)
def test_what_nobody_would_say_is_refused(wrong: bytes):
    with pytest.raises(BrokenPieces):
        told(wrong)


@contextlib.contextmanager
def bridge_to(content: bytes) -> Iterator["subprocess.Popen[bytes]"]:
    """The program itself, connected to a server that says something and ends."""
    with open_folder() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(content)

        threading.Thread(target=serve, daemon=True).start()
        argv = [sys.executable, "-I", bridge.__file__, "0", "", str(folder / "s")]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
            yield program
            program.kill()


def read_piece(stream: IO[bytes]) -> tuple[bytes, bytes]:
    kind, number = HEAD.unpack(stream.read(HEAD.size))
    return kind, stream.read(number) if kind in (DATA, PACKED) else b""


def read_window(stream: IO[bytes], size: int) -> set[bytes]:
    """The kinds of pieces that bring so many bytes."""
    kinds = set()
    while size:
        kind, content = read_piece(stream)
        kinds.add(kind)
        size -= len(content if kind == DATA else zlib.decompress(content))
    return kinds


def test_what_a_slow_line_has_to_carry_is_packed():
    with bridge_to(bytes(2 * WINDOW_BYTES)) as program:
        assert program.stdin
        assert program.stdout
        assert read_piece(program.stdout)[0] == READY
        assert read_window(program.stdout, WINDOW_BYTES) == {DATA}
        # A window in half a second: 8 MiB/s.
        time.sleep(0.5)
        program.stdin.write(HEAD.pack(TAKEN, WINDOW_BYTES))
        program.stdin.flush()
        assert read_window(program.stdout, WINDOW_BYTES) == {PACKED}


@pytest.mark.parametrize(
    ("seconds", "sent", "room", "is_slow"),
    [
        (0.1, WINDOW_BYTES, 0, False),
        (1.0, WINDOW_BYTES, 0, True),
        # The server was slow, not the line: there was room all the time.
        (1.0, WINDOW_BYTES, 1, False),
        # Packed to a tenth, and quick at that: it is the packing that takes the time.
        (0.01, WINDOW_BYTES // 10, 0, False),
        (0.1, WINDOW_BYTES // 10, 0, True),
    ],
)
def test_a_line_is_slow_if_it_makes_us_wait(seconds: float, sent: int, room: int, is_slow: bool):
    clock = [0.0]
    pace = Pace(lambda: clock[0])
    pace.sent(sent, room)
    clock[0] += seconds
    pace.taken(WINDOW_BYTES - 1)
    assert not pace.is_slow
    pace.taken(1)
    assert pace.is_slow == is_slow
