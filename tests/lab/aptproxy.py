"""Debian's packages for hosts that have no way out: an HTTP proxy on the lab's side that caches.

Only what never changes is kept: packages, and indexes that are asked for by their hash.  It runs
as a process of the keeper's and fetches as this machine does.
"""

import hashlib
import http.client
import http.server
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path

PORT = 3142
UP = "proxy up"

_PASSED_ON = ("Content-Length", "Content-Type", "ETag", "Last-Modified")
_ASKED_FOR = ("If-Modified-Since", "If-None-Match", "Range", "If-Range", "User-Agent")
_SECONDS_TO_ANSWER = 60


class Proxy(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: str, cache: Path, *, port: int = PORT) -> None:
        super().__init__((address, port), Handler)
        self.cache = cache


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_GET(self) -> None:
        if not self.path.startswith("http://"):
            self.send_error(http.client.NOT_IMPLEMENTED, "only http:// is fetched")
        elif never_changes(self.path):
            self._answer_from_cache()
        else:
            self._answer_from_far()

    def _answer_from_cache(self) -> None:
        file = self.server.cache / hashlib.sha256(self.path.encode()).hexdigest()
        if not file.exists():
            try:
                fetch_whole(self.path, file)
            except urllib.error.HTTPError as error:
                self.send_error(error.code)
                return
            except OSError as error:
                self.send_error(http.client.BAD_GATEWAY, str(error))
                return
        self.send_response(http.client.OK)
        self.send_header("Content-Length", str(file.stat().st_size))
        self.end_headers()
        with file.open("rb") as content:
            shutil.copyfileobj(content, self.wfile)

    def _answer_from_far(self) -> None:
        asked = {name: self.headers[name] for name in _ASKED_FOR if name in self.headers}
        request = urllib.request.Request(self.path, headers=asked)
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS_TO_ANSWER) as answer:
                self._pass_on(answer.status, answer.headers)
                shutil.copyfileobj(answer, self.wfile)
        except urllib.error.HTTPError as error:
            # Also 304: apt has the newest already.
            self.send_response(error.code)
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError as error:
            self.send_error(http.client.BAD_GATEWAY, str(error))

    def _pass_on(self, status: int, headers: Message) -> None:
        self.send_response(status)
        for name in _PASSED_ON:
            if name in headers:
                self.send_header(name, headers[name])
        if "Content-Length" not in headers:
            self.send_header("Connection", "close")
        self.end_headers()


def never_changes(url: str) -> bool:
    return url.endswith(".deb") or "/by-hash/SHA256/" in url


def fetch_whole(url: str, file: Path) -> None:
    """Fetch into a file that appears when it is whole."""
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix="new-", delete=False) as scratch:
        young = Path(scratch.name)
        try:
            with urllib.request.urlopen(url, timeout=_SECONDS_TO_ANSWER) as answer:
                shutil.copyfileobj(answer, scratch)
            scratch.flush()
            expected = answer.headers.get("Content-Length", str(young.stat().st_size))
            if young.stat().st_size != int(expected):
                raise OSError(f"{url} came only in part")
            young.rename(file)
        finally:
            young.unlink(missing_ok=True)


def main(address: str, cache: str) -> None:
    Path(cache).mkdir(parents=True, exist_ok=True)
    with Proxy(address, Path(cache)) as proxy:
        print(UP, flush=True)
        proxy.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
