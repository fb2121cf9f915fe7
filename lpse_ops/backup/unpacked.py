"""Index, snapshot and lock files: an envelope of ``0x02 || zstd(JSON)`` named by its SHA-256.

Readers also take raw JSON, as format 1 stored it.
"""

import hashlib

from lpse_ops.backup.compression import Compressor
from lpse_ops.backup.crypto import Buffer, Crypter
from lpse_ops.errors import DamagedRepository, RepositoryError

_ZSTD = b"\x02"
_JSON_STARTS = (b"{", b"[")
# 800 000 blobs in an index; restic and we stop at 50 000.
MAX_BYTES = 128 * 1024 * 1024


def encode_unpacked(
    content: bytes, crypter: Crypter, compressor: Compressor, max_bytes: int = MAX_BYTES
) -> bytes:
    """The stored bytes, proved to be readable before anybody relies on them."""
    if len(content) > max_bytes:
        raise RepositoryError(
            f"a file of {len(content)} bytes is more than a reader of the repository takes",
            hint="is it a snapshot? name folders, not each of their files: lpse-ops backup FOLDER",
        )
    stored = crypter.seal(_ZSTD + compressor.compress(content))
    opened = memoryview(crypter.open(stored, "a file just sealed"))
    if opened[:1] != _ZSTD or not compressor.holds(opened[1:], content):
        raise DamagedRepository(
            "a file read back differs from what was written",
            hint="this computer's memory may be failing: run a memory test before the next backup",
        )
    return stored


def decode_unpacked(
    stored: Buffer,
    crypter: Crypter,
    compressor: Compressor,
    what: str,
    max_bytes: int = MAX_BYTES,
) -> bytes:
    """The JSON inside, or ``DamagedRepository``; decoded, it takes some twenty times its length."""
    plaintext = crypter.open(stored, what)
    if plaintext[:1] in _JSON_STARTS:
        if len(plaintext) > max_bytes:
            raise DamagedRepository(
                f"{what} is damaged: it has {len(plaintext)} bytes, {max_bytes} are the most",
                hint="run lpse-ops backup check, and keep the other copies of the repository",
            )
        return plaintext
    if plaintext[:1] != _ZSTD:
        raise DamagedRepository(
            f"{what} is in an encoding that this version does not know",
            hint="was it written by a newer restic? pip install --upgrade lpse-ops",
        )
    return compressor.decompress_at_most(memoryview(plaintext)[1:], max_bytes, what)


def stored_id(stored: Buffer) -> str:
    """The name a stored file must have."""
    return hashlib.sha256(stored).hexdigest()
