import contextlib
import hashlib
import hmac
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from hypothesis import given, settings
from hypothesis import strategies as st

from lpse_ops.errors import VaultError
from lpse_ops.marked import Origin, Sealed
from lpse_ops.vault import (
    HEADER,
    MAX_BYTES,
    Vault,
    VaultSecret,
    choose_secret,
    is_sealed,
    order_secrets,
    parse_envelope,
    seal,
)
from tests.ansible_vault import ansible_vault

DEFAULT = VaultSecret("default", b"sandi rahasia")
PROD = VaultSecret("prod", "sandi-é".encode())
DEV = VaultSecret("dev", b"other")
PLAINTEXTS = {
    "empty.yml": b"",
    "text.yml": "kunci: nilai é\n".encode(),
    "block.bin": bytes(range(16)),
    "bytes.bin": bytes(range(256)) * 40,
}


def damage(sealed: bytes, at: int) -> bytes:
    """Turn one hexadecimal digit of the last line into another."""
    digit = b"1" if sealed[at : at + 1] != b"1" else b"2"
    return sealed[:at] + digit + sealed[at + 1 :]


def failure(sealed: bytes | str, *secrets: VaultSecret) -> VaultError:
    with pytest.raises(VaultError) as caught:
        Vault(secrets or (DEFAULT,)).decrypt(sealed, Origin("x.yml", 3, 4))
    assert caught.value.message.startswith("x.yml:3:4: ")
    assert caught.value.hint
    return caught.value


@pytest.fixture(scope="module")
def password_files(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("passwords")
    arguments = []
    for secret in (DEFAULT, PROD):
        (folder / secret.vault_id).write_bytes(secret.password + b"\n")
        arguments.append(f"--vault-id={secret.vault_id}@{folder / secret.vault_id}")
    return arguments


@pytest.mark.parametrize("secret", [DEFAULT, PROD], ids=["1.1", "1.2"])
def test_opens_what_ansible_vault_sealed(tmp_path: Path, password_files, secret):
    for name, content in PLAINTEXTS.items():
        (tmp_path / name).write_bytes(content)
    files = [tmp_path / name for name in PLAINTEXTS]
    done = ansible_vault("encrypt", *password_files, "--encrypt-vault-id", secret.vault_id, *files)
    assert done.returncode == 0, done.stderr
    vault = Vault([DEV, DEFAULT, PROD])
    for name, content in PLAINTEXTS.items():
        opened = vault.open((tmp_path / name).read_bytes(), name)
        assert opened.plaintext == content
        assert opened.secret == secret
        assert opened.envelope.vault_id == secret.vault_id


def test_ansible_vault_opens_what_we_sealed(tmp_path: Path, password_files):
    vault = Vault([DEFAULT, PROD])
    expected = {}
    for vault_id in ("default", "prod"):
        for name, content in PLAINTEXTS.items():
            path = tmp_path / f"{vault_id}-{name}"
            path.write_bytes(vault.encrypt(content, vault_id=vault_id))
            expected[path] = content
    done = ansible_vault("decrypt", *password_files, *expected)
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in expected} == expected


def test_the_form_is_that_of_the_format():
    sealed = seal(b"x" * 100, b"password", vault_id="prod")
    header, *body = sealed.decode().splitlines()
    assert header == "$ANSIBLE_VAULT;1.2;AES256;prod"
    assert {len(line) for line in body[:-1]} == {80}
    assert sealed.endswith(b"\n")
    assert seal(b"", b"password").startswith(b"$ANSIBLE_VAULT;1.1;AES256\n")
    assert is_sealed(sealed)
    assert not is_sealed(b"a: b\n")


def test_the_same_text_never_gives_the_same_ciphertext():
    assert seal(b"text", b"password") != seal(b"text", b"password")


@settings(max_examples=30)
@given(st.binary(max_size=100), st.binary(min_size=1, max_size=20))
def test_what_was_sealed_opens_again(plaintext, password):
    assert Vault([VaultSecret("default", password)]).decrypt(seal(plaintext, password), "x") == (
        plaintext
    )


def test_a_value_may_be_indented_and_may_come_from_windows():
    sealed = seal(b"text", DEFAULT.password).decode()
    vault = Vault([DEFAULT])
    assert vault.decrypt("\n" + sealed.replace("\n", "\n   "), "x") == b"text"
    assert vault.decrypt(sealed.replace("\n", "\r\n"), "x") == b"text"


def test_the_secret_with_the_label_is_tried_first_and_then_all_others():
    assert [each.vault_id for each in order_secrets([DEFAULT, PROD, DEV], "dev")] == [
        "dev",
        "default",
        "prod",
    ]
    mislabelled = seal(b"text", DEFAULT.password, vault_id="prod")
    assert Vault([PROD, DEFAULT]).open(mislabelled, "x").secret == DEFAULT


def test_which_secret_encrypts_is_never_guessed():
    assert choose_secret([PROD], None) == PROD
    assert choose_secret([DEFAULT, PROD], "prod") == PROD
    with pytest.raises(VaultError, match="several vault ids: default, prod") as several:
        choose_secret([DEFAULT, PROD], None)
    assert "--encrypt-vault-id" in several.value.hint
    with pytest.raises(VaultError, match="no secret for the vault id 'dev', only for default"):
        choose_secret([DEFAULT], "dev")
    with pytest.raises(VaultError, match="no vault secret to encrypt with"):
        Vault([]).encrypt(b"", vault_id=None)


@pytest.mark.parametrize("label", ["a;b", "a\nb", " a"])
def test_a_label_that_breaks_the_header_is_refused(label):
    with pytest.raises(VaultError, match="cannot be a vault id"):
        seal(b"", b"password", vault_id=label)


def test_a_wrong_password_is_said_without_a_password():
    error = failure(seal(b"text", b"another", vault_id="prod"), DEFAULT, DEV)
    assert "no vault secret opens this (vault id 'prod', tried: default, dev)" in error.message
    assert "--vault-id prod@FILE" in error.hint
    assert "sandi" not in error.message + error.hint


def test_no_password_at_all_is_said_as_such():
    with pytest.raises(VaultError, match="no vault secret was given") as caught:
        Vault([]).decrypt(seal(b"text", b"another"), "x.yml")
    assert "--vault-password-file" in caught.value.hint


@pytest.mark.parametrize(
    ("sealed", "words"),
    [
        (b"", "not vault-encrypted"),
        (b"plain: text\n", "not vault-encrypted"),
        (HEADER + b"\n6162", "not vault-encrypted"),
        (HEADER + b";1.0;AES\n6162", "version '1.0' with cipher 'AES' is not supported"),
        (HEADER + b";1.1;AES256", "does not hold a salt"),
        (HEADER + b";1.1;AES256\n616", "hexadecimal"),
        (HEADER + b";1.1;AES256\nzz\n", "hexadecimal"),
        (HEADER + b";1.1;AES256\n\xff\xff\n", "hexadecimal"),
        (HEADER + b";1.1;AES256\n6162", "does not hold a salt"),
        (HEADER + b";1.1;AES256\n" + b"\n".join([b"zz"] * 3).hex().encode(), "hexadecimal"),
        (HEADER + b";1.1;AES256\n" + b"61\n62\n63".hex().encode(), "cut off"),
        # It is another one each time, and so would be the test's name.
        pytest.param(seal(b"text" * 50, DEFAULT.password)[:-30], "hexadecimal", id="torn"),
        ("$ANSIBLE_VAULT;1.1;AES256\n\udcff", "hexadecimal"),
    ],
)
def test_damage_is_named(sealed, words):
    assert words in failure(sealed).message


def test_changed_bytes_open_with_no_secret():
    sealed = seal(b"text" * 50, DEFAULT.password)
    # Hexadecimal of hexadecimal: 1 and 2 as the second of a pair, 3x or 6x, keep it one.
    assert "no vault secret opens this" in failure(damage(sealed, len(sealed) - 2)).message


@settings(max_examples=60)
@given(st.binary(max_size=120), st.integers(0, 500), st.integers(0, 255))
def test_hostile_bytes_give_a_vault_error_or_the_text(tail, at, value):
    sealed = bytearray(seal(b"text", DEFAULT.password) + tail)
    sealed[at % len(sealed)] = value
    with contextlib.suppress(VaultError):
        assert Vault([DEFAULT]).decrypt(bytes(sealed), "x") == b"text"


def test_a_value_is_opened_once_and_known_as_a_secret_from_then_on():
    vault = Vault([DEFAULT])
    sealed = Sealed(seal("rahasia é".encode(), DEFAULT.password).decode(), Origin("x.yml", 1, 1))
    assert vault.revealed == frozenset()
    threads = [threading.Thread(target=vault.reveal, args=(sealed,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert vault.reveal(sealed) == "rahasia é"
    assert vault.revealed == {"rahasia é"}
    # The same ciphertext needs no secret any more.
    assert vault.reveal(Sealed(sealed.ciphertext)) == "rahasia é"


def test_values_of_an_encrypted_file_can_be_told_to_be_secret():
    vault = Vault([DEFAULT])
    vault.conceal(["rahasia", "sandi"])
    assert vault.revealed == {"rahasia", "sandi"}


def test_a_value_that_is_no_text_does_not_come_out_in_the_error():
    sealed = Sealed(seal(b"abc\xff", DEFAULT.password).decode(), Origin("x.yml", 1, 1))
    with pytest.raises(VaultError, match=r"x\.yml:1:1: the secret is not UTF-8") as caught:
        Vault([DEFAULT]).reveal(sealed)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_nothing_secret_is_in_a_repr():
    opened = Vault([DEFAULT]).open(seal(b"plain words", DEFAULT.password), "x")
    assert "sandi" not in repr(DEFAULT) + repr(opened)
    assert "plain words" not in repr(opened)


def test_an_envelope_says_its_version_and_label():
    envelope = parse_envelope(seal(b"", b"x", vault_id="prod"), "x")
    assert (envelope.version, envelope.vault_id, len(envelope.salt)) == ("1.2", "prod", 32)


def sealed_with(padded: bytes) -> bytes:
    """As ``seal`` does it, but the padding is the caller's."""
    salt = bytes(32)
    keys = hashlib.pbkdf2_hmac("sha256", DEFAULT.password, salt, 10_000, 80)
    encryptor = Cipher(AES(keys[:32]), CTR(keys[64:])).encryptor()
    ciphertext = encryptor.update(padded) + encryptor.finalize()
    digest = hmac.digest(keys[32:64], ciphertext, "sha256")
    inner = b"\n".join(part.hex().encode() for part in (salt, digest, ciphertext))
    return b"$ANSIBLE_VAULT;1.1;AES256\n" + inner.hex().encode()


@pytest.mark.parametrize("padded", [b"", bytes(16), b"x" * 15 + b"\x11", b"x" * 14 + b"\x01\x02"])
def test_a_wrong_padding_is_damage(padded):
    assert "its padding is wrong" in failure(sealed_with(padded)).message


def test_the_right_padding_is_none():
    assert Vault([DEFAULT]).decrypt(sealed_with(b"x" * 15 + b"\x01"), "x") == b"x" * 15


def test_more_than_can_be_held_in_memory_is_refused():
    assert "larger than 256 MiB" in failure(bytes(MAX_BYTES + 1)).message


def test_a_vault_tells_its_secrets_to_those_who_encrypt():
    assert Vault([DEFAULT, PROD]).secrets == (DEFAULT, PROD)
