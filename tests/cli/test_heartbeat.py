"""The heartbeat: a real HTTP server gets it, and nothing that it answers matters."""

import contextlib
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lpse_ops.cli.heartbeat import beat, fetch
from lpse_ops.cli.wiring import App


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        if self.path == "/slow":
            self.server.gone.wait(10)  # type: ignore[attr-defined]
        places = {"/away": "ftp://127.0.0.1/secret", "/file": "file:///etc/passwd", "/moved": "/ok"}
        place = places.get(self.path)
        self.send_response(302 if place else 500 if self.path == "/broken" else 200)
        if place:
            self.send_header("Location", place)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def open_server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.asked = []  # type: ignore[attr-defined]
    server.gone = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.gone.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def server():
    with open_server() as running:
        yield running


def url_of(server: ThreadingHTTPServer, path: str) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}{path}"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/ok", None),
        ("/moved", None),
        ("/broken", "the answer was 500"),
        ("/away", "refused"),
        ("/file", "refused"),
    ],
)
def test_an_answer_is_told_without_the_url(server, path, reason):
    said = fetch(url_of(server, path))
    assert (said is None) == (reason is None)
    if reason == "refused":
        assert said in ("refused", "the answer was 302")
    elif reason:
        assert said == reason


def test_who_does_not_answer_is_not_waited_for(server):
    assert fetch(url_of(server, "/slow"), seconds=0.2) is not None


def test_nobody_there_is_a_reason():
    assert fetch("http://127.0.0.1:1/secret") == "Connection refused"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "secret"])
def test_only_http_is_fetched(url):
    assert fetch(url) == "the URL must begin with https:// or http://"


def app_with(tmp_path: Path, url: str | None) -> App:
    settings = tmp_path / "lpse-ops.yml"
    text = "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}\n"
    if url is not None:
        (tmp_path / "beat").touch(0o600)
        (tmp_path / "beat").write_text(url)
        text += "notify: {heartbeat_file: beat}\n"
    settings.write_text(text)
    return App(environment={}, stderr=io.StringIO(), settings_file=settings)


def test_the_url_of_the_settings_is_fetched(tmp_path: Path, server):
    beat(app_with(tmp_path, url_of(server, "/ping/secret")))
    assert server.asked[-1] == "/ping/secret"


def test_a_failure_is_a_warning_that_does_not_hold_the_url(tmp_path: Path):
    app = app_with(tmp_path, "http://127.0.0.1:1/secret")
    beat(app)
    said = app.stderr.getvalue()  # type: ignore[attr-defined]
    assert said == "lpse-ops: warning: no heartbeat: Connection refused\n"


def test_without_a_file_nothing_is_fetched(tmp_path: Path, server):
    before = len(server.asked)
    beat(app_with(tmp_path, None))
    assert len(server.asked) == before
