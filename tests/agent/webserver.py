"""A real web server in this process, with good and bad manners, one for each path."""

import base64
import datetime
import gzip
import ipaddress
import json
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TEXT = b"halo dunia\n"
# Everything is as old as this.
MODIFIED = 1_700_000_000
USER = "sari"
# Not what anybody would find in any other text of a test.
PASSWORD = "rahasia-7f3a"
HUGE_BYTES = 64 << 20


class Server(ThreadingHTTPServer):
    """``seen`` are the requests that came: method, path and headers in lower case."""

    daemon_threads = True

    def __init__(self, address: Any) -> None:
        super().__init__(address, Handler)
        self.seen: list[tuple[str, str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def last_headers(self) -> dict[str, str]:
        return self.seen[-1][2]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away in the middle are what the tests are about."""


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    seen: list[Any]


class Handler(BaseHTTPRequestHandler):
    """One path, one behaviour: ``/echo`` is answered by ``get_echo``."""

    def log_message(self, *words: Any) -> None:
        """Nothing: what came is in ``seen``."""

    def answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.command, self.path, headers))  # type: ignore[attr-defined]
        name = urlsplit(self.path).path.strip("/").split("/")[0].replace("-", "_")
        getattr(self, f"get_{name}", self.get_missing)()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_REPORT = answer

    def query(self) -> dict[str, str]:
        return {name: each[0] for name, each in parse_qs(urlsplit(self.path).query).items()}

    def content(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send(self, content: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        kept = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"Content-Length": str(len(content)), **kept}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def get_missing(self) -> None:
        self.content()
        self.send(b"no such thing", 404)

    def get_file(self) -> None:
        if self.headers.get("If-Modified-Since"):
            since = self.headers["If-Modified-Since"]
            if datetime.datetime.strptime(since, "%a, %d %b %Y %H:%M:%S GMT") >= _modified():
                self.send(b"", 304)
                return
        self.send(TEXT, Last_Modified=formatdate(MODIFIED, usegmt=True))

    def get_status(self) -> None:
        self.content()
        self.send(b"words", int(self.path.rpartition("/")[2]))

    def get_redirect(self) -> None:
        self.content()
        query = self.query()
        self.send(b"", int(query["code"]), Location=query["to"])

    def get_loop(self) -> None:
        self.send(b"", 302, Location="/loop")

    def get_short(self) -> None:
        self.send(TEXT, Content_Length="1000")

    def get_slow(self) -> None:
        time.sleep(1.5)
        self.send(TEXT)

    def get_closed(self) -> None:
        self.close_connection = True

    def get_gzip(self) -> None:
        self.send(gzip.compress(TEXT, mtime=0), Content_Encoding="gzip")

    def get_half_gzip(self) -> None:
        self.send(gzip.compress(TEXT * 99, mtime=0)[:-12], Content_Encoding="gzip")

    def get_auth(self) -> None:
        words = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") == f"Basic {words}":
            self.send(TEXT)
        else:
            self.send(b"who?", 401, WWW_Authenticate='Basic realm="x"')

    def get_echo(self) -> None:
        content = self.content().decode("utf-8", "surrogateescape")
        said = {"method": self.command, "path": self.path, "content": content}
        said["type"] = self.headers.get("Content-Type") or ""
        said["word"] = self.headers.get("X-Word") or ""
        self.send(json.dumps(said).encode(), Content_Type="application/json; charset=utf-8")

    def get_broken(self) -> None:
        self.send(b'{"a": ', Content_Type="application/json")

    def get_words(self) -> None:
        self.send("é\n".encode("latin-1"), Content_Type="text/plain; charset=iso-8859-1")

    def get_problem(self) -> None:
        self.send(b'{"title": "x"}', 409, Content_Type="application/problem+json")

    def get_cookies(self) -> None:
        self.send_response(200)
        self.send_header("Set-Cookie", "a=1; Path=/")
        self.send_header("Set-Cookie", "b=2; Path=/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def get_attachment(self) -> None:
        self.send(TEXT, Content_Disposition='attachment; filename="../../evil.txt"')

    def get_dots(self) -> None:
        self.send(TEXT, Content_Disposition='attachment; filename=".."')

    def get_sums(self) -> None:
        self.send(self.query()["text"].encode())

    def get_huge(self) -> None:
        self.send_response(200)
        self.end_headers()
        piece = bytes(1 << 20)
        for _ in range(HUGE_BYTES >> 20):
            self.wfile.write(piece)


def _modified() -> datetime.datetime:
    return datetime.datetime.fromtimestamp(MODIFIED, datetime.UTC).replace(tzinfo=None)


@contextmanager
def running(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def serve() -> Iterator[Server]:
    """A server on this machine's own address, at a port that was free."""
    with running(Server(("127.0.0.1", 0))) as server:
        yield server


@contextmanager
def serve_tls(folder: Path) -> Iterator[Server]:
    """The same behind TLS; its certificate, which nobody knows, is ``folder/cert.pem``."""
    write_certificate(folder)
    server = Server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with running(server):
        yield server


@contextmanager
def serve_unix(path: Path) -> Iterator[UnixServer]:
    """The same at a socket of the file system."""

    class UnixHandler(Handler):
        def address_string(self) -> str:
            return "unix"

    server = UnixServer(str(path), UnixHandler)
    server.seen = []
    with running(server):
        yield server


def write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "key.pem").write_bytes(private)
