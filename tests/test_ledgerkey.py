"""The controller's signing key: made once, private, ssh-keygen's; and whose signatures count."""

import stat
import subprocess
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lpse_ops.errors import LedgerError
from lpse_ops.ledgercheckpoint import allowed_signer
from lpse_ops.ledgerkey import _make_key, load_allowed_signers, load_public_key, open_key
from lpse_ops.sshsig import public_key

KEY = public_key(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = public_key(Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))


def test_the_key_is_made_once_and_nobody_else_reads_it(tmp_path: Path):
    folder = tmp_path / "ledger"
    assert load_public_key(folder) is None
    made = public_key(open_key(folder))
    assert public_key(open_key(folder)) == made == load_public_key(folder)
    assert stat.S_IMODE((folder / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(path.name for path in folder.iterdir()) == ["key", "key.pub"]


def test_ssh_keygen_reads_it(tmp_path: Path):
    made = public_key(open_key(tmp_path))
    shown = subprocess.run(["ssh-keygen", "-y", "-f", tmp_path / "key"], capture_output=True)
    assert shown.stdout.decode().split()[:2] == made.split()


def test_all_who_come_first_at_once_get_the_same_key(tmp_path: Path):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(public_key(open_key(tmp_path))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_who_was_a_moment_late_takes_the_key_that_is_there(tmp_path: Path):
    made = public_key(open_key(tmp_path))
    # As if it had not been there when this one looked.
    _make_key(tmp_path)
    assert public_key(open_key(tmp_path)) == made
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "key.pub"]


def test_a_lost_key_is_not_replaced_in_silence(tmp_path: Path):
    open_key(tmp_path)
    (tmp_path / "key").unlink()
    with pytest.raises(LedgerError, match=r"is gone, but key\.pub is there") as lost:
        open_key(tmp_path)
    assert "--allowed-signers" in lost.value.hint


def test_a_key_that_others_may_read_is_refused(tmp_path: Path):
    open_key(tmp_path)
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(LedgerError, match="others may read") as loose:
        open_key(tmp_path)
    assert loose.value.hint == f"chmod 600 {tmp_path / 'key'}"


@pytest.mark.parametrize("passphrase", ["", "secret"])
def test_another_kind_of_key_or_one_with_a_passphrase_is_refused(tmp_path: Path, passphrase: str):
    kind = "ed25519" if passphrase else "ecdsa"
    command = ["ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", tmp_path / "key"]
    subprocess.run(command, check=True)
    with pytest.raises(LedgerError, match="is no Ed25519 key"):
        open_key(tmp_path)


def test_what_is_no_key_is_refused_and_not_shown(tmp_path: Path):
    (tmp_path / "key").touch(0o600)
    (tmp_path / "key").write_text("a secret")
    with pytest.raises(LedgerError, match="is no Ed25519 key") as refused:
        open_key(tmp_path)
    assert "a secret" not in refused.value.message + refused.value.hint


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (allowed_signer("lpse-contoh", KEY), {KEY}),
        (f"# comment\n\nlpse-contoh {KEY} of 2026\nlpse-contoh {OTHER}\n", {KEY, OTHER}),
        (f"lpse-lain,lpse-contoh {KEY}\n", {KEY}),
        (f"lpse-lain {KEY}\n", set()),
        (f'lpse-contoh namespaces="git" {KEY}\n', set()),
        (f'lpse-contoh namespaces="git,lpse-ops-ledger@v1" {KEY}\n', {KEY}),
        ("lpse-contoh ssh-rsa AAAA\n", set()),
        ("", set()),
    ],
    ids=["ours", "two", "principals", "other", "purpose", "purposes", "rsa", "empty"],
)
def test_who_may_sign(tmp_path: Path, text: str, keys: set[str]):
    path = tmp_path / "allowed_signers"
    path.write_text(text)
    assert load_allowed_signers(path, "lpse-contoh") == keys


@pytest.mark.parametrize(
    "line", [f"{KEY}", f'lpse-contoh valid-before="20260101" {KEY}', "lpse-contoh", "lpse-contoh x"]
)
def test_a_line_that_cannot_be_judged_is_named(tmp_path: Path, line: str):
    path = tmp_path / "allowed_signers"
    path.write_text(f"\n{line}\n")
    with pytest.raises(LedgerError, match="allowed_signers:2: "):
        load_allowed_signers(path, "lpse-contoh")


def test_no_such_file(tmp_path: Path):
    with pytest.raises(LedgerError, match="cannot read") as missing:
        load_allowed_signers(tmp_path / "none", "lpse-contoh")
    assert "--allowed-signers" in missing.value.hint
