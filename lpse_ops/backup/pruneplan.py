"""Decides what a prune does with every pack: keep, repack or remove.  Nothing is touched here.

The rules are restic's (spec/restic-format.md, section 16), so that either tool finds little to do
after the other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import NamedTuple

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.pack import BlobType, PackEntry, header_bytes
from lpse_ops.backup.packer import TARGET_BYTES
from lpse_ops.errors import DamagedRepository, UsageError

# What a row of the index is to the snapshots; a spare copy is one of a blob that is needed.
UNNEEDED, NEEDED, SPARE = range(3)
_IS_NEEDED = bytes(flag == NEEDED for flag in range(256))
_IS_SPARE = bytes(flag == SPARE for flag in range(256))

_EMPTY_HEADER = header_bytes([])
_RAW_ENTRY, _COMPRESSED_ENTRY = (
    header_bytes([PackEntry(BlobType.DATA, bytes(32), 0, 0, plain)]) - _EMPTY_HEADER
    for plain in (0, 1)
)

# Packs much smaller than the target are merged, once there are so many that it is worth it.
_SMALL_BYTES = TARGET_BYTES // 25
_MIN_SMALL_PACKS = 10


@dataclass(frozen=True)
class MaxUnused:
    """How much that nobody needs may stay: a percentage of what is stored, or bytes."""

    percent: float | None = None
    size_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.percent is not None and not 0 <= self.percent < 100:
            raise UsageError(
                f"{self.percent:g} % is not a part of a repository that may be unused",
                hint="give a percentage from 0 to 99, a size, or unlimited",
            )

    def bytes_allowed(self, used_bytes: int) -> float:
        if self.percent is not None:
            return used_bytes * self.percent / (100 - self.percent)
        return float("inf") if self.size_bytes is None else self.size_bytes


UNLIMITED = MaxUnused()


class Count(NamedTuple):
    """Blobs and the bytes that they take up in packs."""

    blobs: int = 0
    size_bytes: int = 0

    def plus(self, other: "Count") -> "Count":
        return Count(self.blobs + other.blobs, self.size_bytes + other.size_bytes)

    def minus(self, other: "Count") -> "Count":
        return Count(self.blobs - other.blobs, self.size_bytes - other.size_bytes)


_NONE = Count()


@dataclass(frozen=True)
class PackUse:
    """How far a pack is needed; ``type`` is None where data and trees are mixed.

    Of a blob that lies in several packs one copy is used; the others, counted in ``unused``, are
    ``duplicate`` as well.
    """

    id: bytes
    size_bytes: int
    type: BlobType | None
    has_raw: bool
    used: Count
    unused: Count
    duplicate: Count = _NONE


@dataclass(frozen=True)
class PrunePlan:
    """``missing`` packs are in an index, but needed by nobody: the index forgets them."""

    keep: tuple[PackUse, ...] = ()
    repack: tuple[PackUse, ...] = ()
    remove: tuple[PackUse, ...] = ()
    missing: tuple[PackUse, ...] = ()
    orphans: Mapping[bytes, int] = field(default_factory=dict)


def count_uses(index: BlobIndex, flags: bytearray) -> list[PackUse]:
    """How far each pack is needed; ``flags`` come from ``find_used``, and spare copies go in.

    Afterwards exactly one copy of each blob that is needed is ``NEEDED``.
    """
    if _mark_spares(index, flags):
        _choose_copies(index, flags)
    return [_count(index, flags, pack_id, rows) for pack_id, rows in index.pack_rows()]


def _mark_spares(index: BlobIndex, flags: bytearray) -> bool:
    """Make all copies of a blob that lies in several places ``SPARE``; tell if there are any."""
    found = False
    for row in [row for row, flag in enumerate(flags) if flag == UNNEEDED]:
        kind, blob_id = BlobType(index.kinds[row]), index.id_at(row)
        oldest = index.row(kind, blob_id)
        if oldest is not None and flags[oldest] != UNNEEDED:
            flags[oldest] = flags[row] = SPARE
            found = True
    return found


def _choose_copies(index: BlobIndex, flags: bytearray) -> None:
    """Make one copy of each blob needed: best in a pack that is needed anyway."""
    left = {blob: len(list(index.rows(*blob))) for blob in _blobs(index, _rows_with(flags, SPARE))}
    for _, rows in index.pack_rows():
        spare = [row for row in rows if flags[row] == SPARE]
        needed = sum(flags[row] == NEEDED for row in rows)
        # A pack of nothing but copies is one that an earlier prune wrote: keep it, not its sources.
        is_kept = needed > 0 or len(spare) == len(rows)
        for row, blob in zip(spare, _blobs(index, spare), strict=True):
            left[blob] -= 1
            if left[blob] == 0 or (is_kept and left[blob] > 0):
                flags[row] = NEEDED
                is_kept = True
                left[blob] = 0


def _rows_with(flags: bytearray, wanted: int) -> list[int]:
    return [row for row, flag in enumerate(flags) if flag == wanted]


def _blobs(index: BlobIndex, rows: Iterable[int]) -> Iterator[tuple[BlobType, bytes]]:
    return ((BlobType(index.kinds[row]), index.id_at(row)) for row in rows)


def _count(index: BlobIndex, flags: bytearray, pack_id: bytes, rows: Sequence[int]) -> PackUse:
    lengths = _column(index.lengths, rows)
    marks = bytes(_column(flags, rows))
    kinds = set(_column(index.kinds, rows))
    raw = list(_column(index.uncompressed_lengths, rows)).count(0)
    used = Count(marks.count(NEEDED), sum(compress(lengths, marks.translate(_IS_NEEDED))))
    spare = Count(marks.count(SPARE), sum(compress(lengths, marks.translate(_IS_SPARE))))
    return PackUse(
        id=pack_id,
        size_bytes=sum(lengths) + _header_bytes(len(rows), raw),
        type=BlobType(kinds.pop()) if len(kinds) == 1 else None,
        has_raw=raw > 0,
        used=used,
        unused=Count(len(rows), sum(lengths)).minus(used),
        duplicate=spare,
    )


def _header_bytes(blobs: int, raw: int) -> int:
    return _EMPTY_HEADER + blobs * _COMPRESSED_ENTRY - raw * (_COMPRESSED_ENTRY - _RAW_ENTRY)


def _column(column: Sequence[int], rows: Sequence[int]) -> Sequence[int]:
    """The values of some rows; a run of them in one go."""
    if isinstance(rows, range):
        return column[rows.start : rows.stop]
    return [column[row] for row in rows]


def plan_packs(
    uses: Iterable[PackUse],
    stored: Mapping[bytes, int],
    *,
    max_unused: MaxUnused,
    max_repack_bytes: int | None = None,
    repack_uncompressed: bool = False,
) -> PrunePlan:
    """``stored`` maps the packs that are there to their sizes.

    Raises ``DamagedRepository`` if a pack that is needed is missing or has a wrong size.
    """
    uses = list(uses)
    orphans = dict(stored)
    keep: list[PackUse] = []
    remove: list[PackUse] = []
    missing: list[PackUse] = []
    candidates: list[PackUse] = []
    small: list[PackUse] = []
    for use in uses:
        size = orphans.pop(use.id, None)
        if not use.used.blobs and not use.duplicate.blobs:
            (missing if size is None else remove).append(use)
            continue
        _refuse_damaged(use, size)
        if not use.used.blobs:
            remove.append(use)
        elif use.unused.blobs or _must_be_repacked(use, repack_uncompressed=repack_uncompressed):
            candidates.append(use)
        elif use.size_bytes < _SMALL_BYTES:
            small.append(use)
        else:
            keep.append(use)
    if len(small) < _MIN_SMALL_PACKS:
        keep += small
    else:
        candidates += small
    unused = sum(use.unused.size_bytes for use in candidates)
    allowed = max_unused.bytes_allowed(sum(use.used.size_bytes for use in uses))
    repack: list[PackUse] = []
    budget = float("inf") if max_repack_bytes is None else max_repack_bytes
    for use in sorted(candidates, key=_repack_order):
        must = use.type is not BlobType.DATA or _must_be_repacked(
            use, repack_uncompressed=repack_uncompressed
        )
        is_wanted = must or use.size_bytes < _SMALL_BYTES or unused > allowed
        if is_wanted and use.size_bytes <= budget:
            repack.append(use)
            budget -= use.size_bytes
            unused -= use.unused.size_bytes
        else:
            keep.append(use)
    return PrunePlan(tuple(keep), tuple(repack), tuple(remove), tuple(missing), orphans)


def _must_be_repacked(use: PackUse, *, repack_uncompressed: bool) -> bool:
    """Whatever is unused: mixed packs, raw trees, and raw data where that is asked for."""
    if use.type is None:
        return True
    return use.has_raw and (use.type is BlobType.TREE or repack_uncompressed)


def _repack_order(use: PackUse) -> tuple[bool, bool, float]:
    """Trees and small packs first, then what wins most for its size."""
    waste = use.unused.size_bytes / (use.unused.size_bytes + use.used.size_bytes)
    return use.type is BlobType.DATA, use.size_bytes >= _SMALL_BYTES, -waste


def _refuse_damaged(use: PackUse, size: int | None) -> None:
    name = f"pack {use.id.hex()[:10]}"
    if size is None:
        raise DamagedRepository(
            f"{name} is missing, and snapshots need {use.used.blobs or use.duplicate.blobs} of "
            "its blobs; nothing was removed",
            hint="is the whole disk there? lpse-ops backup check names the snapshots; "
            "lpse-ops backup repair index drops packs that are lost",
        )
    if size != use.size_bytes:
        raise DamagedRepository(
            f"{name} has {size} bytes instead of {use.size_bytes}, and snapshots need it; "
            "nothing was removed",
            hint="lpse-ops backup repair packs saves what can be read of it",
        )
