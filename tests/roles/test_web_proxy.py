"""The proxy before a real backend: Apache httpd and nginx give the same answers."""

import http.client
import json
import socket
import ssl
import subprocess
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.lab.lab import Finished, Host
from tests.roles.running import OURS, Ran, RoleRunner

pytestmark = pytest.mark.xdist_group("roles")

NAME = "lpse.contoh.go.id"
PAGE = "/var/www/lpse-ops/maintenance.html"
TLS = "/etc/lpse-ops/tls"
VARIABLES = {
    "web_proxy_server_name": NAME,
    # Where no SPSE of another test is.
    "web_proxy_port": 9190,
    "web_proxy_timeout": 1,
    "web_proxy_header_seconds": 1,
    "web_proxy_max_body": 5_000_000,
}
CHECK = "web_proxy : Refuse a certificate that users would be warned of"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str


@dataclass(frozen=True)
class Proxy:
    server: str
    roles: RoleRunner
    first: Ran
    certificate: Path

    @property
    def host(self) -> Host:
        return self.roles.host

    @property
    def unit(self) -> str:
        return {"apache": "apache2", "nginx": "nginx"}[self.server]

    def run(self, engine: str = OURS, *arguments: str, **more: Any) -> Ran:
        variables = {**VARIABLES, "web_proxy_server": self.server, **more}
        return self.roles.run("web_proxy", engine=engine, arguments=arguments, variables=variables)

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def connect(self, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        plain = socket.create_connection((self.host.address, 443), timeout=20)
        return (context or self.context()).wrap_socket(plain, server_hostname=NAME)

    def ask(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
        """As a user asks, from outside, who trusts nothing but the certificate."""
        connection = http.client.HTTPSConnection(NAME, timeout=20)
        connection.sock = self.connect()
        return read_answer(connection, path, method, body, headers)

    def ask_plainly(self, path: str) -> Answer:
        connection = http.client.HTTPConnection(self.host.address, timeout=20)
        return read_answer(connection, path, "GET", b"", {"Host": NAME})

    def ask_on_the_machine(self, path: str) -> Finished:
        place = f"{NAME}:443:127.0.0.1"
        ca = f"{TLS}/certificate.pem"
        url = f"https://{NAME}{path}"
        words = ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", ca]
        return self.host.run("curl", *words, "--resolve", place, url)


def read_answer(
    connection: http.client.HTTPConnection,
    path: str,
    method: str,
    body: bytes,
    headers: dict[str, str],
) -> Answer:
    connection.request(method, path, body=body or None, headers=headers)
    answer = connection.getresponse()
    found = {name.lower(): value for name, value in answer.getheaders()}
    text = answer.read().decode()
    connection.close()
    return Answer(answer.status, found, text)


@pytest.fixture(scope="module")
def backend(role_host: Host) -> Iterator[None]:
    code = Path(__file__).with_name("backend.py").read_text()
    role_host.run("sh", "-c", "cat >/srv/backend.py", stdin=code)
    start(role_host)
    yield
    role_host.run("systemctl", "stop", "backend")


def start(host: Host) -> None:
    argv = [
        "systemd-run",
        "-q",
        "--collect",
        "--unit=backend",
        "python3",
        "/srv/backend.py",
        "9190",
    ]
    host.run(*argv)
    wait = "until curl -s -o /dev/null http://127.0.0.1:9190/; do sleep 0.05; done"
    host.run("sh", "-c", wait)


@pytest.fixture(scope="module", params=["apache", "nginx"])
def proxy(
    request: pytest.FixtureRequest,
    roles: RoleRunner,
    backend: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Proxy:
    certificate = tmp_path_factory.mktemp("tls") / "certificate.pem"
    made = Proxy(request.param, roles, Ran(0, "", {}, 0), certificate)
    checked = made.run(OURS, "--check")
    assert checked.status == 0, checked.text
    ran = made.run(OURS, "--diff")
    assert ran.status == 0, ran.text
    certificate.write_text(roles.host.run("cat", f"{TLS}/certificate.pem").stdout)
    return Proxy(request.param, roles, ran, certificate)


def test_again_changes_nothing(proxy: Proxy):
    ran = proxy.run()
    assert (ran.status, ran.changed) == (0, []), ran.text


def test_a_page_goes_through_with_what_spse_must_know(proxy: Proxy):
    answer = proxy.ask("/eproc4/lelang?x=1%2F2", **{"X-Forwarded-For": "203.0.113.9", "Proxy": "x"})
    assert answer.status == 200
    told = json.loads(answer.text)
    asked = {name.lower(): value for name, value in told["headers"].items()}
    assert told["path"] == "/eproc4/lelang?x=1%2F2"
    assert (asked["host"], asked["x-forwarded-proto"]) == (NAME, "https")
    assert "203.0.113.9" not in asked["x-forwarded-for"]
    assert "proxy" not in asked
    assert proxy.ask("/eproc4").status == 200


def test_where_it_leads(proxy: Proxy):
    plain = proxy.ask_plainly("/eproc4/lelang?x=1")
    assert (plain.status, plain.headers["location"]) == (301, f"https://{NAME}/eproc4/lelang?x=1")
    root = proxy.ask("/")
    assert (root.status, root.headers["location"]) == (302, f"https://{NAME}/eproc4")
    login = proxy.ask("/eproc4/login")
    assert (login.status, login.headers["location"]) == (302, f"https://{NAME}/eproc4/home?x=1")


@pytest.mark.parametrize("path", ["/eproc4x", "/server-status", "/tidak-menjawab.html", "/icons/"])
def test_nothing_else_is_there(proxy: Proxy, path: str):
    assert proxy.ask(path).status == 404


def test_what_it_says_of_itself(proxy: Proxy):
    for answer in (proxy.ask("/eproc4"), proxy.ask("/x"), proxy.ask("/eproc4/error")):
        assert answer.headers["server"].lower() == proxy.server
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "SAMEORIGIN"
        assert "strict-transport-security" not in answer.headers
    assert proxy.ask("/x", method="TRACE").status in (404, 405)


def test_only_new_tls(proxy: Proxy):
    old = proxy.context()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        proxy.connect(old)
    with proxy.connect() as line:
        assert line.version() == "TLSv1.3"
    key = proxy.host.run("stat", "-c", "%a %U", f"{TLS}/site.pem").stdout
    assert key == "600 root\n"
    assert "PRIVATE KEY" not in proxy.first.text


def test_uploads_up_to_the_limit(proxy: Proxy):
    most = 5_000_000
    answer = proxy.ask("/eproc4/dokumen", "POST", b"x" * most)
    assert json.loads(answer.text)["received"] == most
    assert proxy.ask("/eproc4/dokumen", "POST", b"x" * (most + 1)).status == 413


def test_maintenance_is_for_all_but_this_machine(proxy: Proxy):
    proxy.host.run("sh", "-c", f"cat >{PAGE}", stdin="<h1>Sedang pemeliharaan</h1>")
    try:
        for path in ("/eproc4/lelang", "/", "/x"):
            answer = proxy.ask(path)
            assert (answer.status, answer.headers["retry-after"]) == (503, "120")
            assert answer.text == "<h1>Sedang pemeliharaan</h1>"
            assert answer.headers["content-type"].lower() == "text/html; charset=utf-8"
        assert proxy.ask("/eproc4/dokumen", "POST", b"x" * 1000).status == 503
        assert proxy.ask_on_the_machine("/eproc4").stdout == "200"
    finally:
        proxy.host.run("rm", PAGE)
    assert proxy.ask("/eproc4").status == 200


def test_a_backend_that_is_away_or_hangs(proxy: Proxy):
    slow = proxy.ask("/eproc4/slow")
    # Apache httpd 2.4 does not tell a backend that hangs from one that breaks off.
    assert slow.status == {"apache": 502, "nginx": 504}[proxy.server]
    assert "retry-after" not in slow.headers
    assert "sedang tidak dapat diakses" in slow.text
    for path, status in (("/eproc4/error", 500), ("/eproc4/gone", 504)):
        own = proxy.ask(path)
        assert (own.status, json.loads(own.text)["path"]) == (status, path)
    proxy.host.run("systemctl", "stop", "backend")
    away = proxy.ask("/eproc4")
    assert (away.status, away.headers["retry-after"]) == (503, "120")
    assert "sedang tidak dapat diakses" in away.text
    # As soon as it is back, so is the site.
    start(proxy.host)
    assert proxy.ask("/eproc4").status == 200


def test_who_takes_too_long_is_cut_off(proxy: Proxy):
    with proxy.connect() as line:
        line.sendall(b"GET /eproc4 HTTP/1.1\r\nHost: x\r\n")
        began = time.monotonic()
        answer = line.recv(100)
        assert time.monotonic() - began < 6
        assert answer == b"" or b" 408 " in answer


def test_sites_of_others_stay(proxy: Proxy):
    proxy.host.run("sh", "-c", "mkdir -p /etc/nginx/conf.d; : >/etc/nginx/conf.d/dinas.conf")
    ran = proxy.run()
    proxy.host.run("rm", "/etc/nginx/conf.d/dinas.conf")
    assert ran.failed == ["web_proxy : Refuse to take their place"], ran.text
    assert "/etc/nginx/conf.d/dinas.conf" in ran.text


def test_a_wrong_value_is_not_put_in_place(proxy: Proxy):
    ran = proxy.run(web_proxy_header_seconds=-5)
    [task] = ran.failed
    assert task.startswith("web_proxy : Write the s"), ran.text
    assert "failed to validate" in ran.text
    proxy.host.run("systemctl", "reload", proxy.unit)
    assert proxy.ask("/eproc4").status == 200


class Authority:
    """Signs certificates, as an office does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate = folder / "authority.pem"
        self._openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Uji", "-days", "2"),
            *("-keyout", "authority.key", "-out", "authority.pem"),
        )

    def sign(self, name: str, *, days: int = 2, file: str = "") -> tuple[str, str]:
        """Paths of a certificate and its key."""
        file = file or name
        self._openssl(
            *("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}"),
            *("-addext", f"subjectAltName=DNS:{name}"),
            *("-keyout", f"{file}.key", "-out", f"{file}.csr"),
        )
        self._openssl(
            *("x509", "-req", "-in", f"{file}.csr", "-CA", "authority.pem", "-CAkey"),
            *("authority.key", "-CAcreateserial", "-copy_extensions", "copy", "-days", str(days)),
            *("-out", f"{file}.pem"),
        )
        return str(self.folder / f"{file}.pem"), str(self.folder / f"{file}.key")

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=self.folder)


@pytest.fixture
def trial_again(proxy: Proxy) -> Iterator[None]:
    yield
    proxy.host.run("rm", f"{TLS}/site.pem")
    assert proxy.run().status == 0
    proxy.certificate.write_text(proxy.host.run("cat", f"{TLS}/certificate.pem").stdout)


@pytest.mark.parametrize("proxy", ["apache"], indirect=True)
def test_a_certificate_is_checked_before_it_is_put_in_place(
    proxy: Proxy, trial_again: None, tmp_path: Path
):
    authority = Authority(tmp_path)
    trusted = str(authority.certificate)
    good, key = authority.sign(NAME)
    other, other_key = authority.sign("lain.contoh.go.id")
    ended, ended_key = authority.sign(NAME, days=-1, file="ended")
    for certificate, its_key, who, why in (
        (good, other_key, trusted, "is not the key of web_proxy_certificate"),
        (other, other_key, trusted, f"the certificate is not for {NAME}"),
        (ended, ended_key, trusted, "the certificate has ended"),
        (good, key, "", "nobody whom browsers trust vouches for the certificate"),
        (good, good, trusted, "web_proxy_key has no key in PEM"),
    ):
        ran = give(proxy, certificate, its_key, who)
        assert ran.failed == [CHECK], ran.text
        assert why in ran.text
        assert "PRIVATE KEY" not in ran.text
    assert proxy.ask("/eproc4").status == 200
    ran = give(proxy, good, key, trusted)
    assert ran.status == 0, ran.text
    with proxy.connect(ssl.create_default_context(cafile=trusted)) as line:
        assert ("commonName", "Uji") in [pair for (pair,) in line.getpeercert()["issuer"]]
    ran = give(proxy, good, key, trusted)
    assert (ran.status, ran.changed) == (0, []), ran.text
    # Whoever forgets it in the inventory does not lose it.
    assert proxy.run().changed == []


def give(proxy: Proxy, certificate: str, key: str, authority: str) -> Ran:
    return proxy.run(
        web_proxy_certificate=certificate, web_proxy_key=key, web_proxy_authority=authority
    )
