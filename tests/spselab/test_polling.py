"""The client that measures outages is itself measured, on a server that fails when told to."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.lab.waiting import wait_until
from tests.spselab.polling import Outage, Poll, Sample, find_outages, polling


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    status, text, wait = 200, "Selamat datang: User ID", 0.0

    def do_GET(self) -> None:
        time.sleep(type(self).wait)
        content = type(self).text.encode()
        self.send_response(type(self).status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "keep-alive")
        self.end_headers()
        # Who asked may have lost patience.
        with contextlib.suppress(BrokenPipeError):
            self.wfile.write(content)

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def page() -> type[Page]:
    return type("PageOfTest", (Page,), {})


@pytest.fixture
def server(page: type[Page]) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def poll(server: ThreadingHTTPServer) -> Iterator[Poll]:
    url = f"http://lpse.contoh.go.id:{server.server_port}/eproc4/login"
    with polling(url, "127.0.0.1", "User ID", timeout=0.3) as poll:
        assert wait_until(lambda: poll.report().good > 5)
        yield poll


def wait_for_the_end(poll: Poll) -> Outage:
    assert wait_until(lambda: len(poll.report().outages) == 1 and poll.report().outages[0].is_over)
    return poll.report().outages[0]


@pytest.mark.parametrize(
    ("change", "before", "said"),
    [
        ({"status": 503}, {"status": 200}, "503"),
        ({"text": "Pemeliharaan"}, {"text": Page.text}, "other page"),
        ({"wait": 1.0}, {"wait": 0.0}, "no answer in time"),
    ],
)
def test_an_outage_is_as_long_as_it_was(
    poll: Poll, page: type[Page], change: dict[str, object], before: dict[str, object], said: str
):
    assert poll.report().outages == []
    for name, value in change.items():
        setattr(page, name, value)
    begun = time.time()
    assert wait_until(lambda: bool(poll.report().outages))
    assert not poll.report().outages[0].is_over
    time.sleep(0.4)
    for name, value in before.items():
        setattr(page, name, value)
    ended = time.time()
    outage = wait_for_the_end(poll)
    assert list(outage.said) == [said]
    # What was under way at the change may have been caught by it.
    assert abs(outage.begun - begun) < 0.1
    assert abs(outage.ended - ended) < 0.1


def test_a_server_that_is_gone_is_an_outage(server: ThreadingHTTPServer):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with polling(f"http://lpse.contoh.go.id:{port}/", "127.0.0.1", "User ID") as poll:
        assert wait_until(lambda: poll.report().bad > 3)
        [outage] = poll.report().outages
        assert list(outage.said) == ["ConnectionRefusedError"]
        assert (outage.is_over, poll.report().good) == (False, 0)


def test_one_good_answer_ends_an_outage():
    samples = [
        Sample(0.0, 0.1, ""),
        Sample(1.0, 3.0, "no answer in time"),
        Sample(1.1, 1.2, "503"),
        # Asked before the outage began: it proves nothing of what came after.
        Sample(0.9, 1.5, ""),
        Sample(2.0, 2.5, ""),
        Sample(2.1, 2.2, ""),
        Sample(5.0, 5.1, "503"),
    ]
    assert find_outages(samples, 6.0) == [
        Outage(1.0, 2.2, {"no answer in time": 1, "503": 1}, is_over=True),
        Outage(5.0, 6.0, {"503": 1}, is_over=False),
    ]
