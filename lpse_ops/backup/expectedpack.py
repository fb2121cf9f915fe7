"""What a pack must be like if an index file tells the truth about it.

A column at a time: an index may list millions of blobs.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from lpse_ops.backup.crypto import OVERHEAD
from lpse_ops.backup.indexfile import IndexColumns
from lpse_ops.backup.pack import LENGTH_BYTES, encode_rows

_ID_BYTES = 32


class ExpectedPack(NamedTuple):
    """``header`` is its plaintext; ``gap`` the first offset at which no blob ends, if any."""

    id: bytes
    header: bytes
    size_bytes: int
    is_mixed: bool
    gap: int | None

    @property
    def name(self) -> str:
        return f"pack {self.id.hex()[:10]}"


def expected_packs(columns: IndexColumns) -> Iterator[ExpectedPack]:
    """Every pack of an index file; its blobs may be listed in any order."""
    start = 0
    for pack_id, count in columns.packs:
        end = start + count
        ids = columns.ids[start * _ID_BYTES : end * _ID_BYTES]
        yield _expect(
            pack_id,
            columns.kinds[start:end],
            [ids[at : at + _ID_BYTES] for at in range(0, len(ids), _ID_BYTES)],
            columns.offsets[start:end].tolist(),
            columns.lengths[start:end].tolist(),
            columns.uncompressed_lengths[start:end].tolist(),
        )
        start = end


def _expect(
    pack_id: bytes,
    kinds: bytes,
    ids: Sequence[bytes],
    offsets: Sequence[int],
    lengths: Sequence[int],
    uncompressed: Sequence[int],
) -> ExpectedPack:
    begins = list(accumulate(lengths, initial=0))
    blobs_bytes = begins.pop()
    gap = None
    if begins != offsets:
        order = sorted(range(len(offsets)), key=offsets.__getitem__)
        kinds, ids = bytes([kinds[row] for row in order]), [ids[row] for row in order]
        lengths = [lengths[row] for row in order]
        uncompressed = [uncompressed[row] for row in order]
        gap = _first_gap([offsets[row] for row in order], lengths)
    header = encode_rows(kinds, ids, lengths, uncompressed)
    size = blobs_bytes + len(header) + OVERHEAD + LENGTH_BYTES
    return ExpectedPack(pack_id, header, size, len(set(kinds)) > 1, gap)


def _first_gap(offsets: Sequence[int], lengths: Sequence[int]) -> int | None:
    begins = accumulate(lengths, initial=0)
    return next((each for each, begin in zip(offsets, begins, strict=False) if each != begin), None)
