"""Index files: JSON that lists packs and the blobs in them.

All blobs of a pack stand in one entry of one file; newer restics call anything else damage.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from lpse_ops.backup.crypto import OVERHEAD
from lpse_ops.backup.gojson import MALFORMED
from lpse_ops.backup.node import blob_id
from lpse_ops.backup.pack import MAX_BLOB_BYTES, BlobType, PackEntry
from lpse_ops.errors import DamagedRepository

PackList = tuple[bytes, list[PackEntry]]

_TYPE_NAMES = {BlobType.DATA: "data", BlobType.TREE: "tree"}
_LIMIT = 1 << 32
_TYPES = {name: blob_type for blob_type, name in _TYPE_NAMES.items()}


def encode_index(packs: Iterable[PackList]) -> bytes:
    """JSON of an index file."""
    return join_packs(encode_pack(*pack) for pack in packs)


def join_packs(encoded: Iterable[bytes]) -> bytes:
    """JSON of an index file from packs that are encoded already."""
    return b'{"packs":[' + b",".join(encoded) + b"]}\n"


def encode_pack(pack_id: bytes, entries: Iterable[PackEntry]) -> bytes:
    """One pack in an index; ``uncompressed_length`` is absent for raw blobs, never 0."""
    blobs = ",".join(map(_encode_blob, entries))
    return f'{{"id":"{pack_id.hex()}","blobs":[{blobs}]}}'.encode("ascii")


def _encode_blob(entry: PackEntry) -> str:
    text = (
        f'{{"id":"{entry.id.hex()}","type":"{_TYPE_NAMES[entry.type]}"'
        f',"offset":{entry.offset},"length":{entry.length}'
    )
    if entry.uncompressed_length:
        text += f',"uncompressed_length":{entry.uncompressed_length}'
    return text + "}"


def parse_index(content: bytes, index_id: str) -> Iterator[PackList]:
    """The packs of an index file, or ``DamagedRepository``; unknown fields are ignored."""
    try:
        for pack in json.loads(content)["packs"] or ():
            yield blob_id(pack["id"]), [_parse_blob(blob) for blob in pack["blobs"] or ()]
    except MALFORMED as error:
        raise DamagedRepository(
            f"index file {index_id[:10]} cannot be read: {error}",
            hint="restic repair index rebuilds it from the packs; keep a copy of the repository",
        ) from error


def _parse_blob(blob: dict[str, Any]) -> PackEntry:
    offset, length = blob["offset"], blob["length"]
    uncompressed = blob.get("uncompressed_length", 0)
    # Spelled out: a repository has millions of these.
    if not (type(offset) is type(length) is type(uncompressed) is int):
        raise TypeError("a position is not a number")
    if not (0 <= offset < _LIMIT and OVERHEAD <= length <= MAX_BLOB_BYTES):
        raise ValueError("a blob has an impossible position")
    if not 0 <= uncompressed <= MAX_BLOB_BYTES:
        raise ValueError("a blob has an impossible length")
    return PackEntry(_TYPES[blob["type"]], blob_id(blob["id"]), offset, length, uncompressed)
