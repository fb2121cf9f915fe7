"""Snapshots arrive whole in another repository, under its key, and only once."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from lpse_ops.backup.copier import CopyReport, copy_snapshots, encode_copy, find_copy, known_copies
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot, encode_snapshot, parse_snapshot
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.storage.fault import Fault, FaultBackend, Stopped, fault_at
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import DamagedRepository, RepositoryLocked
from tests.backup.repositories import NOON, RepositoryBuilder, dir_node, file_node, make_repository
from tests.backup.statejudge import backend_of, find_errors, read_all

SNAPSHOT = Snapshot(
    NOON, b"t" * 32, ("/a", "/b"), "host", "user", tags=("x", "y"), parent="ab" * 32, id="cd" * 32
)


@pytest.fixture
def source() -> RepositoryBuilder:
    """Three snapshots that share a folder; raw and compressed blobs."""
    builder = RepositoryBuilder(make_repository(MemoryBackend()))
    raw = hashlib.shake_256(b"raw").digest(3000)
    raw_id = hashlib.sha256(raw).digest()
    for day in range(3):
        builder.stored_blob(raw_id, raw)
        shared = builder.tree(
            builder.file(b"a", b"text" * 200), file_node(b"r", [raw_id], size=3000)
        )
        files = builder.file(b"day", b"of day %d" % day)
        builder.snapshot(
            builder.tree(dir_node(b"d", shared), files), time=NOON + timedelta(days=day)
        )
    return builder


@pytest.fixture
def target() -> Repository:
    return make_repository(MemoryBackend(), "another")


def copy(
    source: Repository, target: Repository, snapshots: Iterable[Snapshot] | None = None
) -> CopyReport:
    chosen = source.snapshots() if snapshots is None else snapshots
    return copy_snapshots(source, target, chosen, SILENT)


def digests(repository: Repository) -> dict[str, str]:
    return {
        each.snapshot.original or key: each.digest for key, each in read_all(repository).items()
    }


# -- which ---------------------------------------------------------------------------------------


def test_a_copy_names_its_original_and_no_parent():
    assert as_copy(SNAPSHOT) == replace(SNAPSHOT, parent="", original="cd" * 32)
    again = replace(as_copy(SNAPSHOT), id="ef" * 32)
    assert as_copy(again).original == "cd" * 32


def test_what_we_know_nothing_of_is_copied_to_the_byte():
    """Nanoseconds above all: restic takes a snapshot of another time for another one."""
    text = (
        b'{"time":"2026-03-04T12:00:00.123456789+07:00",%s"tree":"%s","paths":["/a \\u0026 b"],'
        b'"hostname":"h",%s"program_version":"x","of_tomorrow":{"a":[1,null]}}'
    )
    stored = text % (b'"parent":"%s",' % (b"ab" * 32), b"cd" * 32, b"")
    original = b'"original":"%s",' % (SNAPSHOT.id.encode())
    assert encode_copy(stored, SNAPSHOT) == text % (b"", b"cd" * 32, original)


@pytest.mark.parametrize("text", [b"[]", b'{"time":NaN}', b"{"])
def test_what_is_no_json_object_is_not_copied(text: bytes):
    with pytest.raises(DamagedRepository, match="file of snapshot cdcdcdcd cannot be read"):
        encode_copy(text, SNAPSHOT)


def as_copy(snapshot: Snapshot) -> Snapshot:
    copied = encode_copy(encode_snapshot(snapshot), snapshot)
    return parse_snapshot(copied, snapshot.id)


def find(snapshot: Snapshot, *there: Snapshot) -> str | None:
    found = find_copy(snapshot, known_copies(there))
    return found and found.id


def test_a_copy_is_known_by_its_original_or_its_own_id():
    copied = replace(as_copy(SNAPSHOT), id="ee" * 32)
    assert find(SNAPSHOT, copied) == copied.id
    assert find(SNAPSHOT, SNAPSHOT) == SNAPSHOT.id  # a clone of the repository
    assert find(copied, SNAPSHOT) == SNAPSHOT.id  # and back again
    assert find(replace(copied, id="aa" * 32), copied) == copied.id
    assert find(SNAPSHOT) is None


@pytest.mark.parametrize(
    "change",
    [
        {"tags": ("x",)},
        {"time": NOON + timedelta(seconds=1)},
        {"tree": b"u" * 32},
        {"hostname": "other"},
        {"paths": ("/a",)},
        {"excludes": ("*.tmp",)},
        {"uid": 5},
    ],
)
def test_what_differs_is_another_snapshot(change: dict[str, object]):
    copied = replace(as_copy(SNAPSHOT), id="ee" * 32)
    assert find(SNAPSHOT, replace(copied, **change)) is None  # type: ignore[arg-type]


def test_lists_in_another_order_are_the_same():
    copied = replace(as_copy(SNAPSHOT), id="ee" * 32, tags=("y", "x"), paths=("/b", "/a"))
    assert find(SNAPSHOT, copied) == copied.id


# -- what ----------------------------------------------------------------------------------------


def test_all_snapshots_arrive_whole(source: RepositoryBuilder, target: Repository):
    report = copy(source.repository, target)
    assert digests(target) == digests(source.repository)
    assert find_errors(target) == []
    assert report.blobs == len(target.load_index()) == 5 + 4
    assert list(report.copied) == [each.id for each in source.repository.snapshots()]
    assert set(report.copied.values()) == set(target.files(FileKind.SNAPSHOT))
    assert [each.tree for each in target.snapshots()] == [
        each.tree for each in source.repository.snapshots()
    ]


def test_nothing_of_the_source_s_envelopes_is_in_the_target(
    source: RepositoryBuilder, target: Repository
):
    copy(source.repository, target)
    for pack_id, entries in target.index_packs():
        content = target.backend.load(file_name(FileKind.PACK, pack_id.hex()))
        for entry in entries:
            with pytest.raises(DamagedRepository):
                source.repository.crypter.open(content[entry.offset :][: entry.length])


def test_the_second_copy_does_nothing(source: RepositoryBuilder, target: Repository):
    first = copy(source.repository, target)
    backend = target.backend
    assert isinstance(backend, MemoryBackend)
    before = dict(backend.contents)
    again = copy(source.repository, target)
    assert (again.copied, again.skipped, again.blobs) == ({}, first.copied, 0)
    assert backend.contents == before


def test_a_later_snapshot_brings_only_what_is_new(source: RepositoryBuilder, target: Repository):
    snapshots = source.repository.snapshots()
    copy(source.repository, target, snapshots[:2])
    report = copy(source.repository, target, snapshots[2:])
    assert (len(report.copied), report.blobs) == (1, 2)
    assert digests(target) == digests(source.repository)


def test_trees_that_are_there_do_not_vouch_for_their_content(
    source: RepositoryBuilder, target: Repository
):
    """A target that lost a data pack, and its index, is made whole again."""
    copy(source.repository, target)
    for pack_id, entries in list(target.index_packs()):
        if entries[0].type is BlobType.DATA:
            target.remove(FileKind.PACK, pack_id.hex())
        else:
            kept = (pack_id, entries)
    for index_id in target.files(FileKind.INDEX):
        target.remove(FileKind.INDEX, index_id)
    for snapshot_id in target.files(FileKind.SNAPSHOT):
        target.remove(FileKind.SNAPSHOT, snapshot_id)
    target.save_index([kept])
    copy(source.repository, target)
    assert digests(target) == digests(source.repository)


@pytest.mark.parametrize("is_cut", [True, False])
@pytest.mark.parametrize("days", [2, 3])
def test_what_the_packs_of_the_target_lost_since_is_copied_once_more(
    source: RepositoryBuilder, target: Repository, days: int, *, is_cut: bool
):
    """The index still lists it all; the snapshots that are there are made whole, too."""
    snapshots = source.repository.snapshots()
    copy(source.repository, target, snapshots[:2])
    for pack_id, entries in list(target.index_packs()):
        if entries[0].type is BlobType.DATA:
            name = file_name(FileKind.PACK, pack_id.hex())
            content = target.backend.load(name)
            target.remove(FileKind.PACK, pack_id.hex())
            if is_cut:
                target.backend.save(name, content[:-1])
    report = copy(source.repository, target, snapshots[:days])
    assert (len(report.copied), len(report.skipped)) == (days - 2, 2)
    # The text, the raw one and those of the days; trees only of the day that is new.
    assert report.blobs == 2 + days + (days - 2)
    expected = digests(source.repository)
    assert digests(target) == {each.id: expected[each.id] for each in snapshots[:days]}
    assert copy(source.repository, target, snapshots[:days]).blobs == 0


# -- what goes wrong -----------------------------------------------------------------------------


def flip(repository: Repository, pack_id: bytes, place: int) -> None:
    name = file_name(FileKind.PACK, pack_id.hex())
    content = bytearray(repository.backend.load(name))
    content[place] ^= 1
    repository.backend.save(name, content)


def test_a_damaged_blob_is_read_from_another_pack(source: RepositoryBuilder, target: Repository):
    """The text that all days share lies in three packs."""
    text = hashlib.sha256(b"text" * 200).digest()
    before = digests(source.repository)
    places = list(source.repository.load_index().locations(BlobType.DATA, text))
    assert len(places) == 3
    for place in places[:2]:
        flip(source.repository, place.pack_id, place.entry.offset + 20)
    copy(source.repository, target)
    assert digests(target) == before
    for place in places[2:]:
        flip(source.repository, place.pack_id, place.entry.offset + 20)
    with pytest.raises(DamagedRepository, match=f"blob {text.hex()[:10]}"):
        copy(source.repository, make_repository(MemoryBackend()))


def test_a_blob_that_the_source_lost_is_named(target: Repository):
    builder = RepositoryBuilder(make_repository(MemoryBackend()))
    builder.snapshot(builder.tree(file_node(b"f", [b"n" * 32])))
    with pytest.raises(DamagedRepository, match="data blob 6e6e6e6e6e"):
        copy(builder.repository, target)
    assert target.files(FileKind.SNAPSHOT) == []


def test_what_comes_before_a_damaged_snapshot_stays(source: RepositoryBuilder, target: Repository):
    snapshots = source.repository.snapshots()
    expected = digests(source.repository)
    index = source.repository.load_index()
    (place,) = index.locations(BlobType.DATA, hashlib.sha256(b"of day 1").digest())
    flip(source.repository, place.pack_id, place.entry.offset + 20)
    with pytest.raises(DamagedRepository, match=r"\(1 copied before it\): ") as refused:
        copy(source.repository, target)
    assert refused.value.message.startswith(f"snapshot {snapshots[1].short_id} cannot be copied")
    assert "repair packs" in refused.value.hint
    assert digests(target) == {snapshots[0].id: expected[snapshots[0].id]}
    assert find_errors(target) == []
    # As the hint says.
    copy(source.repository, target, [snapshots[0], snapshots[2]])
    del expected[snapshots[1].id]
    assert digests(target) == expected


def test_an_old_snapshot_that_rots_does_not_hold_up_the_new_ones(
    source: RepositoryBuilder, target: Repository
):
    snapshots = source.repository.snapshots()
    expected = digests(source.repository)
    copy(source.repository, target, snapshots[:1])
    (place,) = source.repository.load_index().locations(BlobType.TREE, snapshots[0].tree)
    flip(source.repository, place.pack_id, place.entry.offset + 20)
    with pytest.raises(DamagedRepository, match=f"snapshot {snapshots[0].short_id} cannot"):
        copy(source.repository, target)
    assert digests(target) == expected


def test_a_lost_lock_stops_before_the_snapshot(source: RepositoryBuilder, target: Repository):
    def guard() -> None:
        raise RepositoryLocked("the lock was lost", hint="run it again")

    target.before_write = guard
    with pytest.raises(RepositoryLocked):
        copy(source.repository, target)
    assert target.files(FileKind.PACK) == target.files(FileKind.SNAPSHOT) == []


@pytest.mark.parametrize("fault", [Fault.STOP_BEFORE, Fault.STOP_AFTER])
def test_a_copy_that_is_stopped_is_continued(
    source: RepositoryBuilder, target: Repository, fault: Fault
):
    backend = target.backend
    assert isinstance(backend, MemoryBackend)
    counting = FaultBackend(backend_of(backend.contents))
    copy(source.repository, Repository(counting, target.keys, target.config))
    kinds = [name.partition("/")[0] for _, name in counting.operations]
    assert kinds == ["data", "data", "index", "snapshots", "snapshots", "snapshots"]
    expected = digests(source.repository)
    for number in range(len(kinds)):
        inner = backend_of(backend.contents)
        stopping = FaultBackend(inner, fault_at(number, fault))
        with pytest.raises(Stopped):
            copy(source.repository, Repository(stopping, target.keys, target.config))
        after = Repository(inner, target.keys, target.config)
        assert digests(after).items() <= expected.items()
        report = copy(source.repository, after)
        assert digests(after) == expected
        if number >= 3:
            assert report.blobs == 0
