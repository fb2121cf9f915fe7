"""The live line, judged by what a terminal shows: a screen of one column of lines."""

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from lpse_ops.cli.playbook_live import AtWork, LiveLine


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def screen(text: str) -> list[str]:
    """The lines that a terminal shows after it got ``text``."""
    lines = [line.split("\r\x1b[K")[-1] for line in text.split("\n")]
    assert "\x1b" not in "".join(lines)
    return lines


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def at_work(clock: Clock) -> AtWork:
    return AtWork(clock)


def test_nothing_is_said_of_what_is_quick(at_work: AtWork, clock: Clock):
    assert at_work.describe() == ""
    at_work.begin("Ping", ["a"])
    clock.now += 0.9
    assert at_work.describe() == ""
    clock.now += 0.2
    assert at_work.describe() == "1 s: Ping (a)"
    at_work.end("a")
    assert at_work.describe() == ""


def test_a_remark_is_of_those_who_are_at_work(clock: Clock):
    asked: list[list[str]] = []

    def remark(hosts: Sequence[str]) -> str:
        asked.append(list(hosts))
        return "a is at backup" if "a" in hosts else ""

    at_work = AtWork(clock, remark)
    at_work.begin("Upgrade", ["a", "b"])
    # Nobody is asked of what is quick.
    assert (at_work.describe(), asked) == ("", [])
    clock.now += 3
    assert at_work.describe() == "0 of 2 hosts done, 3 s: Upgrade (a, b): a is at backup"
    at_work.end("a")
    assert at_work.describe() == "1 of 2 hosts done, 3 s: Upgrade (b)"


def test_hosts_are_counted_and_the_first_are_named(at_work: AtWork, clock: Clock):
    at_work.begin("Install", list("abcdef"))
    clock.now += 12
    at_work.end("b")
    at_work.end("not there")
    assert at_work.describe() == "1 of 6 hosts done, 12 s: Install (a, c, d and 2 more)"
    for name in "ac":
        at_work.end(name)
    assert at_work.describe() == "3 of 6 hosts done, 12 s: Install (d, e, f)"
    for name in "def":
        at_work.end(name)
    at_work.begin("Next", ["a", "b"])
    clock.now += 2
    assert at_work.describe() == "0 of 2 hosts done, 2 s: Next (a, b)"


def test_hosts_that_walk_by_themselves(at_work: AtWork, clock: Clock):
    at_work.begin("One", ["a", "b"])
    clock.now += 3
    at_work.end("a")
    at_work.begin("Two", ["a"])
    clock.now += 3
    assert at_work.describe() == "0 of 2 hosts done, 6 s: One (b)"


def test_the_line_stands_below_what_is_written():
    stream, said = io.StringIO(), ["waiting for a"]
    line = LiveLine(stream, lambda: said[0], lambda: 80)
    line.write(stream, "ok: [b]\n")
    line.draw()
    assert screen(stream.getvalue()) == ["ok: [b]", "waiting for a"]
    line.through(stream).write("ok: [c]\n")
    line.draw()
    assert screen(stream.getvalue()) == ["ok: [b]", "ok: [c]", "waiting for a"]
    said[0] = ""
    line.draw()
    assert screen(stream.getvalue()) == ["ok: [b]", "ok: [c]", ""]


def test_a_line_that_is_begun_is_left_alone():
    stream = io.StringIO()
    line = LiveLine(stream, lambda: "waiting", lambda: 80)
    line.write(stream, "Password: ")
    line.draw()
    assert stream.getvalue() == "Password: "


def test_it_fits_into_a_line_and_obeys_nobody():
    stream = io.StringIO()
    line = LiveLine(stream, lambda: "\x1b[2Jwaiting for somebody", lambda: 12)
    line.draw()
    assert len(screen(stream.getvalue())[0]) == 11


def test_the_same_text_is_drawn_once():
    stream = io.StringIO()
    line = LiveLine(stream, lambda: "waiting", lambda: 80)
    line.draw()
    line.draw()
    assert stream.getvalue() == "waiting"


def test_it_is_gone_at_the_end():
    stream = io.StringIO()
    line = LiveLine(stream, lambda: "waiting", lambda: 80)
    line.start()
    line.draw()
    line.end()
    assert screen(stream.getvalue()) == [""]


def test_a_run_on_a_terminal_says_who_is_at_work(tmp_path: Path):
    play = tmp_path / "play.yml"
    play.write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        "    - name: Slow work\n      command: sleep {{ seconds }}\n"
    )
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "[all:vars]\nansible_connection=local\n[site]\nquick seconds=0\nslow seconds=2.5\n"
    )
    program = Path(sys.executable).parent / "lpse-ops"
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [program, "playbook", "run", "-i", hosts, play],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path,
        env={**os.environ, "TERM": "xterm", "NO_COLOR": "1"},
    ) as process:  # fmt: skip
        os.close(theirs)
        said = read_all(ours)
    assert process.returncode == 0
    assert re.search(r"1 of 2 hosts done, \d s: Slow work \(slow\)", said)
    shown = "\n".join(screen(said.replace("\r\n", "\n")))
    assert "hosts done" not in shown
    assert "changed: [slow]" in shown


def read_all(terminal: int) -> str:
    """What a terminal gets until nobody writes to it any more."""
    pieces = []
    try:
        while piece := os.read(terminal, 65536):
            pieces.append(piece)
    except OSError:
        pass
    os.close(terminal)
    return b"".join(pieces).decode()
