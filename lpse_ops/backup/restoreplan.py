"""Which parts of which packs a restore reads, and where each blob in them goes.

Pure: collects what some files need, then makes one read of blobs that lie close together.
"""

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from lpse_ops.backup.blobindex import Location
from lpse_ops.backup.pack import PackEntry

# One read; a larger blob is read alone.
RANGE_BYTES = 4 * 1024 * 1024
# Reading over a gap this small is cheaper than asking again.
GAP_BYTES = 64 * 1024

Use = TypeVar("Use")


class WantedBlob(NamedTuple, Generic[Use]):
    """A blob and everything that waits for its plaintext."""

    entry: PackEntry
    uses: list[Use]


class PackRange(NamedTuple, Generic[Use]):
    """One read of a pack, and the blobs in it in the order of their offsets."""

    pack_id: bytes
    offset: int
    length: int
    blobs: list[WantedBlob[Use]]


class Window(Generic[Use]):
    """What is wanted so far; each blob is read once, however many files share it."""

    def __init__(self) -> None:
        self._wanted: dict[bytes, tuple[bytes, WantedBlob[Use]]] = {}
        self.stored_bytes = 0
        self.uses = 0

    def add(self, location: Location, use: Use) -> None:
        self.uses += 1
        found = self._wanted.get(location.entry.id)
        if found is not None:
            found[1].uses.append(use)
            return
        self._wanted[location.entry.id] = (location.pack_id, WantedBlob(location.entry, [use]))
        self.stored_bytes += location.entry.length

    def ranges(self) -> list[PackRange[Use]]:
        """The reads, pack after pack in the order in which the packs were first wanted."""
        by_pack: dict[bytes, list[WantedBlob[Use]]] = {}
        for pack_id, wanted in self._wanted.values():
            by_pack.setdefault(pack_id, []).append(wanted)
        return [each for pack_id, blobs in by_pack.items() for each in _join(pack_id, blobs)]


def _join(pack_id: bytes, blobs: Iterable[WantedBlob[Use]]) -> list[PackRange[Use]]:
    ranges: list[PackRange[Use]] = []
    for wanted in sorted(blobs, key=lambda each: each.entry.offset):
        start, length = wanted.entry.offset, wanted.entry.length
        if ranges and _is_near(ranges[-1], start, length):
            last = ranges[-1]
            last.blobs.append(wanted)
            end = max(last.offset + last.length, start + length)
            ranges[-1] = last._replace(length=end - last.offset)
        else:
            ranges.append(PackRange(pack_id, start, length, [wanted]))
    return ranges


def _is_near(last: PackRange[Use], start: int, length: int) -> bool:
    end = last.offset + last.length
    return start <= end + GAP_BYTES and start + length - last.offset <= RANGE_BYTES
