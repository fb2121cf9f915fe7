"""Reads a pack by its own header, as a stranger without the index would."""

import hashlib

from lpse_ops.backup.compression import Compressor
from lpse_ops.backup.crypto import Crypter
from lpse_ops.backup.pack import PackEntry, parse_entries, parse_header_length
from tests.backup.cheap_repository import KEYS


def read_header(pack: bytes) -> list[PackEntry]:
    length = parse_header_length(pack[-4:], len(pack), "x")
    return parse_entries(Crypter(KEYS).open(pack[-4 - length : -4]), "x")


def read_back(pack: bytes) -> list[bytes]:
    """Every blob of a pack, each proved by its id."""
    crypter, compressor = Crypter(KEYS), Compressor()
    blobs = []
    for entry in read_header(pack):
        blob = crypter.open(pack[entry.offset : entry.offset + entry.length])
        if entry.uncompressed_length:
            blob = compressor.decompress(blob, entry.uncompressed_length, "x")
        assert hashlib.sha256(blob).digest() == entry.id
        blobs.append(blob)
    return blobs
