"""Pages over real HTTP and TLS, also from a server that means no good."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from spse_steps.plan import WebPage
from spse_steps.webpage import find_fault, parse_address

NAME = "lpse.contoh.go.id"
GOOD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nMasuk ke SPSE"


@contextmanager
def answering(answer: bytes, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server on loopback that says the same to everybody."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                caller, _address = listener.accept()
            except OSError:
                return
            try:
                caller = context.wrap_socket(caller, server_side=True) if context else caller
                caller.recv(65536)
                caller.sendall(answer)
            except OSError:
                pass
            caller.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def make_certificate(folder: Path, *, name: str = NAME, days: int = 30) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert", folder / "key"


def page(url: str, **fields: str) -> WebPage:
    return WebPage("proxy", url, fields.get("address", ""), fields.get("ca_file", ""), "Masuk")


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (GOOD, None),
        (b"HTTP/1.1 504 Gateway Timeout\r\n\r\nMasuk", "answers with status 504"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://evil/\r\n\r\nMasuk", "answers with status 302"),
        (b"HTTP/1.1 200 OK\r\n\r\nMaintenance", "does not hold the text 'Masuk'"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 3_000_000 + b"Masuk", "does not hold the text"),
        (b"\x00\xff garbage", "does not answer"),
        (b"", "does not answer"),
    ],
)
def test_what_a_page_says(answer, fault):
    with answering(answer) as port:
        found = find_fault(page(f"http://127.0.0.1:{port}/eproc4/?a=b"))
    assert found is None if fault is None else fault in found


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "does not answer" in find_fault(page(f"http://127.0.0.1:{port}/"))


def test_a_page_that_never_ends_is_left():
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        caller, _address = listener.accept()
        try:
            caller.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _second in range(40):
                caller.sendall(b".")
                time.sleep(0.05)
        except OSError:
            return

    threading.Thread(target=drip, daemon=True).start()
    fault = find_fault(page(f"http://127.0.0.1:{listener.getsockname()[1]}/"), 0.2)
    listener.close()
    assert "the page does not end" in fault


@pytest.mark.parametrize(
    ("name", "days", "is_known", "fault"),
    [
        (NAME, 30, True, None),
        (NAME, 30, False, "certificate verify failed"),
        (NAME, -1, True, "certificate has expired"),
        ("other.go.id", 30, True, "Hostname mismatch"),
    ],
)
def test_tls_is_proved(tmp_path, name, days, is_known, fault):
    certificate, key = make_certificate(tmp_path, name=name, days=days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with answering(GOOD, context) as port:
        wanted = page(
            f"https://{NAME}/eproc4/",
            address=f"127.0.0.1:{port}",
            ca_file=str(certificate) if is_known else "",
        )
        found = find_fault(wanted)
    assert found is None if fault is None else fault in found


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", ("host", 443)),
        ("127.0.0.1", ("127.0.0.1", 443)),
        ("127.0.0.1:8443", ("127.0.0.1", 8443)),
        ("[::1]:8443", ("::1", 8443)),
    ],
)
def test_where_to_connect(address, expected):
    assert parse_address(address, "host", 443) == expected
