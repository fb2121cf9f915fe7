import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.compression import Compressor
from lpse_ops.backup.crypto import Buffer, Crypter
from lpse_ops.backup.unpacked import decode_unpacked, encode_unpacked, stored_id
from lpse_ops.errors import DamagedRepository
from tests.backup.cheap_repository import KEYS
from tests.backup.hostile import FUZZ

CRYPTER = Crypter(KEYS)
COMPRESSOR = Compressor()


def decode(stored: bytes) -> bytes:
    return decode_unpacked(stored, CRYPTER, COMPRESSOR, "index 0123")


@FUZZ
@given(st.binary())
def test_round_trip(content: bytes) -> None:
    assert decode(encode_unpacked(content, CRYPTER, COMPRESSOR)) == content


def test_the_first_byte_says_zstd() -> None:
    plaintext = CRYPTER.open(encode_unpacked(b"{}", CRYPTER, COMPRESSOR))
    assert plaintext == b"\x02" + COMPRESSOR.compress(b"{}")


@pytest.mark.parametrize("content", [b'{"packs":[]}', b"[1]"])
def test_raw_json_of_format_1_is_read(content: bytes) -> None:
    assert decode(CRYPTER.seal(content)) == content


@pytest.mark.parametrize("plaintext", [b"", b"\x01{}", b"\x03", b" {}", b"\xff"])
def test_another_encoding_is_refused(plaintext: bytes) -> None:
    with pytest.raises(DamagedRepository, match="does not know") as refused:
        decode(CRYPTER.seal(plaintext))
    assert "pip install --upgrade lpse-ops" in refused.value.hint


def test_every_flipped_byte_is_found() -> None:
    stored = bytearray(encode_unpacked(b'{"packs":[]}', CRYPTER, COMPRESSOR))
    for place in range(len(stored)):
        stored[place] ^= 0x80
        with pytest.raises(DamagedRepository, match="index 0123"):
            decode(bytes(stored))
        stored[place] ^= 0x80


@FUZZ
@given(st.binary(max_size=60))
def test_sealed_noise_is_damage_or_json(noise: bytes) -> None:
    for plaintext in (noise, b"\x02" + noise, b"\x02\x28\xb5\x2f\xfd" + noise):
        with contextlib.suppress(DamagedRepository):
            decode(CRYPTER.seal(plaintext))


class ForgetfulCompressor(Compressor):
    """Compresses something else, as a broken encoder did before."""

    def compress(self, plaintext: Buffer) -> bytes:
        return super().compress(bytes(plaintext)[:-1])


def test_what_does_not_read_back_is_never_stored() -> None:
    with pytest.raises(DamagedRepository, match="read back differs") as damage:
        encode_unpacked(b"{}", CRYPTER, ForgetfulCompressor())
    assert "memory test" in damage.value.hint


def test_the_name_is_the_hash_of_the_stored_bytes() -> None:
    assert stored_id(memoryview(b"abc")) == hashlib.sha256(b"abc").hexdigest()
