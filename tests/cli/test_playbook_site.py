"""What a vault's files make secret."""

import pytest

from lpse_ops.cli.playbook_site import ConcealingVault, hash_prompted
from lpse_ops.errors import PlaybookError
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


def test_what_is_asked_for_is_hashed_as_the_prompt_says():
    # As `openssl passwd -6 -salt saltsalt rahasia` gives it; 5000 rounds are its default.
    expected = (
        "$6$saltsalt$Zcfq0LVjHd27pORRwRwHYKMz.o0KrTRSDJXVFBVMMNe8"
        "/pdYL0GSM8plpQQ.OCNrtLQGKen0heWLgWDvHVgAV."
    )
    hashed = hash_prompted("rahasia", "sha512_crypt", "saltsalt", None)
    assert hashed.split("$")[-1] == expected.split("$")[-1]
    assert len(hash_prompted("rahasia", "sha256_crypt", None, 8).split("$")[2]) == 8
    with pytest.raises(PlaybookError, match="rot13"):
        hash_prompted("rahasia", "rot13", None, None)
