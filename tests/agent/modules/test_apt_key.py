"""The ``apt_key`` module where no machine is needed: where keys come from, which are refused."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lpse_ops.agent.modules.apt_key import keyserver_address
from tests.agent.thishost import run_task

KEY = Path(__file__).parent / "onhosts/lab-key.asc"
FINGERPRINT = "6AC96EBE20DCE51E27280F551BF55AF097739675"


class Keyserver(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_known = self.path == f"/pks/lookup?op=get&options=mr&search=0x{FINGERPRINT}"
        self.send_response(200 if is_known else 404)
        self.end_headers()
        self.wfile.write(KEY.read_bytes() if is_known else b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def keyserver() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Keyserver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"hkp://127.0.0.1:{server.server_port}"
        server.shutdown()


def apt_key(folder: Path, *, check_mode: bool = False, **args: str):
    args["keyring"] = str(folder / "k.gpg")
    return run_task("apt_key", args, folder, check_mode=check_mode)


@pytest.mark.parametrize(
    ("keyserver", "address"),
    [
        ("keyserver.ubuntu.com", "http://keyserver.ubuntu.com:11371"),
        ("hkp://keyserver.ubuntu.com:80", "http://keyserver.ubuntu.com:80"),
        ("hkps://keys.openpgp.org", "https://keys.openpgp.org"),
        ("https://keys.openpgp.org/", "https://keys.openpgp.org"),
    ],
)
def test_the_address_of_a_keyserver(keyserver, address):
    assert keyserver_address(keyserver, "ABCD").startswith(f"{address}/pks/lookup?")


def test_a_key_of_a_keyserver(keyserver, tmp_path):
    planned = apt_key(tmp_path, id=FINGERPRINT, keyserver=keyserver, check_mode=True)
    assert planned["changed"]
    assert not (tmp_path / "k.gpg").exists()
    result = apt_key(tmp_path, id=FINGERPRINT, keyserver=keyserver)
    assert result["changed"]
    assert result["after"] == ["1BF55AF097739675", "69955CFD9F2BC246"]
    assert not apt_key(tmp_path, id=FINGERPRINT, keyserver=keyserver)["changed"]


def test_a_keyserver_without_the_key(keyserver, tmp_path):
    result = apt_key(tmp_path, id="F" * 40, keyserver=keyserver)
    assert result["msg"].startswith("Failed to download key at http://127.0.0.1:")


def test_a_key_of_an_address(tmp_path):
    result = apt_key(tmp_path, url=KEY.as_uri())
    assert result["id"] == "1BF55AF097739675"
    assert result["changed"]
    assert not apt_key(tmp_path, url=KEY.as_uri())["changed"]


def test_nothing_is_fetched_for_a_key_that_is_there(tmp_path):
    apt_key(tmp_path, file=str(KEY))
    result = apt_key(tmp_path, id=FINGERPRINT, url="file:///nihil")
    assert not result["changed"]
    assert "failed" not in result


@pytest.mark.parametrize("wrong", ["F" * 40, "F" * 24 + FINGERPRINT[-16:]])
def test_another_key_than_the_one_asked_for_is_never_written(wrong, tmp_path):
    result = apt_key(tmp_path, id=wrong, file=str(KEY))
    assert "failed to add the key (check that the id is correct" in result["msg"]
    assert not (tmp_path / "k.gpg").exists()


def test_a_password_in_an_address_is_not_shown(tmp_path):
    result = apt_key(tmp_path, url="http://sari:rahasia@127.0.0.1:1/key")
    assert result["failed"]
    assert "rahasia" not in str(result)


def test_what_is_asked_for_must_be_named(tmp_path):
    assert apt_key(tmp_path, state="absent")["msg"] == "key is required to remove a key"
    assert "set one of data, file, keyserver or url" in apt_key(tmp_path)["msg"]
    assert apt_key(tmp_path, id="1" * 40)["msg"].startswith("No key to add")
    keyserver = apt_key(tmp_path, keyserver="localhost")
    assert keyserver["msg"] == "Missing key_id, required with keyserver."
