"""Known answers of spec/restic-format.md, section 19, and what must never open."""

import os

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.crypto import OVERHEAD, Crypter, Keys, keys_from_bytes, random_keys
from lpse_ops.backup.macs import open_macs
from lpse_ops.errors import DamagedRepository
from tests.backup.cheap_repository import KEYS
from tests.backup.hostile import FUZZ

ENVELOPE = bytes.fromhex(
    "0102030405060708090a0b0c0d0e0f10fafe55a2a6bf189bf72e356e3c66147e13995fb8f33f268f"
)
ENVELOPE_KEYS = Keys(bytes(range(0x20)), bytes(range(0x20, 0x30)), bytes(range(0x30, 0x40)))


def always(iv: bytes) -> Crypter:
    return Crypter(ENVELOPE_KEYS, lambda size: iv * (size // len(iv)))


def test_poly1305_aes_known_answer() -> None:
    keys = Keys(
        b"e" * 32,
        bytes.fromhex("ec074c835580741701425b623235add6"),
        bytes.fromhex("851fc40c3467ac0be05cc20404f3f700"),
    )
    iv = bytes.fromhex("fb447350c4e868c52ac3275cf9d4327e")
    mac = bytes.fromhex("f4c633c3044fc145f84f335cb81953de")
    assert len(Crypter(keys).open(iv + b"\xf3\xf6" + mac)) == 2


def test_envelope_known_answer() -> None:
    assert always(bytes(range(1, 17))).seal(b"lpse-ops") == ENVELOPE
    assert Crypter(ENVELOPE_KEYS).open(ENVELOPE) == b"lpse-ops"


@FUZZ
@given(st.binary(max_size=200))
def test_what_is_sealed_opens(plaintext: bytes) -> None:
    crypter = Crypter(KEYS)
    assert crypter.open(crypter.seal(plaintext)) == plaintext
    buffer = memoryview(bytearray(7 + len(plaintext) + OVERHEAD + 16))
    size = crypter.seal_into(buffer, open_macs(buffer), 7, plaintext)
    assert size == len(plaintext) + OVERHEAD
    assert not any(buffer[:7])
    assert not any(buffer[7 + size :])
    opened = memoryview(bytearray(len(plaintext) + 16))
    length = crypter.open_into(opened, buffer[7 : 7 + size])
    assert opened[:length] == plaintext


@pytest.mark.parametrize("place", range(len(ENVELOPE)))
def test_every_flipped_bit_is_found(place: int) -> None:
    crypter = Crypter(ENVELOPE_KEYS)
    for bit in range(8):
        flipped = bytearray(ENVELOPE)
        flipped[place] ^= 1 << bit
        with pytest.raises(DamagedRepository, match="index 4711"):
            crypter.open(flipped, "index 4711")
    assert crypter.open(ENVELOPE) == b"lpse-ops"


@FUZZ
@given(st.binary(max_size=100))
def test_noise_does_not_open(noise: bytes) -> None:
    with pytest.raises(DamagedRepository) as damage:
        Crypter(KEYS).open(noise)
    assert "check --read-data" in damage.value.hint


def test_many_envelopes_are_opened_one_after_another_and_the_damaged_ones_named() -> None:
    crypter = Crypter(KEYS)
    texts = [b"", b"one", bytes(100), b"x" * 1000]
    sealed = [crypter.seal(text) for text in texts]
    content = bytearray(b"".join(sealed))
    spans = []
    for envelope in sealed:
        spans.append((sum(length for _, length in spans), len(envelope)))
    buffer = memoryview(bytearray(2000))

    def opened() -> list[bytes | None]:
        found = crypter.open_each(memoryview(bytes(content)), spans, buffer)
        return [None if plaintext is None else bytes(plaintext) for plaintext in found]

    assert opened() == texts
    for start, length in spans:
        for place in (start, start + 16, start + length - 1):
            content[place] ^= 1
            expected = [
                None if (start, length) == span else text
                for span, text in zip(spans, texts, strict=True)
            ]
            assert opened() == expected
            content[place] ^= 1
    assert crypter.open(crypter.seal(b"still fine")) == b"still fine"


def zero_iv_envelope(keys: Keys) -> bytes:
    """Its MAC is right."""
    pad = Cipher(algorithms.AES(keys.mac_k), modes.ECB()).encryptor().update(bytes(16))
    return bytes(16) + b"text" + Poly1305.generate_tag(keys.mac_r + pad, b"text")


def test_other_keys_do_not_open() -> None:
    with pytest.raises(DamagedRepository):
        Crypter(random_keys()).open(ENVELOPE)


def test_an_iv_of_zeros_is_refused_though_its_mac_is_right() -> None:
    envelope = zero_iv_envelope(KEYS)
    with pytest.raises(DamagedRepository):
        Crypter(KEYS).open(envelope)
    buffer = memoryview(bytearray(100))
    assert list(Crypter(KEYS).open_each(memoryview(envelope), [(0, len(envelope))], buffer)) == [
        None
    ]


def test_an_iv_of_zeros_is_never_used() -> None:
    crypter = Crypter(KEYS, lambda size: bytes(size - 16) + b"\1" * 16)
    assert crypter.seal(b"x")[:16] == b"\1" * 16


def test_no_iv_is_used_twice() -> None:
    crypter = Crypter(KEYS)
    assert len({crypter.seal(b"")[:16] for _ in range(1000)}) == 1000


def test_a_forked_process_has_other_ivs() -> None:
    crypter = Crypter(KEYS)
    crypter.seal(b"")
    reader, writer = os.pipe()
    pid = os.fork()
    if not pid:
        os.write(writer, crypter.seal(b""))
        os._exit(0)
    os.waitpid(pid, 0)
    theirs = os.read(reader, 100)
    os.close(reader)
    os.close(writer)
    assert crypter.open(theirs) == b""
    assert theirs[:16] != crypter.seal(b"")[:16]


@pytest.mark.parametrize(
    "material",
    [
        b"",
        b"x" * 63,
        b"x" * 65,
        bytes(32) + b"x" * 32,
        b"x" * 32 + bytes(16) + b"x" * 16,
        b"x" * 48 + bytes(16),
    ],
)
def test_keys_of_a_wrong_size_or_of_zeros_are_refused(material: bytes) -> None:
    with pytest.raises(DamagedRepository, match="wrong size or is all zero"):
        keys_from_bytes(material)


def test_keys_come_back_from_their_bytes() -> None:
    assert keys_from_bytes(KEYS.to_bytes()) == KEYS
    assert random_keys() != random_keys()


def test_keys_are_not_shown() -> None:
    assert repr(KEYS.encrypt)[2:10] not in repr(KEYS)
