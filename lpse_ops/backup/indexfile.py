"""Index files: JSON that lists packs and the blobs in them.

All blobs of a pack stand in one entry of one file; newer restics call anything else damage.
msgspec decodes; what its typed decoder refuses goes to ``json``, whose word is final.
"""

import json
from array import array
from binascii import a2b_hex
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from lpse_ops.backup.crypto import OVERHEAD
from lpse_ops.backup.gojson import MALFORMED
from lpse_ops.backup.node import blob_id
from lpse_ops.backup.pack import MAX_BLOB_BYTES, BlobType, PackEntry
from lpse_ops.errors import DamagedRepository

PackList = tuple[bytes, list[PackEntry]]

_TYPE_NAMES = {BlobType.DATA: "data", BlobType.TREE: "tree"}
_LIMIT = 1 << 32
_TYPES = {name: blob_type for blob_type, name in _TYPE_NAMES.items()}
_ID_BYTES = 32
# Python's objects take some twenty times as much.
_MAX_SLOW_BYTES = 1 << 26

_HexId = Annotated[str, msgspec.Meta(min_length=64, max_length=64)]


class IndexColumns(NamedTuple):
    """An index file as columns, one row for each blob, those of a pack in one run.

    ``packs`` holds each pack's id and the number of its rows; ``ids`` has 32 bytes for a row and
    ``kinds`` one, a ``BlobType``; the others are as in ``PackEntry``.
    """

    packs: list[tuple[bytes, int]]
    ids: bytes
    kinds: bytes
    offsets: "array[int]"
    lengths: "array[int]"
    uncompressed_lengths: "array[int]"

    def pack_lists(self) -> Iterator[PackList]:
        """The same, pack by pack."""
        ids = [self.ids[at : at + _ID_BYTES] for at in range(0, len(self.ids), _ID_BYTES)]
        types = map((BlobType.DATA, BlobType.TREE).__getitem__, self.kinds)
        rows = zip(types, ids, self.offsets, self.lengths, self.uncompressed_lengths, strict=True)
        # Not PackEntry(...): the same without a call of Python code for each blob.
        entries = map(partial(tuple.__new__, PackEntry), rows)
        for pack_id, count in self.packs:
            yield pack_id, list(islice(entries, count))


class _RawBlob(msgspec.Struct, gc=False):
    id: _HexId
    type: Literal["data", "tree"]
    offset: Annotated[int, msgspec.Meta(ge=0, lt=_LIMIT)]
    length: Annotated[int, msgspec.Meta(ge=OVERHEAD, le=MAX_BLOB_BYTES)]
    uncompressed_length: Annotated[int, msgspec.Meta(ge=0, le=MAX_BLOB_BYTES)] = 0


class _RawPack(msgspec.Struct, gc=False):
    id: _HexId
    blobs: list[_RawBlob] | None


class _RawIndex(msgspec.Struct, gc=False):
    packs: list[_RawPack] | None


_DECODE = msgspec.json.Decoder(_RawIndex).decode


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
        columns = _columns(_DECODE(content).packs or [])
    except (ValueError, RecursionError) as error:
        yield from _parse_slowly(content, index_id, error)
    else:
        yield from columns.pack_lists()


def parse_columns(content: bytes, index_id: str) -> IndexColumns:
    """As ``parse_index``, for whoever has millions of blobs to take in."""
    try:
        return _columns(_DECODE(content).packs or [])
    except (ValueError, RecursionError) as error:
        return columns_of_packs(list(_parse_slowly(content, index_id, error)))


def _columns(packs: list[_RawPack]) -> IndexColumns:
    """Raises ``ValueError`` at an id that is not hex digits alone."""
    blobs = list(chain.from_iterable([pack.blobs or () for pack in packs]))
    return IndexColumns(
        [(a2b_hex(pack.id), len(pack.blobs or ())) for pack in packs],
        a2b_hex("".join([blob.id for blob in blobs])),
        bytes([blob.type == "tree" for blob in blobs]),
        array("I", [blob.offset for blob in blobs]),
        array("I", [blob.length for blob in blobs]),
        array("I", [blob.uncompressed_length for blob in blobs]),
    )


def _parse_slowly(content: bytes, index_id: str, first: Exception) -> Iterator[PackList]:
    """``first`` is what the typed decoder says; with a very large file it is the last word."""
    try:
        if len(content) > _MAX_SLOW_BYTES:
            raise first
        for pack in json.loads(content)["packs"] or ():
            yield blob_id(pack["id"]), [_parse_blob(blob) for blob in pack["blobs"] or ()]
    except MALFORMED as error:
        raise DamagedRepository(
            f"index file {index_id[:10]} cannot be read: {error}",
            hint="lpse-ops backup repair index rebuilds it from the packs; keep a copy of the "
            "repository",
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


def columns_of_packs(packs: list[PackList]) -> IndexColumns:
    entries = list(chain.from_iterable([entries for _, entries in packs]))
    return IndexColumns(
        [(pack_id, len(entries)) for pack_id, entries in packs],
        b"".join([entry.id for entry in entries]),
        bytes([entry.type for entry in entries]),
        array("I", [entry.offset for entry in entries]),
        array("I", [entry.length for entry in entries]),
        array("I", [entry.uncompressed_length for entry in entries]),
    )
