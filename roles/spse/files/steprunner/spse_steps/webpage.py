"""One page over HTTP or HTTPS, for a bounded time and size; redirects are not followed."""

import http.client
import socket
import ssl
import time
from typing import Optional, Tuple
from urllib.parse import urlsplit

from spse_steps.plan import WebPage

_ATTEMPT_SECONDS = 10.0
_LARGEST_BYTES = 1 << 20
_OK = 200
_PORTS = {"http": 80, "https": 443}


class _Connection(http.client.HTTPConnection):
    """Connects to ``address`` whatever the host is called; TLS proves the host's name."""

    def __init__(
        self, host: str, port: int, address: Tuple[str, int], context: Optional[ssl.SSLContext]
    ) -> None:
        super().__init__(host, port, timeout=_ATTEMPT_SECONDS)
        self._address = address
        self._context = context

    def connect(self) -> None:
        raw = socket.create_connection(self._address, _ATTEMPT_SECONDS)
        self.sock = (
            self._context.wrap_socket(raw, server_hostname=self.host) if self._context else raw
        )


def find_fault(page: WebPage, attempt_seconds: float = _ATTEMPT_SECONDS) -> Optional[str]:
    """What is wrong with a page now; None when it answers as it should."""
    try:
        status, body = _fetch(page, attempt_seconds)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"{page.url} does not answer: {_say(error)}"
    if status != _OK:
        return f"{page.url} answers with status {status}"
    if page.text not in body:
        return f"{page.url} does not hold the text {page.text!r}"
    return None


def _fetch(page: WebPage, seconds: float) -> Tuple[int, str]:
    url = urlsplit(page.url)
    host, default = str(url.hostname), _PORTS[url.scheme]
    port = url.port or default
    context = _trust(page)
    connection = _Connection(
        host, port, parse_address(page.address, host, port), context if default == 443 else None
    )
    try:
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request("GET", path, headers={"User-Agent": "lpse-ops", "Connection": "close"})
        response = connection.getresponse()
        return response.status, _read(response, seconds).decode("utf-8", "replace")
    finally:
        connection.close()


def _trust(page: WebPage) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=page.ca_file or None)
    except OSError as error:
        raise ValueError(f"ca_file {page.ca_file}: {error.strerror or error}") from error


def _read(response: http.client.HTTPResponse, seconds: float) -> bytes:
    """The body as far as it comes in time: a server may send one byte a second for ever."""
    deadline = time.monotonic() + seconds
    content = b""
    while len(content) < _LARGEST_BYTES:
        piece = response.read1(1 << 16)
        if not piece:
            break
        content += piece
        if time.monotonic() > deadline:
            raise socket.timeout("the page does not end")
    return content


def parse_address(address: str, host: str, port: int) -> Tuple[str, int]:
    """``HOST``, ``HOST:PORT`` or ``[IPV6]:PORT``; what is left out is as in the URL."""
    if not address:
        return host, port
    parsed = urlsplit(f"//{address}")
    return parsed.hostname or host, parsed.port or port


def _say(error: Exception) -> str:
    return str(error) or type(error).__name__
