"""Prune gives room back, and at every instant all that snapshots need is there.

Faults of every kind at every operation are in ``test_fault_sweep``.
"""

import errno
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.indexfile import encode_index, parse_index
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.prune import PruneOptions, PruneReport, prune
from lpse_ops.backup.pruneplan import UNLIMITED, MaxUnused
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.storage.fault import Fault, FaultBackend, Plan, Stopped, fault_at
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import (
    OpsError,
    RepositoryError,
    RepositoryLocked,
    StorageError,
)
from tests.backup.repositories import RepositoryBuilder, dir_node, file_node, make_repository
from tests.backup.statejudge import backend_of, find_errors, read_all

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
TIGHT = PruneOptions(max_unused=MaxUnused(percent=0))


@pytest.fixture
def builder() -> RepositoryBuilder:
    return RepositoryBuilder(make_repository(MemoryBackend()))


@pytest.fixture
def filled(builder: RepositoryBuilder) -> RepositoryBuilder:
    """Four snapshots, each with a pack of data, some of it unneeded, and a pack of trees."""
    for day in range(4):
        files = [builder.file(b"%d-%d" % (number, day), noise(day, number)) for number in range(3)]
        builder.blob(b"needed by nobody %d" % day)
        shared = builder.tree(builder.file(b"stays", b"the same every day" * 20), *files[:1])
        builder.snapshot(
            builder.tree(dir_node(b"d", shared), *files[1:]), time=NOON + timedelta(days=day)
        )
    return builder


def noise(day: int, number: int) -> bytes:
    return hashlib.shake_256(b"%d %d" % (day, number)).digest(900)


def forget(repository: Repository, *numbers: int) -> list[str]:
    """Remove some of the snapshots, oldest is 0; return their ids."""
    snapshots = repository.snapshots()
    gone = [snapshots[number].id for number in numbers]
    for each in gone:
        repository.remove(FileKind.SNAPSHOT, each)
    return gone


def newest_index(repository: Repository) -> str:
    """The index file that lists the newest snapshot's tree."""
    for index_id in repository.files(FileKind.INDEX):
        listed = parse_index(repository.load(FileKind.INDEX, index_id), index_id)
        blobs = {entry.id for _, entries in listed for entry in entries}
        if repository.snapshots()[-1].tree in blobs:
            return file_name(FileKind.INDEX, index_id)
    raise AssertionError("no index lists the newest tree")


def run(repository: Repository, options: PruneOptions = TIGHT, now: datetime = NOON) -> PruneReport:
    return prune(repository, options, SILENT, now=now)


def over(repository: Repository, backend: FaultBackend) -> Repository:
    return Repository(backend, repository.keys, repository.config)


def contents(repository: Repository) -> dict[str, bytes]:
    backend = repository.backend
    assert isinstance(backend, MemoryBackend)
    return dict(backend.contents)


def newest_pack(repository: Repository, kind: BlobType) -> str:
    """The pack of the newest snapshot's tree, or of its data."""
    first = hashlib.sha256(noise(3, 0)).digest()
    wanted = repository.snapshots()[-1].tree if kind is BlobType.TREE else first
    location = next(repository.load_index().locations(kind, wanted))
    return file_name(FileKind.PACK, location.pack_id.hex())


# -- what it does --------------------------------------------------------------------------------


def test_only_what_is_needed_stays(filled: RepositoryBuilder):
    repository = filled.repository
    forget(repository, 0, 2)
    before = read_all(repository)
    report = run(repository)
    assert read_all(repository) == before
    assert find_errors(repository) == []
    index = repository.load_index()
    assert report.used.blobs == len(index)
    assert report.unused.blobs > 0
    assert report.packs_repacked + report.packs_removed > 0
    sizes = [file.size_bytes for file in repository.backend.files(FileKind.PACK)]
    assert sum(sizes) < report.used.size_bytes + 100 * len(sizes) + 41 * len(index)
    assert (report.kept_unused_bytes, report.orphans_waiting) == (0, 0)


def test_progress_ends_where_it_said(filled: RepositoryBuilder):
    class Bar:
        done = total = 0

        def advance(self, size_bytes: int) -> None:
            self.done += size_bytes
            assert self.done <= self.total

        def expect(self, total_bytes: int) -> None:
            self.total = total_bytes

    forget(filled.repository, 0, 2)
    bar = Bar()
    prune(filled.repository, TIGHT, bar, now=NOON)
    assert bar.done == bar.total > 0


def test_the_second_prune_finds_nothing_to_do(filled: RepositoryBuilder):
    forget(filled.repository, 0)
    run(filled.repository)
    before = contents(filled.repository)
    report = run(filled.repository)
    assert contents(filled.repository) == before
    assert (report.packs_removed, report.packs_repacked, report.freed_bytes) == (0, 0, 0)


def test_a_dry_run_shows_the_same_figures_and_changes_nothing(filled: RepositoryBuilder):
    repository = filled.repository
    ignore = frozenset(each.id for each in repository.snapshots()[:2])
    before = contents(repository)
    planned = run(repository, PruneOptions(MaxUnused(percent=0), dry_run=True, ignore=ignore))
    assert contents(repository) == before
    forget(repository, 0, 1)
    done = run(repository, PruneOptions(MaxUnused(percent=0), ignore=ignore))
    assert planned.freed_bytes == done.freed_bytes > 0
    assert planned.packs_repacked == done.packs_repacked
    assert (planned.used, planned.unused) == (done.used, done.unused)


def test_snapshots_that_are_still_there_are_never_ignored(filled: RepositoryBuilder):
    ignore = frozenset(each.id for each in filled.repository.snapshots()[:1])
    before = contents(filled.repository)
    with pytest.raises(RepositoryError, match="still there"):
        run(filled.repository, PruneOptions(ignore=ignore))
    assert contents(filled.repository) == before


def test_without_snapshots_nothing_stays(filled: RepositoryBuilder):
    forget(filled.repository, 0, 1, 2, 3)
    run(filled.repository)
    kinds = {name.partition("/")[0] for name in contents(filled.repository)}
    assert kinds == {"config", "keys"}


def test_an_empty_repository_is_pruned(builder: RepositoryBuilder):
    report = run(builder.repository)
    assert (report.snapshots, report.used.blobs, report.packs_kept) == (0, 0, 0)


def test_nothing_is_rewritten_when_the_size_does_not_allow_it(filled: RepositoryBuilder):
    forget(filled.repository, 0, 2)
    report = run(filled.repository, PruneOptions(UNLIMITED, max_repack_bytes=0))
    assert (report.packs_repacked, report.packs_written) == (0, 0)
    assert find_errors(filled.repository) == []


def test_blobs_that_are_stored_twice_are_kept_once(filled: RepositoryBuilder):
    repository = filled.repository
    for content in [noise(3, number) for number in range(3)]:
        filled.blob(content)
    filled.blob(b"in no snapshot")
    filled.save()
    before = read_all(repository)
    report = run(repository)
    assert report.duplicate.blobs == 3 + 3  # one blob lies in all four packs of the fixture
    assert read_all(repository) == before
    index = repository.load_index()
    assert len(index) == report.used.blobs
    assert find_errors(repository) == []


def test_a_mixed_pack_becomes_one_of_each_type(builder: RepositoryBuilder):
    repository = builder.repository
    builder.snapshot(builder.tree(builder.file(b"f", b"content")))
    # Both blobs in one pack, which only other tools write.
    entries, content = [], b""
    for pack_id, [entry] in list(repository.index_packs()):
        envelope = repository.backend.load(
            file_name(FileKind.PACK, pack_id.hex()), entry.offset, entry.length
        )
        entries.append(entry._replace(offset=len(content)))
        content += envelope
        repository.remove(FileKind.PACK, pack_id.hex())
    for index_id in repository.files(FileKind.INDEX):
        repository.remove(FileKind.INDEX, index_id)
    repository.save_index([(builder.save_pack(content, entries), entries)])
    before = read_all(repository)
    report = run(repository, PruneOptions(UNLIMITED))
    assert (report.packs_repacked, report.packs_written) == (1, 2)
    assert read_all(repository) == before
    assert all(len(each) == 1 for _, each in repository.index_packs())


def test_a_pack_in_two_index_files_is_in_one_afterwards(filled: RepositoryBuilder):
    repository = filled.repository
    repository.save(FileKind.INDEX, encode_index(list(repository.index_packs())))
    run(repository)
    packs = [pack_id for pack_id, _ in repository.index_packs()]
    assert len(packs) == len(set(packs))
    assert find_errors(repository) == []


def test_a_lost_pack_that_nobody_needs_leaves_the_index(filled: RepositoryBuilder):
    repository = filled.repository
    filled.blob(b"of no snapshot")
    filled.save()
    [name] = [
        file_name(FileKind.PACK, pack_id.hex())
        for pack_id, entries in repository.index_packs()
        if entries[0].id == hashlib.sha256(b"of no snapshot").digest()
    ]
    repository.backend.remove(name)
    assert run(repository).packs_removed == 0
    assert find_errors(repository) == []


# -- orphans -------------------------------------------------------------------------------------


def test_packs_in_no_index_wait_for_a_day(filled: RepositoryBuilder):
    repository = filled.repository
    orphan = filled.save_pack(b"", []).hex()
    first = run(repository)
    assert (first.orphans_waiting, first.orphans_removed) == (1, 0)
    assert first.orphans_waiting_bytes > 0
    early = run(repository, now=NOON + timedelta(hours=23))
    assert (early.orphans_waiting, early.freed_bytes) == (1, 0)
    assert orphan in repository.files(FileKind.PACK)
    last = run(repository, now=NOON + timedelta(hours=24))
    assert (last.orphans_waiting, last.orphans_removed) == (0, 1)
    assert last.freed_bytes == first.orphans_waiting_bytes
    assert orphan not in repository.files(FileKind.PACK)
    assert not [name for name in contents(repository) if name.startswith("lpse/")]


# -- what stops it -------------------------------------------------------------------------------


def remove_one(repository: Repository, name: str) -> None:
    repository.backend.remove(name)


def cut_one(repository: Repository, name: str) -> None:
    repository.backend.save(name, repository.backend.load(name)[:-1])


def flip_one(repository: Repository, name: str) -> None:
    content = bytearray(repository.backend.load(name))
    content[20] ^= 1
    repository.backend.save(name, content)


def first_of(kind: FileKind) -> Callable[[Repository], str]:
    return lambda repository: file_name(kind, repository.files(kind)[0])


@pytest.mark.parametrize(
    ("choose", "hurt", "message"),
    [
        (lambda r: newest_pack(r, BlobType.DATA), remove_one, "is missing, and snapshots need"),
        (lambda r: newest_pack(r, BlobType.DATA), cut_one, "bytes instead of"),
        (lambda r: newest_pack(r, BlobType.DATA), flip_one, "its MAC does not match"),
        (lambda r: newest_pack(r, BlobType.TREE), remove_one, "is not in the repository"),
        (lambda r: newest_pack(r, BlobType.TREE), flip_one, "its MAC does not match"),
        (newest_index, flip_one, "index .* is damaged"),
        (newest_index, remove_one, "is in no pack of the repository"),
        (first_of(FileKind.SNAPSHOT), flip_one, "snapshot .* is damaged"),
    ],
)
def test_what_is_damaged_stops_it_before_anything_is_deleted(
    filled: RepositoryBuilder,
    choose: Callable[[Repository], str],
    hurt: Callable[[Repository, str], None],
    message: str,
):
    repository = filled.repository
    forget(repository, 0)
    hurt(repository, choose(repository))
    before = contents(repository)
    with pytest.raises(OpsError, match=message):
        run(repository)
    after = contents(repository)
    assert before.items() <= after.items()


def test_a_lost_lock_stops_it_at_once(filled: RepositoryBuilder):
    repository = filled.repository
    forget(repository, 0, 2)
    before = contents(repository)
    left = 3

    def guard() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise RepositoryLocked("the lock was lost", hint="run it again")

    repository.before_write = guard
    with pytest.raises(RepositoryLocked):
        run(repository)
    assert before.items() <= contents(repository).items()


# -- every instant -------------------------------------------------------------------------------


class Watched(MemoryBackend):
    """Tells somebody after each change."""

    def __init__(self, inner: MemoryBackend, changed: Callable[[], None]) -> None:
        self.contents = inner.contents
        self._changed = changed

    def save(self, name: str, content: bytes | bytearray | memoryview) -> None:
        super().save(name, content)
        self._changed()

    def remove(self, name: str) -> None:
        super().remove(name)
        self._changed()


def test_at_every_instant_all_that_snapshots_need_is_there(filled: RepositoryBuilder):
    repository = filled.repository
    backend = repository.backend
    assert isinstance(backend, MemoryBackend)
    forget(repository, 0, 2)
    filled.save_pack(b"", [])
    before = read_all(repository)
    instants = 0

    def look() -> None:
        nonlocal instants
        instants += 1
        now = Repository(backend_of(backend.contents), repository.keys, repository.config)
        assert find_errors(now) == []
        assert read_all(now) == before

    run(Repository(Watched(backend, look), repository.keys, repository.config))
    assert instants >= 8  # record, two packs, index, two indexes gone, packs gone


@pytest.mark.parametrize("fault", [Fault.STOP_BEFORE, Fault.STOP_AFTER])
def test_a_prune_that_is_stopped_anywhere_is_finished_by_the_next(
    filled: RepositoryBuilder, fault: Fault
):
    repository = filled.repository
    forget(repository, 0, 2)
    state, before = contents(repository), read_all(repository)
    counting = FaultBackend(backend_of(state))
    blobs = run(over(repository, counting)).used.blobs
    for number in range(len(counting.operations)):
        inner = backend_of(state)
        with pytest.raises(Stopped):
            run(over(repository, FaultBackend(inner, fault_at(number, fault))))
        again = Repository(inner, repository.keys, repository.config)
        run(again)
        run(again, now=NOON + timedelta(days=2))  # orphans of the first
        assert read_all(again) == before
        assert len(again.load_index()) == blobs
        assert {each.hex() for each in again.load_index().pack_ids} == set(
            again.files(FileKind.PACK)
        )


def failing(operation: str, prefix: str, fault: Fault) -> Plan:
    return lambda _, kind, name: fault if kind == operation and name.startswith(prefix) else None


@pytest.mark.parametrize(
    ("operation", "prefix"), [("save", "data/"), ("save", "index/"), ("remove", "index/")]
)
def test_storage_that_only_pretends_is_found_out_before_a_pack_goes(
    filled: RepositoryBuilder, operation: str, prefix: str
):
    repository = filled.repository
    forget(repository, 0, 2)
    packs, before = repository.files(FileKind.PACK), read_all(repository)
    lying = FaultBackend(repository.backend, failing(operation, prefix, Fault.LOST))
    with pytest.raises(StorageError):
        run(over(repository, lying))
    assert set(packs) <= set(repository.files(FileKind.PACK))
    assert read_all(repository) == before


def test_packs_that_cannot_be_deleted_are_named_and_go_later(filled: RepositoryBuilder):
    repository = filled.repository
    forget(repository, 0, 2)
    before = read_all(repository)
    stuck = FaultBackend(repository.backend, failing("remove", "data/", Fault.EIO))
    report = run(over(repository, stuck))
    assert len(report.not_removed) == report.packs_removed + report.packs_repacked > 0
    assert set(report.not_removed) <= set(repository.files(FileKind.PACK))
    run(repository)
    run(repository, now=NOON + timedelta(days=1))
    assert not set(report.not_removed) & set(repository.files(FileKind.PACK))
    assert read_all(repository) == before


def test_a_full_disk_stops_the_rewriting_and_harms_nothing(filled: RepositoryBuilder):
    repository = filled.repository
    forget(repository, 0, 2)
    before = contents(repository)
    full = FaultBackend(repository.backend, failing("save", "", Fault.ERROR))
    with pytest.raises(StorageError):
        run(over(repository, full))
    assert contents(repository) == before


class FullDisk(MemoryBackend):
    """Holds so many bytes and no more."""

    def __init__(self, contents: dict[str, bytes], free: int) -> None:
        super().__init__()
        self.contents = dict(contents)
        self.size = self.used() + free

    def used(self) -> int:
        return sum(map(len, self.contents.values()))

    def save(self, name: str, content: Buffer) -> None:
        if self.used() + len(content) > self.size:
            full = OSError(errno.ENOSPC, "No space left on device")
            raise StorageError(f"cannot use {name}: {full.strerror}", hint="free some") from full
        super().save(name, content)


@pytest.mark.parametrize("free", [0, 2000, 3500])
def test_on_a_full_disk_the_hint_gives_room(filled: RepositoryBuilder, free: int):
    repository = filled.repository
    filled.blob(b"whole packs that nobody needs" + noise(9, 9) * 20)
    filled.save()
    forget(repository, 0, 2)
    before = read_all(repository)
    assert isinstance(repository.backend, MemoryBackend)
    disk = FullDisk(repository.backend.contents, free)
    cramped = Repository(disk, repository.keys, repository.config)
    packs = cramped.files(FileKind.PACK)
    used = disk.used()
    with pytest.raises(StorageError, match="No space left") as refused:
        run(cramped)
    assert "lpse-ops backup prune --max-repack-size 0" in refused.value.hint
    assert read_all(cramped) == before
    if free < 3500:
        # The new packs did not take what was left; an index may have been begun later.
        assert (cramped.files(FileKind.PACK), disk.used()) == (packs, used)
    # A real disk has a block or two left for the index that takes the place of the old ones.
    disk.size += 1500
    run(cramped, PruneOptions(max_repack_bytes=0))
    run(cramped)
    assert read_all(cramped) == before
    assert disk.used() < used


def test_a_repository_of_format_1_is_refused(filled: RepositoryBuilder):
    repository = filled.repository
    config = repository.config
    old = Repository(
        repository.backend, repository.keys, type(config)(config.id, config.polynomial, 1)
    )
    with pytest.raises(RepositoryError, match="format 1"):
        run(old)


def test_spare_copies_are_given_up_only_for_one_that_reads(builder: RepositoryBuilder):
    """The pack that would be kept is damaged, and the copy that would go is the last good one."""
    repository = builder.repository
    builder.snapshot(builder.tree(builder.file(b"f", noise(1, 1), noise(2, 2))))
    builder.blob(noise(1, 1))
    builder.blob(b"needed by nobody")
    builder.save()
    before = read_all(repository)
    for pack_id, entries in list(repository.index_packs()):
        if {each.id for each in entries} >= {
            hashlib.sha256(noise(1, 1)).digest(),
            hashlib.sha256(noise(2, 2)).digest(),
        }:
            flip_one(repository, file_name(FileKind.PACK, pack_id.hex()))
    assert run(repository).duplicate.blobs == 1
    assert read_all(repository) == before
    assert find_errors(repository) == []


def test_a_pack_that_turns_out_bad_gives_up_its_own_spare_copies(builder: RepositoryBuilder):
    """What the first pack lost is in the second only, and what that one lost in the third."""
    repository = builder.repository
    # So large that neither pack is repacked for being small.
    large = [hashlib.shake_256(bytes([number])).digest(900_000) for number in range(2)]
    blobs = [noise(1, 1), noise(2, 2), *large]
    packs: dict[bytes, list[PackEntry]] = {}
    for numbers in ((0, 2), (1, 0, 3), (1,)):
        for number in numbers:
            builder.blob(blobs[number])
        builder.save()
        packs = packs | dict(repository.index_packs())
    # One index file: the names of several would say by chance which copies are the spare ones.
    for index_id in repository.files(FileKind.INDEX):
        repository.remove(FileKind.INDEX, index_id)
    repository.save_index(packs.items())
    builder.snapshot(builder.tree(*(node_of(each) for each in blobs)))
    before = read_all(repository)
    for pack_id in list(packs)[:2]:
        flip_one(repository, file_name(FileKind.PACK, pack_id.hex()))
    assert read_all(repository) == before
    assert run(repository, PruneOptions()).duplicate.blobs == 2
    assert read_all(repository) == before
    assert find_errors(repository) == []


def node_of(content: bytes) -> Node:
    blob_id = hashlib.sha256(content).digest()
    return file_node(blob_id.hex().encode(), [blob_id], size=len(content))
