"""Index files are replaced as few as needed, and go only once their successors are there."""

from collections.abc import Sequence

import pytest

from lpse_ops.backup.indexreplace import (
    IndexFile,
    load_indexes,
    plan_indexes,
    refuse_lost,
    replace_indexes,
)
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.storage.fault import Fault, FaultBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import StorageError
from tests.backup.repositories import make_repository


def index_file(name: str, blobs: int, *packs: int) -> IndexFile:
    return IndexFile(name, blobs, frozenset(bytes([each]) * 32 for each in packs))


def superseded(files: Sequence[IndexFile], *gone: int) -> list[str]:
    packs = {bytes([each]) * 32 for each in gone}
    return sorted(each.id for each in plan_indexes(files, packs, small_blobs=100))


def test_index_files_are_written_anew_only_if_they_must_be():
    large = [index_file("a", 500, 1, 2), index_file("b", 500, 3)]
    assert superseded(large) == []
    assert superseded(large, 2) == ["a"]
    assert superseded(large, 7) == []


def test_many_small_index_files_are_merged():
    small = [index_file(name, 5, number) for number, name in enumerate("stuv")]
    large = index_file("a", 500, 9)
    assert superseded([*small[:3], large]) == []
    assert superseded([*small, large]) == ["s", "t", "u", "v"]
    assert superseded([*small[:2], large], 9) == ["a", "s", "t"]


def test_a_pack_listed_twice_is_listed_once_afterwards():
    files = [index_file("a", 500, 1), index_file("b", 500, 1, 2), index_file("c", 500, 3)]
    assert superseded(files) == ["a", "b"]


# -- carried out ---------------------------------------------------------------------------------


def pack(number: int, blobs: int = 2) -> tuple[bytes, list[PackEntry]]:
    entries = [
        PackEntry(BlobType.DATA, bytes([number, place]) * 16, place * 50, 50, 0)
        for place in range(blobs)
    ]
    return bytes([number]) * 32, entries


@pytest.fixture
def repository() -> Repository:
    return make_repository(MemoryBackend())


def test_packs_that_are_gone_leave_the_index(repository: Repository):
    kept = repository.save_index([pack(1)])
    repository.save_index([pack(2), pack(3)])
    index, files = load_indexes(repository)
    assert [(each.blobs, len(each.packs)) for each in files if each.id == kept] == [(2, 1)]
    replace_indexes(repository, index, files, {bytes([2]) * 32})
    assert sorted(repository.index_packs()) == [pack(1), pack(3)]
    assert len(repository.files(FileKind.INDEX)) == 1


def test_two_halves_of_a_pack_become_one_entry(repository: Repository):
    pack_id, entries = pack(1, 4)
    for half in (entries[2:], entries[:2]):
        repository.save_index([(pack_id, half)])
    index, files = load_indexes(repository)
    replace_indexes(repository, index, files, set())
    assert list(repository.index_packs()) == [(pack_id, entries)]


def test_nothing_is_removed_before_all_that_is_new_is_listed(repository: Repository):
    repository.save_index([pack(1), pack(2)])
    index, files = load_indexes(repository)
    with pytest.raises(StorageError, match="was stored, but is not there"):
        replace_indexes(repository, index, files, {bytes([2]) * 32}, new=["ab" * 32])
    assert files[0].id in repository.files(FileKind.INDEX)


def test_an_index_file_that_will_not_go_is_named(repository: Repository):
    repository.save_index([pack(1), pack(2)])
    index, files = load_indexes(repository)
    lying = FaultBackend(
        repository.backend,
        lambda _number, operation, _name: Fault.LOST if operation == "remove" else None,
    )
    with pytest.raises(StorageError, match=f"index {files[0].id[:10]} was removed, but"):
        replace_indexes(
            Repository(lying, repository.keys, repository.config), index, files, {bytes([2]) * 32}
        )


def test_a_file_of_another_size_counts_as_lost(repository: Repository):
    index_id = bytes.fromhex(repository.save_index([pack(1)]))
    [file] = repository.backend.files(FileKind.INDEX)
    refuse_lost(repository, FileKind.INDEX, {index_id: file.size_bytes})
    with pytest.raises(StorageError, match="as it was written"):
        refuse_lost(repository, FileKind.INDEX, {index_id: file.size_bytes + 1})
