import base64
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.hostkeys import HostKey, check_host_key, preferred_kinds
from lpse_ops.remote.knownhosts import Entry, parse_known_hosts
from lpse_ops.remote.sshconfig import SshSettings
from tests.lab.sshd import make_key

HOST = SshSettings("web1", "web1.example", 22, "sari")
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Path:
    """An authority ``ca`` and a host's ``key``."""
    folder = tmp_path_factory.mktemp("keys")
    make_key(folder / "ca")
    make_key(folder / "key")
    return folder


def certificate(keys: Path, *options: str) -> HostKey:
    argv = ["ssh-keygen", "-q", "-s", keys / "ca", "-I", "id", *options, keys / "key.pub"]
    subprocess.run(argv, check=True)
    return read_key(keys / "key-cert.pub")


def read_key(path: Path) -> HostKey:
    kind, blob = path.read_text().split()[:2]
    return HostKey(kind, base64.b64decode(blob))


def trusted(keys: Path, pattern: str = "*") -> list[Entry]:
    line = f"@cert-authority {pattern} {(keys / 'ca.pub').read_text()}"
    return list(parse_known_hosts(line.encode(), "known_hosts"))


def refusal(keys: Path, key: HostKey, now: datetime = NOW) -> str:
    with pytest.raises(HostUnreachable) as caught:
        check_host_key(key, HOST, trusted(keys), now)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("principals", ["web1.example", "WEB1.example,b", "*.example", "web?.*"])
def test_a_certificate_holds_for_its_names(keys, principals):
    key = certificate(keys, "-h", "-n", principals)
    assert check_host_key(key, HOST, trusted(keys), NOW)


def test_a_certificate_holds_in_its_time_only(keys):
    key = certificate(keys, "-h", "-n", "*", "-V", "-1d:+1d")
    assert check_host_key(key, HOST, trusted(keys), NOW)
    assert "it is not valid now" in refusal(keys, key, NOW + timedelta(days=2))
    assert "it is not valid now" in refusal(keys, key, NOW - timedelta(days=2))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("-n", "web1.example"), "it is not for hosts"),
        (("-h", "-n", "web1.example", "-O", "critical:x@y=z"), "what is not known here"),
        (("-h", "-n", "[abc]eb1.example"), "it is for [abc]eb1.example"),
    ],
)
def test_a_certificate_that_does_not_hold_is_refused(keys, options, problem):
    assert problem in refusal(keys, certificate(keys, *options))


def test_a_certificate_that_was_changed_is_refused(keys):
    key = certificate(keys, "-h", "-n", "web2.example")
    forged = HostKey(key.kind, key.blob.replace(b"web2.example", b"web1.example"))
    assert "its signature is wrong" in refusal(keys, forged)
    for cut in (b"", key.blob[:50], key.blob[:-1]):
        assert "its signature is wrong" in refusal(keys, HostKey(key.kind, cut))


def test_a_revoked_certificate_is_refused(keys):
    key = certificate(keys, "-h", "-n", "web1.example")
    for name in ("ca", "key"):
        line = f"@revoked * {(keys / f'{name}.pub').read_text()}"
        known = trusted(keys) + list(parse_known_hosts(line.encode(), "known_hosts"))
        with pytest.raises(HostUnreachable, match="is revoked"):
            check_host_key(key, HOST, known, NOW)


def test_kinds_that_can_be_checked_are_asked_for_first():
    text = "web1 ssh-rsa AAAA\nweb2 ecdsa-sha2-nistp256 AAAA\n@cert-authority web3 ssh-rsa AAAA\n"
    known = list(parse_known_hosts(text.encode(), "known_hosts"))
    assert preferred_kinds(known, ("web1",))[:3] == (
        "rsa-sha2-512",
        "rsa-sha2-256",
        "ssh-ed25519",
    )
    assert preferred_kinds(known, ("web2",))[:2] == ("ecdsa-sha2-nistp256", "ssh-ed25519")
    assert preferred_kinds(known, ("web3",))[0] == "ssh-ed25519-cert-v01@openssh.com"
    assert "ssh-rsa" not in preferred_kinds(known, ("web1",))
