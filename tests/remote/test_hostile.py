"""Agents that are none: whatever a host sends, the task ends with a clear error and no hang."""

import io
import os
import sys

import pytest

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.content import Content
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.local import start_program
from tests.remote.agents import wait_until

MAGIC = b"magic!!!"
# Says hello, reads the first request and does what the test wants with its number.
STRANGER = """
import sys, time
from lpse_ops.agent import frames
HELLO = {{"version": 1, "python": "3", "executable": "x", "platform": "x", "uid": 0, "pid": 1}}
def say(kind, number, header, *segments):
    sys.stdout.buffer.write(frames.encode(kind, number, header, segments))
    sys.stdout.buffer.flush()
sys.stdout.buffer.write({magic!r})
{before}
say(frames.HELLO, 0, HELLO)
decoder = frames.Decoder()
arrived = []
while not arrived:
    arrived = decoder.feed(sys.stdin.buffer.raw.read(65536))
number = arrived[0].open()[0]["items"][0]["id"]
{after}
sys.stdin.buffer.read()
"""


@pytest.fixture
def meet():
    """Start a stranger; returns a link to him."""
    opened = []

    def start(after="", before="", beat_seconds=10.0):
        script = STRANGER.format(magic=MAGIC, before=before, after=after)
        transport = start_program([sys.executable, "-c", script])
        opened.append(transport)
        link = AgentLink(
            "server", transport, magic=MAGIC, timeout_seconds=20, beat_seconds=beat_seconds
        )
        opened.append(link)
        return opened[-1]

    yield start
    for each in reversed(opened):
        each.close()


def run(link, **options):
    return link.run("ping", {}, **options)


def content_of_one_piece():
    return Content(200_000, "", lambda: io.BytesIO(bytes(200_000)))


@pytest.mark.parametrize(
    ("after", "options", "message"),
    [
        ("sys.stdout.buffer.write(b'\\xff' * 100); sys.stdout.flush()", {}, "broke"),
        ("sys.stdout.buffer.write(b'\\0' * 100); sys.stdout.flush()", {}, "broke"),
        ("sys.exit()", {}, "the agent has ended"),
        ("import os; os.close(1)", {}, "the agent has ended"),
        ("say(frames.CREDIT, number, {'bytes': 5})", {}, "content that there is not"),
        ("say(frames.CREDIT, number, {'checksum': True})", {}, "checksum of content that there"),
        ("say(frames.CREDIT, number, {'checksum': 1})", {"content": 1}, "no number"),
        ("say(frames.CONTENT, number, {}, b'x')", {}, "nobody asked for"),
        ("say(frames.DATA, number, {}, b'x')", {}, "nobody asked for"),
        ("say(99, number, {})", {}, "nobody asked for"),
        ("say(frames.CREDIT, number, {'bytes': -1})", {"content": 1}, "no number"),
        ("say(frames.CREDIT, number, {'bytes': 'x'})", {"content": 1}, "no number"),
        ("say(frames.CREDIT, number, {})", {"content": 1}, "no number"),
        ("say(frames.CONTENT, number, {'end': True}, b'x')", {"save_to": 1}, "checksum"),
        ("say(frames.DONE, number, {'x': 'y' * (65 << 20)})", {}, "the agent has ended"),
        (
            "raw = frames.encode(frames.DONE, number, {})\n"
            "sys.stdout.buffer.write(raw.replace(b'{}', b'[]')); sys.stdout.flush()",
            {},
            "header is no object",
        ),
    ],
)
def test_what_no_agent_says_ends_the_task(meet, after, options, message):
    link = meet(after)
    if "content" in options:
        options = {"content": content_of_one_piece()}
    if "save_to" in options:
        options = {"save_to": io.BytesIO()}
    with pytest.raises(HostUnreachable, match=message) as caught:
        run(link, **options)
    assert "server: " in caught.value.message
    assert "may have run" in caught.value.message


@pytest.mark.parametrize(
    "hello",
    [
        "say(frames.HELLO, 0, {})",
        "say(frames.HELLO, 0, dict(HELLO, version=99))",
        "say(frames.HELLO, 0, dict(HELLO, uid='root'))",
        "say(frames.HELLO, 0, dict(HELLO, uid=float('inf')))",
        "say(frames.DONE, 0, HELLO)",
        "sys.stdout.buffer.write(b'\\xff' * 100); sys.stdout.flush()",
    ],
)
def test_a_wrong_hello(meet, hello):
    with pytest.raises(HostUnreachable, match="answered with what no agent says"):
        run(meet(before=hello))


def test_a_reader_that_fails_in_any_way_leaves_nobody_waiting():
    class Broken:
        def receive(self, _seconds):
            raise RecursionError("too deep")

        def send(self, raw):
            pass

        def end_input(self):
            pass

        def close(self):
            pass

    link = AgentLink("server", Broken(), magic=MAGIC, timeout_seconds=20)
    with pytest.raises(HostUnreachable, match="too deep"):
        assert link.hello
    with pytest.raises(HostUnreachable, match="too deep"):
        run(link)


def test_frames_for_nobody_are_dropped(meet):
    link = meet(
        "say(frames.DONE, 999, {}); say(frames.BEAT, 0, {}); say(frames.EXIT, 5, {})\n"
        "say(frames.DONE, number, {'ok': 1}); say(frames.DONE, number, {'ok': 2})"
    )
    assert run(link) == {"ok": 1}


def test_more_credit_than_there_is_content(meet):
    link = meet(
        "say(frames.CREDIT, number, {'bytes': 10 ** 30})\n"
        "got = 0\n"
        "end = False\n"
        "while not end:\n"
        "    for frame in decoder.feed(sys.stdin.buffer.raw.read(65536)):\n"
        "        header, segments = frame.open()\n"
        "        got += sum(map(len, segments))\n"
        "        end = end or header.get('end')\n"
        "say(frames.DONE, number, {'got': got})"
    )
    assert run(link, content=content_of_one_piece()) == {"got": 200_000}


def test_a_stranger_who_stays_silent(meet):
    with pytest.raises(HostUnreachable, match="no sign of life"):
        run(meet(beat_seconds=0.1))


def test_a_stranger_who_never_reads(meet):
    """We cannot get rid of a large request, and hear nothing: both end when the link is closed."""
    link = meet("time.sleep(100)", beat_seconds=0.3)
    pending = link.submit("ping", {})
    with pytest.raises(HostUnreachable):
        link.run("ping", {"data": os.urandom(4 << 20).hex()})
    with pytest.raises(HostUnreachable):
        pending.result()


def test_a_stranger_who_sends_without_end(meet):
    """Nobody reads yet: what waits for us is bounded all the same."""
    link = meet(
        "import os\npiece = os.urandom(1 << 20)\nwhile True: say(frames.CONTENT, number, {}, piece)"
    )
    pending = link.submit("ping", {}, save_to=io.BytesIO())
    wait_until(lambda: link.is_lost)
    with pytest.raises(HostUnreachable):
        pending.result()
