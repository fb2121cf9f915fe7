import io
import os
import pty
import subprocess
import sys
import threading

import pytest

from lpse_ops.cli.console import Console

TALK = """
import os, sys, threading
from lpse_ops.cli.console import Console
console = Console(sys.stderr, quiet=False, environment=os.environ)
console.print("before")
with console.progress_bar("backup [red]x", 4096) as bar:
    bar.update(description="file\\x1b[2J", total=8192)
    threads = [
        threading.Thread(target=lambda: [bar.advance(1) for _ in range(1024)]) for _ in range(4)
    ]
    [t.start() for t in threads]; [t.join() for t in threads]
    console.print("during [bold]1")
    with console.progress_bar("inner") as inner:
        inner.advance(1)
with console.progress_bar("unknown total") as bar:
    bar.advance(2048)
console.warn("careful\\x1b[2J")
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def make(stream, *, quiet=False, **environment):
    return Console(stream, quiet=quiet, environment=environment)


def run_on_terminal(**environment: str) -> str:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TALK],
        stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", **environment},
    )
    os.close(follower)
    read = bytearray()
    try:
        while chunk := os.read(leader, 65536):
            read += chunk
    except OSError:
        # A terminal that everybody has left answers EIO.
        os.close(leader)
    assert process.wait() == 0
    return read.decode()


def test_talk_is_plain_lines():
    stream = io.StringIO()
    console = make(stream)
    console.print("one\ntwo\x1b[2J [bold]")
    console.warn("three")
    assert stream.getvalue() == "one\ntwo\\x1b[2J [bold]\nlpse-ops: warning: three\n"


def test_quiet_leaves_the_warnings():
    stream = Terminal()
    console = make(stream, quiet=True, NO_COLOR="1")
    console.print("one")
    console.warn("two")
    with console.progress_bar("three", 10) as bar:
        bar.advance(10)
    assert stream.getvalue() == "lpse-ops: warning: two\n"


def test_warnings_have_a_colour_on_a_terminal():
    stream = Terminal()
    make(stream).warn("one")
    assert stream.getvalue() == "lpse-ops: \x1b[33mwarning:\x1b[0m one\n"


@pytest.mark.parametrize(("stream", "term"), [(io.StringIO(), "xterm"), (Terminal(), "dumb")])
def test_progress_is_silent_off_a_terminal(stream, term):
    with make(stream, TERM=term).progress_bar("one", 10) as bar:
        bar.advance(5)
        bar.update(total=20, description="two")
    assert stream.getvalue() == ""


def test_a_terminal_sees_bytes_total_and_lines_in_between():
    shown = run_on_terminal()
    assert "before\r\n" in shown
    assert "during [bold]1\r\n" in shown
    assert "file\\x1b[2J" in shown
    # Four threads advanced 1024 times each.
    assert "4.000 KiB of 8.000 KiB" in shown
    assert "2.000 KiB" in shown
    assert "inner" not in shown
    assert "\x1b[2J" not in shown


def test_no_color_takes_the_colours_away():
    assert "\x1b[3" in run_on_terminal()
    assert "\x1b[3" not in run_on_terminal(NO_COLOR="1")


def test_the_bar_can_be_used_from_many_threads_in_one_process():
    stream = Terminal()
    console = make(stream, TERM="xterm")
    with console.progress_bar("one", 400) as bar:
        threads = [
            threading.Thread(target=lambda: [bar.advance(1) for _ in range(100)]) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        bar.update(total=800)
        bar.update(description="two")
        console.print("said")
    assert "said" in stream.getvalue()
    assert "400 B of 800 B" in stream.getvalue()
