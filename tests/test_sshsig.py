"""Our signatures before ssh-keygen, ssh-keygen's before us, and damaged ones before both."""

import base64
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from lpse_ops.errors import SignatureInvalid
from lpse_ops.sshsig import parse_signature, public_key, sign, verify

NAMESPACE = "lpse-ops-ledger@v1"
MESSAGE = b"lpse-contoh\n12\nroot\n"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def ssh_keygen(*args: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ssh-keygen", *args], input=stdin, capture_output=True)


def judge(folder: Path, signature: str, message: bytes, namespace: str = NAMESPACE) -> bool:
    (folder / "m.sig").write_text(signature)
    (folder / "allowed_signers").write_text(f"lpse-contoh {public_key(KEY)}\n")
    verdict = ssh_keygen(
        *("-Y", "verify", "-f", folder / "allowed_signers", "-I", "lpse-contoh"),
        *("-n", namespace, "-s", folder / "m.sig"),
        stdin=message,
    )
    return verdict.returncode == 0


def test_ssh_keygen_verifies_what_we_sign(tmp_path: Path):
    signature = sign(KEY, MESSAGE, NAMESPACE)
    assert judge(tmp_path, signature, MESSAGE)
    assert not judge(tmp_path, signature, MESSAGE + b"x")
    assert not judge(tmp_path, signature, MESSAGE, namespace="file")
    assert verify(signature, MESSAGE, NAMESPACE) == public_key(KEY)


@pytest.mark.parametrize("hash_name", ["sha256", "sha512"])
def test_we_verify_what_ssh_keygen_signs(tmp_path: Path, hash_name: str):
    key, message = tmp_path / "key", tmp_path / "m"
    ssh_keygen("-t", "ed25519", "-N", "", "-q", "-f", key)
    message.write_bytes(MESSAGE)
    options = ("-n", NAMESPACE, "-O", f"hashalg={hash_name}")
    assert ssh_keygen("-Y", "sign", "-f", key, *options, message).returncode == 0
    signature = (tmp_path / "m.sig").read_text()
    expected = " ".join((tmp_path / "key.pub").read_text().split()[:2])
    assert verify(signature, MESSAGE, NAMESPACE) == expected
    assert parse_signature(signature).hash_name == hash_name


def test_our_bytes_are_those_of_ssh_keygen(tmp_path: Path):
    """Ed25519 gives one signature for one message, so the files are equal."""
    key, message = tmp_path / "key", tmp_path / "m"
    ssh_keygen("-t", "ed25519", "-N", "", "-q", "-f", key)
    message.write_bytes(MESSAGE)
    ssh_keygen("-Y", "sign", "-f", key, "-n", NAMESPACE, message)
    ours = load_ssh_private_key(key.read_bytes(), None)
    assert isinstance(ours, Ed25519PrivateKey)
    assert sign(ours, MESSAGE, NAMESPACE) == (tmp_path / "m.sig").read_text()


def test_another_message_or_purpose_is_found():
    signature = sign(KEY, MESSAGE, NAMESPACE)
    with pytest.raises(SignatureInvalid, match="what it signs was changed"):
        verify(signature, MESSAGE + b"\n", NAMESPACE)
    with pytest.raises(SignatureInvalid, match="made for 'file', not for"):
        verify(sign(KEY, MESSAGE, "file"), MESSAGE, NAMESPACE)


def test_another_key_is_returned_and_for_the_caller_to_refuse():
    other = Ed25519PrivateKey.generate()
    assert verify(sign(other, MESSAGE, NAMESPACE), MESSAGE, NAMESPACE) == public_key(other)


def armour(blob: bytes) -> str:
    text = base64.b64encode(blob).decode()
    return f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----\n"


def blob() -> bytes:
    return base64.b64decode("".join(sign(KEY, MESSAGE, NAMESPACE).splitlines()[1:-1]))


def test_every_flipped_byte_is_found():
    whole = blob()
    assert verify(armour(whole), MESSAGE, NAMESPACE)
    for place in range(len(whole)):
        broken = bytearray(whole)
        broken[place] ^= 1
        with pytest.raises(SignatureInvalid):
            verify(armour(bytes(broken)), MESSAGE, NAMESPACE)


def test_every_cut_and_whatever_follows_is_found():
    whole = blob()
    for end in range(len(whole)):
        with pytest.raises(SignatureInvalid):
            parse_signature(armour(whole[:end]))
    with pytest.raises(SignatureInvalid, match="something follows"):
        parse_signature(armour(whole + b"x"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "x",
        "-----BEGIN SSH SIGNATURE-----",
        armour(b"x").replace("eA==", "e?=="),
        "x" * 70_000,
    ],
    ids=["empty", "newline", "x", "begin", "base64", "long"],
)
def test_what_is_no_signature_is_refused(text: str):
    with pytest.raises(SignatureInvalid):
        parse_signature(text)


def test_a_signature_by_another_kind_of_key_is_refused(tmp_path: Path):
    (tmp_path / "m").write_bytes(MESSAGE)
    ssh_keygen("-t", "ecdsa", "-N", "", "-q", "-f", tmp_path / "key")
    ssh_keygen("-Y", "sign", "-f", tmp_path / "key", "-n", NAMESPACE, tmp_path / "m")
    with pytest.raises(SignatureInvalid, match="key is not one of Ed25519"):
        verify((tmp_path / "m.sig").read_text(), MESSAGE, NAMESPACE)
