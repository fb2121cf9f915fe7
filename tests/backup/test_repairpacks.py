"""What is saved out of damaged packs, and that nothing else is lost."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.repairindex import pack_sizes, repair_index
from lpse_ops.backup.repairpacks import (
    choose_packs,
    find_damaged,
    keep_file,
    list_packs,
    salvage_packs,
)
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.storage.fault import Fault, FaultBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import DamagedRepository, OpsError, RepositoryError, StorageError
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.damage import (
    contents,
    copy_of,
    copy_tree,
    cut,
    flip,
    names,
    pack_name,
    packs_of,
    restic_passes,
)
from tests.backup.repositories import RepositoryBuilder, make_repository
from tests.backup.storing import open_cheap, store
from tests.backup.test_check import check, messages
from tests.restic_binaries import Restic


@pytest.fixture
def repository() -> Repository:
    """Two snapshots of 8 files each, all of them of two blobs."""
    builder = RepositoryBuilder(make_repository(MemoryBackend()))
    for number in range(2):
        pieces = [(os.urandom(600), bytes([number, each]) * 300) for each in range(8)]
        files = [builder.file(b"f%d" % each, *pieces[each]) for each in range(8)]
        builder.snapshot(builder.tree(*files))
    return builder.repository


def flip_a_blob(repository: Repository, pack_id: bytes) -> None:
    """In the middle of the third blob."""
    entry = sorted(dict(repository.index_packs())[pack_id], key=lambda each: each.offset)[2]
    flip(repository.backend, pack_name(pack_id), entry.offset + entry.length // 2)


def flip_the_header(repository: Repository, pack_id: bytes) -> None:
    flip(repository.backend, pack_name(pack_id), -20)


def flip_the_length(repository: Repository, pack_id: bytes) -> None:
    flip(repository.backend, pack_name(pack_id), -1)


def cut_the_end(repository: Repository, pack_id: bytes) -> None:
    cut(repository.backend, pack_name(pack_id), pack_sizes(repository)[pack_id] * 2 // 3)


def cut_to_nothing(repository: Repository, pack_id: bytes) -> None:
    cut(repository.backend, pack_name(pack_id), 0)


def append_a_byte(repository: Repository, pack_id: bytes) -> None:
    name = pack_name(pack_id)
    repository.backend.save(name, repository.backend.load(name) + b"x")


BREAKS = {
    flip_a_blob: "one",
    flip_the_header: "none",
    flip_the_length: "none",
    cut_the_end: "some",
    cut_to_nothing: "all",
    append_a_byte: "none",
}


@pytest.mark.parametrize("break_it", BREAKS)
@pytest.mark.parametrize("blob_type", BlobType)
def test_what_still_opens_is_saved(
    repository: Repository,
    tmp_path: Path,
    break_it: Callable[[Repository, bytes], None],
    blob_type: BlobType,
):
    pack_id = packs_of(repository, blob_type)[0]
    if blob_type is BlobType.TREE and break_it is flip_a_blob:
        flip(repository.backend, pack_name(pack_id), 30)
    else:
        break_it(repository, pack_id)
    entries = dict(repository.index_packs())[pack_id]
    broken = repository.backend.load(pack_name(pack_id))
    assert list(find_damaged(repository)) == [pack_id]
    (repair,) = salvage_packs(repository, [pack_id], tmp_path)
    assert repair.salvaged + len(repair.lost) == len(entries)
    if blob_type is BlobType.DATA:
        lost = {"none": 0, "one": 1, "all": len(entries)}.get(BREAKS[break_it])
        assert len(repair.lost) == lost or (lost is None and 0 < len(repair.lost) < len(entries))
    assert repair.copy == tmp_path / f"pack-{pack_id.hex()}"
    assert repair.copy.read_bytes() == broken
    assert not repository.backend.exists(pack_name(pack_id))
    assert find_damaged(repository) == {}
    index = repository.load_index()
    for entry in entries:
        if (entry.type, entry.id) in repair.lost:
            assert not index.has(entry.type, entry.id)
        else:
            repository.load_blob(index, entry.type, entry.id)


def test_packs_that_are_whole_are_not_damaged(repository: Repository):
    assert find_damaged(repository) == {}


def test_a_whole_pack_named_by_hand_loses_nothing(repository: Repository, tmp_path: Path):
    before = contents(repository)
    (repair,) = salvage_packs(repository, packs_of(repository, BlobType.DATA)[:1], tmp_path)
    assert repair.lost == []
    assert contents(repository) == before
    assert messages(check(repository)) == ""


def test_no_packs_change_nothing(repository: Repository, tmp_path: Path):
    watched = FaultBackend(repository.backend)
    assert (
        salvage_packs(Repository(watched, repository.keys, repository.config), [], tmp_path) == []
    )
    assert watched.operations == []


def test_packs_that_are_not_there_stay_listed(repository: Repository, tmp_path: Path):
    """Nothing was saved out of them: it is for repair index to say that they are gone."""
    pack_id = packs_of(repository, BlobType.DATA)[0]
    repository.backend.remove(pack_name(pack_id))
    assert salvage_packs(repository, [pack_id], tmp_path) == []
    assert pack_id in dict(repository.index_packs())


def test_new_packs_then_the_index_then_the_damaged_pack(repository: Repository, tmp_path: Path):
    pack_id = packs_of(repository, BlobType.DATA)[0]
    flip_a_blob(repository, pack_id)
    watched = FaultBackend(repository.backend)
    salvage_packs(Repository(watched, repository.keys, repository.config), [pack_id], tmp_path)
    steps = [(operation, name.partition("/")[0]) for operation, name in watched.operations]
    assert steps == [
        ("save", "data"),
        ("save", "index"),  # of what was saved
        ("save", "index"),  # of what else the old index lists
        ("remove", "index"),
        ("remove", "data"),
    ]


def test_a_blob_that_lies_elsewhere_is_not_lost(repository: Repository, tmp_path: Path):
    first, second = packs_of(repository, BlobType.DATA)
    salvage_packs(repository, [first], tmp_path)
    # The same blobs once more, in a pack that is then damaged at each of them.
    builder = RepositoryBuilder(repository)
    index = repository.load_index()
    entries = dict(repository.index_packs())[second]
    for entry in entries:
        builder.blob(repository.load_blob(index, entry.type, entry.id))
    builder.blob(b"and one of its own" * 50)
    builder.save()
    (copy,) = {each for each, _ in repository.index_packs()} - {each for each, _ in index.packs()}
    for entry in dict(repository.index_packs())[copy]:
        flip(repository.backend, pack_name(copy), entry.offset + 20)
    (repair,) = salvage_packs(repository, [copy], tmp_path)
    assert (repair.salvaged, len(repair.lost)) == (0, 1)


def test_header_and_index_are_both_asked(repository: Repository, tmp_path: Path):
    """An index that lies does not keep from being saved what the header says rightly."""
    packs = dict(repository.index_packs())
    pack_id = packs_of(repository, BlobType.DATA)[0]
    before = contents(repository)
    for name in names(repository.backend, FileKind.INDEX):
        repository.backend.remove(name)
    wrong = [entry._replace(offset=entry.offset + 1) for entry in packs[pack_id]]
    repository.save_index(
        [(pack_id, wrong), *(each for each in packs.items() if each[1] != packs[pack_id])]
    )
    assert list(find_damaged(repository)) == [pack_id]
    salvage_packs(repository, [pack_id], tmp_path)
    assert contents(repository) == before


def test_a_bomb_in_a_pack_is_lost_and_nothing_else(repository: Repository, tmp_path: Path):
    """A small blob that claims to become large, under a valid seal."""
    compress = repository.compressor.compress
    sealed = [
        repository.crypter.seal(compress(bytes(200_000_000))),
        repository.crypter.seal(compress(b"good" * 100)),
    ]
    good = hashlib.sha256(b"good" * 100).digest()
    entries = [
        PackEntry(BlobType.DATA, b"\7" * 32, 0, len(sealed[0]), 100),
        PackEntry(BlobType.DATA, good, len(sealed[0]), len(sealed[1]), 400),
    ]
    pack_id = RepositoryBuilder(repository).save_pack(b"".join(sealed), entries)
    repository.save_index([(pack_id, entries)])
    assert list(find_damaged(repository)) == [pack_id]
    (repair,) = salvage_packs(repository, [pack_id], tmp_path)
    assert (repair.salvaged, repair.lost) == (1, [(BlobType.DATA, b"\7" * 32)])


def test_two_copies_damaged_at_different_places_make_a_whole_one(
    repository: Repository, tmp_path: Path
):
    before = contents(repository)
    assert isinstance(repository.backend, MemoryBackend)
    second = Repository(copy_of(repository.backend), repository.keys, repository.config)
    pack_id = packs_of(repository, BlobType.DATA)[0]
    entries = dict(repository.index_packs())[pack_id]
    for number, copy in enumerate((repository, second)):
        flip(copy.backend, pack_name(pack_id), entries[number].offset + 20)
    flip_the_header(second, pack_id)
    (repair,) = salvage_packs(repository, [pack_id], tmp_path, second=second)
    assert (repair.salvaged, repair.lost) == (len(entries), [])
    assert contents(repository) == before
    assert messages(check(repository)) == ""


def test_a_second_copy_without_the_pack_does_no_harm(repository: Repository, tmp_path: Path):
    pack_id = packs_of(repository, BlobType.DATA)[0]
    flip_a_blob(repository, pack_id)
    second = Repository(MemoryBackend(), repository.keys, repository.config)
    (repair,) = salvage_packs(repository, [pack_id], tmp_path, second=second)
    assert len(repair.lost) == 1


class BadSectors(MemoryBackend):
    """Cannot read some bytes of one file, as a failing disk."""

    def __init__(self, contents: dict[str, bytes], name: str, position: int) -> None:
        super().__init__()
        self.contents = dict(contents)
        self._name = name
        self._position = position

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        content = super().load(name, offset, length)
        if name == self._name and offset <= self._position < offset + len(content):
            raise StorageError(f"cannot use {name}: Input/output error", hint="see dmesg")
        return content


def test_around_bad_sectors_all_is_saved_and_the_pack_stays(repository: Repository, tmp_path: Path):
    pack_id = packs_of(repository, BlobType.DATA)[0]
    entries = dict(repository.index_packs())[pack_id]
    assert isinstance(repository.backend, MemoryBackend)
    failing = BadSectors(repository.backend.contents, pack_name(pack_id), entries[3].offset + 5)
    sick = Repository(failing, repository.keys, repository.config)
    assert list(find_damaged(sick)) == [pack_id]
    (repair,) = salvage_packs(sick, [pack_id], tmp_path)
    assert repair.lost == [(BlobType.DATA, entries[3].id)]
    assert repair.copy is None
    # Not one byte that could not be copied is deleted; but nobody looks there any more.
    assert failing.exists(pack_name(pack_id))
    assert pack_id not in dict(sick.index_packs())


def test_without_room_for_the_copy_nothing_is_touched(repository: Repository, tmp_path: Path):
    pack_id = packs_of(repository, BlobType.DATA)[0]
    flip_a_blob(repository, pack_id)
    (tmp_path / "file").touch()
    watched = FaultBackend(repository.backend)
    with pytest.raises(OpsError) as failed:
        salvage_packs(
            Repository(watched, repository.keys, repository.config), [pack_id], tmp_path / "file"
        )
    assert "--keep-damaged" in failed.value.hint
    assert watched.operations == []


def test_a_damaged_index_is_repaired_first(repository: Repository, tmp_path: Path):
    packs = packs_of(repository, BlobType.DATA)
    flip(repository.backend, names(repository.backend, FileKind.INDEX)[0], 40)
    watched = FaultBackend(repository.backend)
    sick = Repository(watched, repository.keys, repository.config)
    for act in (
        lambda: find_damaged(sick),
        lambda: list_packs(sick),
        lambda: salvage_packs(sick, packs, tmp_path),
    ):
        with pytest.raises(DamagedRepository) as failed:
            act()
        assert "repair index" in failed.value.hint
    assert watched.operations == []


def test_packs_are_named_by_their_first_digits(repository: Repository):
    ids = repository.files(FileKind.PACK)
    assert choose_packs(repository, [ids[0][:12].upper(), ids[1]]) == [
        bytes.fromhex(ids[0]),
        bytes.fromhex(ids[1]),
    ]
    for prefix in ("", "xyz", "0" * 64):
        with pytest.raises(RepositoryError, match="no packs begin with"):
            choose_packs(repository, [prefix])


def test_a_kept_file_is_for_its_owner_alone(tmp_path: Path):
    path = keep_file(tmp_path / "a" / "b", [b"x", b"y"])
    assert path.read_bytes() == b"xy"
    assert path.stat().st_mode & 0o777 == 0o600


# -- against restic ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = init_cheaply(tmp_path_factory.mktemp("stored") / "repo")
    docs = root.parent / "docs"
    docs.mkdir()
    for each in range(20):
        (docs / f"{each}.pdf").write_bytes(os.urandom(20_000))
    store(root, docs)
    return root


@pytest.mark.parametrize("break_it", BREAKS)
def test_restic_finds_only_what_is_lost(
    stored: Path,
    tmp_path: Path,
    restic: Restic,
    break_it: Callable[[Repository, bytes], None],
):
    root = copy_tree(stored, tmp_path / "repo")
    repository = open_cheap(root)
    pack_id = packs_of(repository, BlobType.DATA)[0]
    break_it(repository, pack_id)
    (repair,) = salvage_packs(repository, [pack_id], tmp_path / "kept")
    assert restic_passes(restic, root, PASSWORD) == (not repair.lost)
    for name in names(repository.backend, FileKind.SNAPSHOT):
        repository.backend.remove(name)
    assert restic_passes(restic, root, PASSWORD)


@pytest.mark.parametrize("break_it", [flip_a_blob, flip_the_header, cut_the_end, append_a_byte])
def test_we_save_at_least_what_restic_saves(
    stored: Path,
    tmp_path: Path,
    restic_new: Restic,
    break_it: Callable[[Repository, bytes], None],
):
    ours, theirs = copy_tree(stored, tmp_path / "ours"), copy_tree(stored, tmp_path / "theirs")
    pack_id = packs_of(open_cheap(stored), BlobType.DATA)[0]
    for root in (ours, theirs):
        break_it(open_cheap(root), pack_id)
    salvage_packs(open_cheap(ours), [pack_id], tmp_path / "kept")
    done = restic_new.run(
        "repair", "packs", pack_id.hex(), repo=theirs, password=PASSWORD, cwd=tmp_path
    )
    assert b"removing" in done.stdout
    saved = [
        {entry.id for _, entries in open_cheap(root).index_packs() for entry in entries}
        for root in (ours, theirs)
    ]
    assert saved[0] == saved[1]
    shutil.rmtree(theirs)


def test_the_index_first_and_the_packs_then_loses_no_more(
    stored: Path, tmp_path: Path, restic_new: Restic
):
    """restic's repair index forgets a cut pack, so that its repair packs finds nothing in it."""
    root = copy_tree(stored, tmp_path / "repo")
    repository = open_cheap(root)
    pack_id = packs_of(repository, BlobType.DATA)[0]
    cut_the_end(repository, pack_id)
    repair_index(repository)
    (repair,) = salvage_packs(repository, [pack_id], tmp_path / "kept")
    assert repair.salvaged >= 12
    done = restic_new.run("check", "--read-data", repo=root, password=PASSWORD, check=False)
    assert b"pack" not in done.stderr.replace(b"packs", b"")


def test_a_pack_of_which_nothing_could_be_read_stays_listed(repository: Repository, tmp_path: Path):
    """Its header is damaged, so only the index knows the blobs; and then the disk fails."""
    before = contents(repository)
    pack_id = packs_of(repository, BlobType.DATA)[0]
    flip_the_header(repository, pack_id)
    entries = dict(repository.index_packs())[pack_id]
    failing = FaultBackend(
        repository.backend,
        looks=lambda _, __, name: Fault.EIO if name == pack_name(pack_id) else None,
    )
    (repair,) = salvage_packs(
        Repository(failing, repository.keys, repository.config), [pack_id], tmp_path
    )
    assert (repair.salvaged, repair.copy) == (0, None)
    assert repository.backend.exists(pack_name(pack_id))
    assert dict(repository.index_packs())[pack_id] == entries
    (again,) = salvage_packs(repository, [pack_id], tmp_path)
    assert (again.salvaged, again.lost) == (len(entries), [])
    assert contents(repository) == before
