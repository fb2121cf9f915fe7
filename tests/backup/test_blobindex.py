"""The packed columns against the obvious dictionary, and what they cost."""

import hashlib
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lpse_ops.backup.blobindex import BlobIndex, Location
from lpse_ops.backup.indexfile import PackList, columns_of_packs
from lpse_ops.backup.pack import BlobType, PackEntry

Key = tuple[BlobType, bytes]

# Ids that begin alike meet in one slot.
IDS = [bytes(8) + bytes([number]) * 24 for number in range(6)] + [
    hashlib.sha256(bytes([number])).digest() for number in range(10)
]
PACKS = [bytes([number]) * 32 for number in range(8)]
BLOBS = st.tuples(st.sampled_from(BlobType), st.sampled_from(IDS))


def entries_of(blobs: list[Key], length: int) -> list[PackEntry]:
    return [
        PackEntry(blob_type, blob_id, 7 * place, length, place)
        for place, (blob_type, blob_id) in enumerate(blobs)
    ]


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

    @rule(blob_type=st.sampled_from(BlobType), blob_ids=st.lists(st.sampled_from(IDS), max_size=9))
    def promise_all(self, blob_type: BlobType, blob_ids: list[bytes]) -> None:
        new = []
        for place, blob_id in enumerate(blob_ids):
            key = (blob_type, blob_id)
            if key not in self.stored and key not in self.pending:
                self.pending.add(key)
                new.append(place)
        assert self.index.add_all_pending(blob_type, blob_ids) == new

    @rule(
        pack_id=st.sampled_from(PACKS),
        blobs=st.lists(BLOBS, max_size=6),
        length=st.integers(32, (1 << 30)),
    )
    def add_pack(self, pack_id: bytes, blobs: list[Key], length: int) -> None:
        entries = entries_of(blobs, length)
        self.index.add_pack(pack_id, entries)
        self._note(pack_id, entries)

    @rule(
        packs=st.lists(st.tuples(st.sampled_from(PACKS), st.lists(BLOBS, max_size=4)), max_size=3),
        length=st.integers(32, (1 << 30)),
        is_twice=st.booleans(),
    )
    def add_file(self, packs: list[tuple[bytes, list[Key]]], length: int, is_twice: bool) -> None:
        listed: list[PackList] = [
            (pack_id, entries_of(blobs, length) * (1 + is_twice)) for pack_id, blobs in packs
        ]
        self.index.add_columns(columns_of_packs(listed))
        for pack_id, entries in listed:
            self._note(pack_id, entries)

    def _note(self, pack_id: bytes, entries: list[PackEntry]) -> None:
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
                rows = list(self.index.rows(blob_type, blob_id))
                assert rows == sorted(rows)
                assert self.index.row(blob_type, blob_id) == (rows[0] if rows else None)
                assert len(rows) == (len(found) or is_there)
        assert self.index.pack_ids == self.packs
        assert len(self.index) == sum(map(len, self.stored.values())) + len(self.pending)

    @invariant()
    def the_packs_are_the_same(self) -> None:
        by_pack = {
            pack_id: sorted(
                each.entry
                for found in self.stored.values()
                for each in found
                if each.pack_id == pack_id
            )
            for pack_id in self.packs
        }
        assert {pack: sorted(entries) for pack, entries in self.index.packs()} == by_pack
        for _, entries in self.index.packs():
            assert [each.offset for each in entries] == sorted(each.offset for each in entries)
        assert {
            pack: sorted(map(self.index.entry_at, rows)) for pack, rows in self.index.pack_rows()
        } == by_pack
        for pack_id, entries in by_pack.items():
            end = max((each.offset + each.length for each in entries), default=0)
            assert self.index.blobs_end(pack_id) == end

    @invariant()
    def the_first_copy_of_each_stored_blob_is_marked(self) -> None:
        flags = bytearray(len(self.index))
        for blob_type in BlobType:
            missing = self.index.mark(flags, blob_type, IDS)
            assert missing == [each for each in IDS if not self.stored.get((blob_type, each))]
        marked = [self.index.entry_at(row) for row, flag in enumerate(flags) if flag]
        stored = sorted(key for key, found in self.stored.items() if found)
        assert sorted((each.type, each.id) for each in marked) == stored


TestBlobIndexAgainstADictionary = IndexMachine.TestCase
TestBlobIndexAgainstADictionary.settings = settings(
    max_examples=40, stateful_step_count=12, deadline=None
)


def test_a_blob_that_is_promised_costs_less_than_90_bytes() -> None:
    count = 200_000
    # Made beforehand: the tracer makes every allocation slow.
    ids = [os.urandom(32) for _ in range(count)]
    index = BlobIndex()
    tracemalloc.start()
    try:
        for each in ids:
            index.add_pending(BlobType.DATA, each)
        used, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(index) == count
    assert used / count < 90
    assert peak / count < 120


MILLION = """
import random
from pathlib import Path
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.config import Config
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.local import LocalBackend
from tests.backup.cheap_repository import KEYS

FILES, PACKS, BLOBS = 25, 100, 400
repository = Repository(LocalBackend(Path(sys.argv[1])), KEYS, Config("", 0))
numbers = random.Random(7)
"""
FILL = (
    """
import sys
"""
    + MILLION
    + """
for _ in range(FILES):
    repository.save_index(
        (
            numbers.randbytes(32),
            [
                PackEntry(BlobType.DATA, numbers.randbytes(32), 9999 * place, 9999, 20_000)
                for place in range(BLOBS)
            ],
        )
        for _ in range(PACKS)
    )
"""
)
LOAD = (
    """
import sys
"""
    + MILLION
    + """
# Not ru_maxrss, which begins with what the parent process had when it forked.
def peak_kib():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])

before = peak_kib()
index = repository.load_index()
assert len(index) == FILES * PACKS * BLOBS
for _ in range(100):  # enough questions for a look-up of all rows
    assert not index.has(BlobType.TREE, numbers.randbytes(32))
flags = bytearray(len(index))
assert not index.mark(flags, BlobType.DATA, [index.id_at(row) for row in range(0, 10**6, 999)])
assert sum(1 for _, entries in index.packs() if len(entries) == BLOBS) == FILES * PACKS
print(peak_kib() - before)
"""
)


def test_a_million_blobs_take_at_most_120_mb(tmp_path: Path) -> None:
    """The peak, from before the first index file is read until the last pack was looked at."""
    run_python(FILL, tmp_path)
    grown_kib = int(run_python(LOAD, tmp_path))
    # Less than its columns alone would mean that nothing was measured.
    assert 48_000_000 < grown_kib * 1024 <= 120_000_000


def run_python(program: str, *arguments: Path) -> str:
    argv = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(argv, capture_output=True, check=True, text=True)
    return done.stdout


def test_every_blob_is_found_after_the_tables_grew() -> None:
    index = BlobIndex()
    fill(index, 5_000)
    fill(index, 5_000, BlobType.TREE)
    for number in range(5_000):
        (found,) = index.locations(BlobType.DATA, id_of(number))
        assert found.entry.offset == 100 * number
        assert index.has(BlobType.TREE, id_of(number))
    assert not index.has(BlobType.DATA, id_of(5_000))


def test_a_batch_may_be_larger_than_the_tables() -> None:
    index = BlobIndex()
    ids = [id_of(number) for number in range(5_000)]
    assert index.add_all_pending(BlobType.DATA, ids[:900] * 2) == list(range(900))
    assert index.add_all_pending(BlobType.DATA, ids) == list(range(900, 5_000))
    assert index.add_all_pending(BlobType.DATA, ids) == []
    assert len(index) == 5_000
    index.add_pack(PACKS[0], [PackEntry(BlobType.DATA, each, 7, 100, 0) for each in ids[4_000:]])
    assert [index.plaintext_length(BlobType.DATA, each) for each in ids[3_999:4_001]] == [None, 68]


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
