"""An index that says again what the packs hold, whatever happened to it."""

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from lpse_ops.backup.crypto import OVERHEAD
from lpse_ops.backup.pack import BlobType, PackEntry, encode_entry, encode_header_length
from lpse_ops.backup.repairindex import (
    IndexFacts,
    Listed,
    drop_packs,
    pack_sizes,
    plan_reads,
    read_header,
    repair_index,
)
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.storage.fault import Fault, FaultBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import DamagedRepository, StorageError
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.damage import (
    contents,
    copy_tree,
    cut,
    flip,
    names,
    pack_name,
    packs_of,
    restic_passes,
)
from tests.backup.repositories import RepositoryBuilder, dir_node, make_repository
from tests.backup.storing import open_cheap, store
from tests.backup.test_check import check, messages
from tests.restic_binaries import Restic


@pytest.fixture
def backend() -> MemoryBackend:
    return MemoryBackend()


@pytest.fixture
def repository(backend: MemoryBackend) -> Repository:
    """Three snapshots: three index files, each with a pack of data and one of trees."""
    builder = RepositoryBuilder(make_repository(backend))
    for number in range(3):
        files = [builder.file(b"%d-%d" % (number, each), os.urandom(900)) for each in range(4)]
        builder.snapshot(builder.tree(dir_node(b"docs", builder.tree(*files))))
    return builder.repository


def remove_all_index_files(repository: Repository) -> None:
    for name in names(repository.backend, FileKind.INDEX):
        repository.backend.remove(name)


def damage_all_index_files(repository: Repository) -> None:
    for number, name in enumerate(names(repository.backend, FileKind.INDEX)):
        flip(repository.backend, name, (20, -1, 0)[number % 3])


def damage_one_index_file(repository: Repository) -> None:
    cut(repository.backend, names(repository.backend, FileKind.INDEX)[1], 30)


def empty_one_index_file(repository: Repository) -> None:
    cut(repository.backend, names(repository.backend, FileKind.INDEX)[1], 0)


def list_twice(repository: Repository) -> None:
    repository.save_index(list(repository.index_packs())[:3])


def split_a_pack(repository: Repository) -> None:
    packs = list(repository.index_packs())
    remove_all_index_files(repository)
    pack_id, entries = max(packs, key=lambda pack: len(pack[1]))
    repository.save_index([(pack_id, entries[:1]), *(each for each in packs if each[0] != pack_id)])
    repository.save_index([(pack_id, entries[1:])])


def list_lies(repository: Repository) -> None:
    """A pack with another blob than it holds, and one with a gap."""
    packs = list(repository.index_packs())
    remove_all_index_files(repository)
    (first_id, first), (second_id, second), *others = packs
    first = [entry._replace(length=entry.length + 1) for entry in first]
    second = [entry._replace(offset=entry.offset + 7) for entry in second]
    repository.save_index([(first_id, first), (second_id, second), *others])


def list_what_is_gone(repository: Repository) -> None:
    entry = PackEntry(BlobType.DATA, b"\7" * 32, 0, 50, 0)
    repository.save_index([(b"\1" * 32, [entry])])


def save_empty_index(repository: Repository) -> None:
    repository.save_index([])


BREAKS = [
    remove_all_index_files,
    damage_all_index_files,
    damage_one_index_file,
    empty_one_index_file,
    list_twice,
    split_a_pack,
    list_lies,
    list_what_is_gone,
    save_empty_index,
]


@pytest.mark.parametrize("break_it", BREAKS)
@pytest.mark.parametrize("read_all", [False, True])
def test_every_kind_of_damage_is_repaired(
    repository: Repository, break_it: Callable[[Repository], None], *, read_all: bool
):
    before = contents(repository)
    break_it(repository)
    report = repair_index(repository, read_all_packs=read_all)
    assert report.is_changed
    assert messages(check(repository)) == ""
    assert contents(repository) == before
    again = repair_index(repository, read_all_packs=read_all)
    assert not again.is_changed
    assert again.saved == again.removed == []


@pytest.mark.parametrize("break_it", BREAKS)
def test_a_dry_run_changes_nothing_and_foretells(
    repository: Repository, backend: MemoryBackend, break_it: Callable[[Repository], None]
):
    break_it(repository)
    before = dict(backend.contents)
    foretold = repair_index(repository, dry_run=True)
    assert backend.contents == before
    report = repair_index(repository)
    assert (foretold.unlisted, foretold.relisted, foretold.missing, foretold.removed) == (
        report.unlisted,
        report.relisted,
        report.missing,
        report.removed,
    )


def test_a_good_index_stays_as_it_is(repository: Repository, backend: MemoryBackend):
    before = dict(backend.contents)
    for read_all in (False, True):
        assert not repair_index(repository, read_all_packs=read_all).is_changed
    assert backend.contents == before


def test_only_files_that_are_wrong_are_replaced(repository: Repository):
    good = set(repository.files(FileKind.INDEX))
    list_what_is_gone(repository)
    report = repair_index(repository)
    assert set(repository.files(FileKind.INDEX)) == good
    assert report.missing == [b"\1" * 32]


def test_the_report_says_what_was_wrong(repository: Repository):
    first, second, third = packs_of(repository, BlobType.DATA)
    repository.backend.remove(pack_name(first))
    others = [each for each in repository.index_packs() if each[0] not in (first, second, third)]
    everything = dict(repository.index_packs())
    remove_all_index_files(repository)
    shortened = everything[third][:-1]
    repository.save_index([(first, everything[first]), (third, shortened), *others[1:]])
    report = repair_index(repository)
    assert report.missing == [first]
    assert report.relisted == [third]
    assert set(report.unlisted) == {second, others[0][0]}
    assert len(report.saved) == len(report.removed) == 1
    del everything[first]
    assert dict(repository.index_packs()) == everything


def test_new_index_files_are_stored_before_old_ones_go(repository: Repository):
    list_lies(repository)
    watched = FaultBackend(repository.backend)
    repair_index(Repository(watched, repository.keys, repository.config))
    assert [operation for operation, _ in watched.operations] == ["save", "remove"]


# -- damaged packs -------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [0.5, 0.9, 0.999])
def test_a_cut_pack_stays_listed_as_far_as_it_is_there(repository: Repository, left: float):
    """Only the index knows where its blobs lie: without it nothing could be saved of it."""
    pack_id = packs_of(repository, BlobType.DATA)[0]
    entries = dict(repository.index_packs())[pack_id]
    size = int(pack_sizes(repository)[pack_id] * left)
    cut(repository.backend, pack_name(pack_id), size)
    report = repair_index(repository)
    assert list(report.unreadable) == [pack_id]
    inside = [each for each in entries if each.offset + each.length <= size]
    assert inside
    assert dict(repository.index_packs())[pack_id] == inside


def test_a_pack_cut_to_nothing_is_listed_no_more(repository: Repository):
    pack_id = packs_of(repository, BlobType.DATA)[0]
    cut(repository.backend, pack_name(pack_id), 0)
    report = repair_index(repository)
    assert list(report.unreadable) == [pack_id]
    assert pack_id not in dict(repository.index_packs())


def test_a_damaged_header_leaves_the_index_in_charge(repository: Repository):
    before = contents(repository)
    flip(repository.backend, pack_name(packs_of(repository, BlobType.DATA)[0]), -10)
    report = repair_index(repository, read_all_packs=True)
    assert len(report.unreadable) == 1
    assert contents(repository) == before


def test_a_foreign_file_among_the_packs_is_passed_over(repository: Repository):
    name = file_name(FileKind.PACK, "ab" * 32)
    repository.backend.save(name, os.urandom(5000))
    report = repair_index(repository)
    assert list(report.unreadable) == [b"\xab" * 32]
    assert b"\xab" * 32 not in dict(repository.index_packs())
    assert repository.backend.exists(name)


@pytest.mark.parametrize("size", [0, 3, 4, 36, 100])
@pytest.mark.parametrize("length", [0, 1, OVERHEAD, OVERHEAD + 1, 1 << 24, 0xFFFFFFFF])
def test_impossible_header_lengths_are_damage(repository: Repository, size: int, length: int):
    content = os.urandom(size)[:-4] + length.to_bytes(4, "little")
    repository.backend.save(file_name(FileKind.PACK, "cd" * 32), content)
    with pytest.raises(DamagedRepository):
        read_header(repository, b"\xcd" * 32, len(content))


def test_headers_that_promise_too_much_are_damage(repository: Repository):
    for entries in (
        [PackEntry(BlobType.DATA, b"\1" * 32, 0, 1 << 29, 1 << 30)] * 3,
        [PackEntry(BlobType.TREE, b"\1" * 32, 0, 40, 0xFFFFFFFF)],
        [PackEntry(BlobType.DATA, b"\1" * 32, 0, 31, 0)],
    ):
        header = repository.crypter.seal(b"".join(map(encode_entry, entries)))
        pack = bytes(40) + header + encode_header_length(len(header))
        repository.backend.save(file_name(FileKind.PACK, "cd" * 32), pack)
        with pytest.raises(DamagedRepository):
            read_header(repository, b"\xcd" * 32, len(pack))


def test_the_header_of_a_large_pack_is_read_without_the_pack(tmp_path: Path):
    repository = open_cheap(init_cheaply(tmp_path / "repo"))
    entries = [PackEntry(BlobType.DATA, os.urandom(32), 0, 50_000, 0) for _ in range(2000)]
    header = repository.crypter.seal(b"".join(map(encode_entry, entries)))
    path = tmp_path / "repo" / "data" / "ef" / ("ef" * 32)
    path.parent.mkdir()
    with path.open("wb") as file:  # a hole: the disk holds only the end of it
        file.seek(2000 * 50_000)
        file.write(header + encode_header_length(len(header)))
    tracemalloc.start()
    found = read_header(repository, b"\xef" * 32, path.stat().st_size)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [each.id for each in found] == [each.id for each in entries]
    assert peak < 3_000_000


# -- parts ---------------------------------------------------------------------------------------


def listed(number: int, size: int, header: bytes = b"h") -> Listed:
    return Listed(bytes([number]), size, header)


@pytest.mark.parametrize(
    ("files", "sizes", "reads"),
    [
        ({"a": (listed(1, 10),)}, {1: 10}, set()),
        ({"a": (listed(1, 10),)}, {1: 11}, {1}),
        ({"a": (listed(1, 10),)}, {}, set()),
        ({}, {1: 10}, {1}),
        ({"a": (listed(1, 10),), "b": (listed(1, 10),)}, {1: 10}, set()),
        ({"a": (listed(1, 10),), "b": (listed(1, 10, b"x"),)}, {1: 10}, {1}),
        ({"a": (listed(1, 10),), "b": (listed(1, 7),)}, {1: 10}, {1}),
    ],
)
def test_only_packs_in_doubt_are_read(files, sizes, reads):
    facts = IndexFacts(files, {})
    found = plan_reads(facts, {bytes([number]): size for number, size in sizes.items()})
    assert found == {bytes([number]) for number in reads}


def test_dropping_packs_rewrites_only_the_files_that_list_them(repository: Repository):
    before = dict(repository.index_packs())
    files = set(repository.files(FileKind.INDEX))
    pack_id = packs_of(repository, BlobType.DATA)[1]
    drop_packs(repository, {pack_id})
    after = dict(repository.index_packs())
    assert after == {key: value for key, value in before.items() if key != pack_id}
    assert len(files & set(repository.files(FileKind.INDEX))) == 2


# -- against restic ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = init_cheaply(tmp_path_factory.mktemp("stored") / "repo")
    docs = root.parent / "docs"
    docs.mkdir()
    for number in range(3):
        for each in range(20):
            (docs / f"{number}-{each}.pdf").write_bytes(os.urandom(20_000))
        store(root, docs)
    return root


@pytest.mark.parametrize("break_it", BREAKS)
def test_restic_finds_nothing_wrong_afterwards(
    stored: Path, tmp_path: Path, restic: Restic, break_it: Callable[[Repository], None]
):
    root = copy_tree(stored, tmp_path / "repo")
    repository = open_cheap(root)
    break_it(repository)
    repair_index(repository)
    assert restic_passes(restic, root, PASSWORD)


# restic does not look at offsets, and leaves a listing with gaps as it is.
@pytest.mark.parametrize("break_it", [each for each in BREAKS if each is not list_lies])
def test_restic_repairs_the_same(
    stored: Path, tmp_path: Path, restic_new: Restic, break_it: Callable[[Repository], None]
):
    ours, theirs = copy_tree(stored, tmp_path / "ours"), copy_tree(stored, tmp_path / "theirs")
    break_it(open_cheap(ours))
    break_it(open_cheap(theirs))
    repair_index(open_cheap(ours))
    restic_new.run("repair", "index", repo=theirs, password=PASSWORD)
    by_ours = dict(open_cheap(ours).index_packs())
    by_theirs = dict(open_cheap(theirs).index_packs())
    assert {key: set(value) for key, value in by_ours.items()} == {
        key: set(value) for key, value in by_theirs.items()
    }


@pytest.mark.parametrize("number", range(3))
def test_an_index_file_that_the_disk_does_not_give_is_not_taken_for_damaged(
    repository: Repository, backend: MemoryBackend, number: int
):
    """Only the index knows what is in a pack whose header is damaged."""
    for pack_id in packs_of(repository, BlobType.DATA):
        flip(backend, pack_name(pack_id), -20)
    before = dict(backend.contents)
    failing = names(backend, FileKind.INDEX)[number]
    faulty = FaultBackend(backend, looks=lambda _, __, name: Fault.EIO if name == failing else None)
    with pytest.raises(StorageError, match="input/output error"):
        repair_index(Repository(faulty, repository.keys, repository.config))
    assert backend.contents == before
