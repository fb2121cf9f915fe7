import http.server
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.aptproxy import Proxy


class Archive(http.server.BaseHTTPRequestHandler):
    """An archive that counts: each answer holds the number of the question."""

    questions = 0

    def do_GET(self) -> None:
        type(self).questions += 1
        if "missing" in self.path:
            self.send_error(404)
            return
        content = f"{self.path} {self.questions}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content) + ("torn" in self.path)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words: object) -> None:
        pass


def serve(server: http.server.HTTPServer) -> str:
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def fetch(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Ask the archive for a path, through the proxy."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Archive) as archive,
        Proxy("127.0.0.1", cache, port=0) as proxy,
    ):
        far, near = serve(archive), serve(proxy)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": near}))
        yield lambda path: opener.open(far + path, timeout=10).read()
        archive.shutdown()
        proxy.shutdown()


def test_packages_are_fetched_once(fetch):
    assert fetch("/pool/a.deb") == fetch("/pool/a.deb")
    assert fetch("/pool/a.deb") != fetch("/pool/b.deb")


def test_what_may_change_is_asked_for_every_time(fetch):
    assert fetch("/dists/InRelease") != fetch("/dists/InRelease")


def test_what_is_not_there_is_not_kept(fetch, cache):
    for path in ("/dists/missing", "/pool/missing.deb"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(path)
    assert list(cache.iterdir()) == []


def test_half_a_package_is_not_kept(fetch, cache):
    with pytest.raises(urllib.error.HTTPError, match="502"):
        fetch("/pool/torn.deb")
    assert list(cache.iterdir()) == []
