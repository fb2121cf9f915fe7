"""A small HTTP proxy before a real server, which gives trouble where a test wants it.

Requests go through byte for byte, the Host header too, so that signatures stay good.
"""

import contextlib
import http.client
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """Given instead of the server's; it gets the request only if ``reaches_server``."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    reaches_server: bool = False


@dataclass(frozen=True)
class Cut:
    """The server's answer, broken off: after so many bytes of the body, or before its first line.

    Unless ``reaches_server``, the server never hears of the request.
    """

    after_bytes: int | None = None
    reaches_server: bool = True


Trouble = Answer | Cut
# Told method and path; called for every request, from several threads.
Plan = Callable[[str, str], Trouble | None]


def no_trouble(_method: str, _path: str) -> None:
    return None


@dataclass
class HttpProxy:
    """``requests`` are all methods and paths so far; ``plan`` may be changed at any time."""

    port: int
    plan: Plan = no_trouble
    requests: list[tuple[str, str]] = field(default_factory=list)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def some(count: int, trouble: Trouble, method: str = "") -> Plan:
    """Trouble for the first ``count`` requests of a method."""
    left = iter(range(count))
    lock = threading.Lock()

    def plan(asked: str, _path: str) -> Trouble | None:
        with lock:
            hits = (not method or asked == method) and next(left, None) is not None
        return trouble if hits else None

    return plan


@contextlib.contextmanager
def open_http_proxy(target_port: int, plan: Plan = no_trouble) -> Iterator[HttpProxy]:
    proxy = HttpProxy(0, plan)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            with contextlib.suppress(ConnectionError):
                super().handle_one_request()

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

        def carry(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            proxy.requests.append((self.command, self.path))
            trouble = proxy.plan(self.command, self.path)
            answered = None
            if trouble is None or trouble.reaches_server:
                answered = self.forward(content)
            if isinstance(trouble, Answer):
                answered = trouble
            if isinstance(trouble, Cut) and trouble.after_bytes is None:
                self.close_connection = True
                return
            assert answered is not None
            end = trouble.after_bytes if isinstance(trouble, Cut) else None
            self.give(answered, end)

        def forward(self, content: bytes) -> Answer:
            server = http.client.HTTPConnection("127.0.0.1", target_port, timeout=60)
            with contextlib.closing(server):
                server.putrequest(self.command, self.path, skip_host=True,
                                  skip_accept_encoding=True)  # fmt: skip
                for name, value in self.headers.items():
                    server.putheader(name, value)
                server.endheaders(content or None)
                answer = server.getresponse()
                return Answer(answer.status, answer.read(), tuple(answer.getheaders()))

        def give(self, answer: Answer, end: int | None) -> None:
            self.send_response_only(answer.status)
            # The length of an answer to HEAD is that of what is not sent.
            is_head = self.command == "HEAD" and not answer.body
            ours = {"transfer-encoding", "connection"} | (set() if is_head else {"content-length"})
            for name, value in answer.headers:
                if name.lower() not in ours:
                    self.send_header(name, value)
            if not is_head:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[:end])
            self.close_connection = end is not None

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = carry

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        proxy.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
