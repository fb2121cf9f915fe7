"""What a vault's files make secret."""

import pytest

from lpse_ops.cli.playbook_site import ConcealingVault
from lpse_ops.masking import Masker
from lpse_ops.vault import VaultSecret, seal


@pytest.mark.parametrize(
    ("plaintext", "text", "masked"),
    [
        ("pin: 482913\n", "the pin is 482913", "the pin is ********"),
        ("a: {b: [-12.345, 1]}\n", "-12.345 and 1", "******** and 1"),
        ("a: yes\nport: 443\nword: kata-sandi\n", "true 443 kata-sandi", "true 443 ********"),
        ("-----BEGIN X-----\nMIIEvQIB+ADAN\n", "x MIIEvQIB+ADAN", "x ********"),
        ("[db]\npassword = rahasia\n", "password = rahasia", "********"),
        ("kata-sandi\n", "kata-sandi", "********"),
    ],
)
def test_what_an_encrypted_file_holds_is_masked(plaintext: str, text: str, masked: str):
    vault = ConcealingVault([VaultSecret("default", b"pw")])
    assert vault.decrypt(seal(plaintext.encode(), b"pw"), "f") == plaintext.encode()
    assert Masker(lambda: vault.revealed)(text) == masked


@pytest.mark.parametrize("plaintext", [b"\xff\x00\xfe" * 9, b"a line of a dump\n" * 20_000, b""])
def test_what_is_no_text_or_very_long_is_left(plaintext: bytes):
    vault = ConcealingVault([VaultSecret("default", b"pw")])
    vault.decrypt(seal(plaintext, b"pw"), "f")
    assert vault.revealed <= {""}
