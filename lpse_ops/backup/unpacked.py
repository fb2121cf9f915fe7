"""Index, snapshot and lock files: an envelope of ``0x02 || zstd(JSON)`` named by its SHA-256.

Readers also take raw JSON, as format 1 stored it.
"""

import hashlib

from lpse_ops.backup.compression import Compressor
from lpse_ops.backup.crypto import Buffer, Crypter
from lpse_ops.errors import DamagedRepository

_ZSTD = b"\x02"
_JSON_STARTS = (b"{", b"[")


def encode_unpacked(content: bytes, crypter: Crypter, compressor: Compressor) -> bytes:
    """The stored bytes, proved to be readable before anybody relies on them."""
    stored = crypter.seal(_ZSTD + compressor.compress(content))
    if decode_unpacked(stored, crypter, compressor, "a file just sealed") != content:
        raise DamagedRepository(
            "a file read back differs from what was written",
            hint="this computer's memory may be failing: run a memory test before the next backup",
        )
    return stored


def decode_unpacked(stored: Buffer, crypter: Crypter, compressor: Compressor, what: str) -> bytes:
    """The JSON inside, or ``DamagedRepository``."""
    plaintext = crypter.open(stored, what)
    if plaintext[:1] in _JSON_STARTS:
        return plaintext
    if plaintext[:1] != _ZSTD:
        raise DamagedRepository(
            f"{what} is in an encoding that this version does not know",
            hint="was it written by a newer restic? pip install --upgrade lpse-ops",
        )
    return compressor.decompress_at_most(memoryview(plaintext)[1:], what)


def stored_id(stored: Buffer) -> str:
    """The name a stored file must have."""
    return hashlib.sha256(stored).hexdigest()
