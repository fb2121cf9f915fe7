"""A repository made whole again from a second copy of it."""

import os
from collections.abc import Callable
from dataclasses import replace

import pytest

from lpse_ops.backup.config import Config
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repairfrom import Fetched, SecondCopy, open_beside
from lpse_ops.backup.repairpacks import find_damaged
from lpse_ops.backup.repository import Repository, open_repository, save_key_file
from lpse_ops.backup.storage.backend import CONFIG, Backend, FileKind
from lpse_ops.backup.storage.fault import Fault, FaultBackend, Stopped, fault_at
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import OpsError, RepositoryError
from tests.backup.damage import contents, copy_of, cut, flip, names, pack_name, packs_of
from tests.backup.repositories import PASSWORD, RepositoryBuilder, make_repository
from tests.backup.test_check import check, messages

KINDS = [kind for kind in FileKind if kind is not FileKind.LOCK]


@pytest.fixture
def good() -> MemoryBackend:
    """Two snapshots, two index files, two packs of each type."""
    backend = MemoryBackend()
    builder = RepositoryBuilder(make_repository(backend))
    for number in range(2):
        files = [builder.file(b"%d-%d" % (number, each), os.urandom(500)) for each in range(3)]
        builder.snapshot(builder.tree(*files))
    return backend


def repair(backend: Backend, good: MemoryBackend, *, read_all: bool = True) -> Fetched:
    """What the command does."""
    other = open_repository(good, PASSWORD)
    repository = open_beside(backend, other)
    second = SecondCopy(repository, other)
    second.fetch_small_files()
    second.fetch_packs(find_damaged(repository) if read_all else [])
    second.fetch_the_rest()
    return second.fetched


@pytest.mark.parametrize("kind", [*KINDS, CONFIG])
@pytest.mark.parametrize(
    "break_it",
    [
        lambda backend, name: flip(backend, name, 40),
        lambda backend, name: flip(backend, name, -1),
        lambda backend, name: cut(backend, name, 10),
        lambda backend, name: cut(backend, name, 0),
        lambda backend, name: backend.save(name, backend.load(name) + b"x"),
        lambda backend, name: backend.remove(name),
    ],
    ids=["flip", "flip at the end", "cut", "cut to nothing", "longer", "gone"],
)
def test_every_file_of_a_kind_comes_back_byte_for_byte(
    good: MemoryBackend, kind: FileKind | str, break_it: Callable[[MemoryBackend, str], None]
):
    backend = copy_of(good)
    broken = names(backend, kind) if isinstance(kind, FileKind) else [kind]
    for name in broken:
        break_it(backend, name)
    fetched = repair(backend, good)
    assert backend.contents == good.contents
    assert sorted(fetched.files) == sorted(broken)
    assert fetched.failed == {}


def test_everything_but_one_file_comes_back(good: MemoryBackend):
    for kept in good.contents:
        if kept == CONFIG:
            continue
        backend = MemoryBackend()
        backend.contents = {kept: good.contents[kept]}
        repair(backend, good)
        assert backend.contents == good.contents


def test_a_whole_repository_is_left_alone(good: MemoryBackend):
    backend = copy_of(good)
    assert repair(backend, good).files == []
    assert backend.contents == good.contents


def test_packs_that_are_gone_need_no_reading_of_the_others(good: MemoryBackend):
    backend = copy_of(good)
    gone, short = names(backend, FileKind.PACK)[:2]
    backend.remove(gone)
    cut(backend, short, 100)
    assert repair(backend, good, read_all=False).files == [gone, short]


# -- what must not come back ---------------------------------------------------------------------


def test_a_password_taken_back_stays_away(good: MemoryBackend):
    """The second copy may lag behind: it still has the key."""
    backend = copy_of(good)
    repository = open_repository(good, PASSWORD)
    revoked = save_key_file(good, replace(repository.key_files()[0], hostname="elsewhere"))
    fetched = repair(backend, good)
    assert fetched.files == []
    assert revoked not in open_repository(backend, PASSWORD).files(FileKind.KEY)


def test_what_was_pruned_here_stays_away(good: MemoryBackend):
    """Index files and packs that only the second copy has, while nothing is missing here."""
    backend = copy_of(good)
    builder = RepositoryBuilder(open_repository(good, PASSWORD))
    builder.blob(b"no longer needed" * 20)
    builder.save()
    assert repair(backend, good).files == []


def test_a_snapshot_comes_back_with_all_it_needs(good: MemoryBackend):
    """Index and packs first: a repair that is cut short must not leave a broken snapshot."""
    backend = copy_of(good)
    builder = RepositoryBuilder(open_repository(good, PASSWORD))
    builder.snapshot(builder.tree(builder.file(b"new", b"n" * 400)))
    fetched = repair(backend, good)
    kinds = [name.partition("/")[0] for name in fetched.files]
    assert kinds == ["data", "data", "index", "snapshots"]
    assert backend.contents == good.contents


# -- a second copy that is not what it should be -------------------------------------------------


def test_another_repository_is_refused(good: MemoryBackend):
    backend = MemoryBackend()
    make_repository(backend)
    before = dict(backend.contents)
    with pytest.raises(RepositoryError, match="no file in common"):
        repair(backend, good)
    assert backend.contents == before


def test_an_empty_place_is_refused(good: MemoryBackend):
    """As when the disk is not mounted."""
    backend = MemoryBackend()
    with pytest.raises(RepositoryError) as refused:
        repair(backend, good)
    assert "mounted" in refused.value.hint
    assert backend.contents == {}


def test_the_same_keys_but_another_id_are_refused(good: MemoryBackend):
    ours = open_repository(good, PASSWORD)
    other = MemoryBackend()
    repository = Repository(other, ours.keys, Config("ab" * 32, ours.config.polynomial))
    with pytest.raises(RepositoryError, match="no file in common"):
        open_beside(good, repository)


def test_what_is_damaged_in_both_is_named_and_left_as_it_is(good: MemoryBackend):
    backend, broken = copy_of(good), copy_of(good)
    data = names(good, FileKind.PACK)
    snapshot = names(good, FileKind.SNAPSHOT)[0]
    for name in (data[0], snapshot):
        flip(backend, name, 30)
        flip(broken, name, 31)
    backend.remove(data[1])
    broken.remove(data[1])
    before = dict(backend.contents)
    fetched = repair(backend, broken)
    assert fetched.files == []
    assert set(fetched.failed) == {data[0], data[1], snapshot}
    assert backend.contents == before


def test_an_index_whose_packs_are_nowhere_is_not_fetched(good: MemoryBackend):
    """It would make a repository that lacks something one that is damaged."""
    backend, broken = copy_of(good), copy_of(good)
    repository = open_repository(good, PASSWORD)
    index_id = repository.files(FileKind.INDEX)[0]
    name = f"index/{index_id}"
    lone = Repository(copy_of(good), repository.keys, repository.config)
    lone.backend.remove(next(n for n in names(good, FileKind.INDEX) if n != name))
    gone, kept = [pack_name(pack_id) for pack_id, _ in lone.index_packs()]
    backend.remove(name)
    backend.remove(gone)
    broken.remove(gone)
    backend.remove(kept)
    fetched = repair(backend, broken)
    assert name not in fetched.files
    assert kept in fetched.files
    assert gone in fetched.failed


# -- interrupted ---------------------------------------------------------------------------------


def test_a_repair_cut_short_at_any_operation_is_finished_by_the_next(good: MemoryBackend):
    backend = copy_of(good)
    broken = [
        *(names(backend, kind)[0] for kind in KINDS),
        CONFIG,
    ]
    for name in broken:
        flip(backend, name, 33)
    for fault in (Fault.STOP_BEFORE, Fault.STOP_AFTER, Fault.ERROR, Fault.ERROR_AFTER):
        for number in range(len(broken)):
            sick = copy_of(backend)
            failing = FaultBackend(sick, fault_at(number, fault))
            with pytest.raises((Stopped, OpsError)):
                repair(failing, good)
            for name, content in backend.contents.items():
                assert sick.contents[name] in (content, good.contents[name])
            repair(sick, good)
            assert sick.contents == good.contents


def test_what_was_fetched_checks(good: MemoryBackend):
    backend = copy_of(good)
    before = contents(open_repository(good, PASSWORD))
    pack_id = packs_of(open_repository(good, PASSWORD), BlobType.TREE)[0]
    flip(backend, pack_name(pack_id), 30)
    repair(backend, good)
    repository = open_repository(backend, PASSWORD)
    assert messages(check(repository)) == ""
    assert contents(repository) == before
