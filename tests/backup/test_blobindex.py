"""The packed tables against the obvious dictionary, and what they cost."""

import hashlib
import os
import tracemalloc

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lpse_ops.backup.blobindex import BlobIndex, Location
from lpse_ops.backup.pack import BlobType, PackEntry

Key = tuple[BlobType, bytes]

# Ids that begin alike meet in one slot.
IDS = [bytes(8) + bytes([number]) * 24 for number in range(6)] + [
    hashlib.sha256(bytes([number])).digest() for number in range(10)
]
PACKS = [bytes([number]) * 32 for number in range(8)]


def fill(index: BlobIndex, count: int, blob_type: BlobType = BlobType.DATA) -> None:
    for start in range(0, count, 1000):
        numbers = range(start, start + 1000)
        entries = [PackEntry(blob_type, id_of(each), 100 * each, 100, each % 3) for each in numbers]
        index.add_pack(id_of(-1 - start), entries)


def id_of(number: int) -> bytes:
    return hashlib.sha256(number.to_bytes(8, "little", signed=True)).digest()


class IndexMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.index = BlobIndex()
        self.stored: dict[Key, list[Location]] = {}
        self.pending: set[Key] = set()
        self.packs: list[bytes] = []

    @rule(blob_type=st.sampled_from(BlobType), blob_id=st.sampled_from(IDS))
    def promise(self, blob_type: BlobType, blob_id: bytes) -> None:
        key = (blob_type, blob_id)
        is_new = key not in self.stored and key not in self.pending
        assert self.index.add_pending(blob_type, blob_id) is is_new
        if is_new:
            self.pending.add(key)

    @rule(
        pack_id=st.sampled_from(PACKS),
        blobs=st.lists(st.tuples(st.sampled_from(BlobType), st.sampled_from(IDS)), max_size=6),
        length=st.integers(32, (1 << 30)),
    )
    def add_pack(self, pack_id: bytes, blobs: list[Key], length: int) -> None:
        entries = [
            PackEntry(blob_type, blob_id, 7 * place, length, place)
            for place, (blob_type, blob_id) in enumerate(blobs)
        ]
        self.index.add_pack(pack_id, entries)
        if pack_id not in self.packs:
            self.packs.append(pack_id)
        for entry in entries:
            found = self.stored.setdefault((entry.type, entry.id), [])
            known = {(each.pack_id, each.entry.offset) for each in found}
            if (pack_id, entry.offset) not in known:
                found.append(Location(pack_id, entry))
            self.pending.discard((entry.type, entry.id))

    @invariant()
    def both_say_the_same(self) -> None:
        for blob_type in BlobType:
            for blob_id in IDS:
                found = self.stored.get((blob_type, blob_id), [])
                assert sorted(self.index.locations(blob_type, blob_id)) == sorted(found)
                is_there = bool(found) or (blob_type, blob_id) in self.pending
                assert self.index.has(blob_type, blob_id) is is_there
        assert self.index.pack_ids == self.packs
        assert len(self.index) == sum(map(len, self.stored.values())) + len(self.pending)
        by_pack = {
            pack_id: [
                each.entry
                for found in self.stored.values()
                for each in found
                if each.pack_id == pack_id
            ]
            for pack_id in self.packs
        }
        assert {pack: sorted(entries) for pack, entries in self.index.packs()} == {
            pack: sorted(entries) for pack, entries in by_pack.items()
        }


TestBlobIndexAgainstADictionary = IndexMachine.TestCase
TestBlobIndexAgainstADictionary.settings = settings(
    max_examples=40, stateful_step_count=12, deadline=None
)


def test_a_blob_costs_less_than_120_bytes() -> None:
    count = 200_000
    # Made beforehand: the tracer makes every allocation slow.
    ids = [os.urandom(32) for _ in range(count)]
    entries = [PackEntry(BlobType.DATA, each, 0, 100, 200) for each in ids]
    index = BlobIndex()
    tracemalloc.start()
    try:
        index.add_pack(PACKS[0], entries)
        used, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(index) == count
    assert used / count < 120
    assert peak / count < 150


def test_every_blob_is_found_after_the_tables_grew() -> None:
    index = BlobIndex()
    fill(index, 5_000)
    fill(index, 5_000, BlobType.TREE)
    for number in range(5_000):
        (found,) = index.locations(BlobType.DATA, id_of(number))
        assert found.entry.offset == 100 * number
        assert index.has(BlobType.TREE, id_of(number))
    assert not index.has(BlobType.DATA, id_of(5_000))


def test_plaintext_length() -> None:
    index = BlobIndex()
    index.add_pack(PACKS[0], [PackEntry(BlobType.DATA, IDS[0], 0, 100, 511)])
    index.add_pack(PACKS[1], [PackEntry(BlobType.DATA, IDS[1], 0, 100, 0)])
    index.add_pending(BlobType.DATA, IDS[2])
    lengths = [index.plaintext_length(BlobType.DATA, blob_id) for blob_id in IDS[:4]]
    assert lengths == [511, 68, None, None]


def test_a_pack_split_over_two_index_files_is_known_whole() -> None:
    index = BlobIndex()
    halves = [
        PackEntry(BlobType.DATA, IDS[0], 0, 100, 0),
        PackEntry(BlobType.DATA, IDS[1], 100, 50, 0),
    ]
    for half in halves:
        index.add_pack(PACKS[0], [half])
    assert list(index.packs()) == [(PACKS[0], halves)]


def test_duplicates_are_all_kept_oldest_first() -> None:
    index = BlobIndex()
    for pack_id in PACKS[:3]:
        index.add_pack(pack_id, [PackEntry(BlobType.DATA, IDS[0], 0, 100, 0)])
    found = index.locations(BlobType.DATA, IDS[0])
    assert [each.pack_id for each in found] == PACKS[:3]
    assert not index.add_pending(BlobType.DATA, IDS[0])
