"""Blobs move as they are; what is damaged is read elsewhere, or stops."""

import hashlib

import pytest

from lpse_ops.backup.indexfile import PackList
from lpse_ops.backup.newpacks import NewPacks
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.repack import repack
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import DamagedRepository
from tests.backup.repositories import RepositoryBuilder, make_repository

CONTENTS = [b"first" * 50, b"second" * 50, b"third" * 50]


@pytest.fixture
def builder() -> RepositoryBuilder:
    return RepositoryBuilder(make_repository(MemoryBackend()))


def store(builder: RepositoryBuilder, *contents: bytes) -> PackList:
    """A pack of these blobs."""
    before = set(builder.repository.files(FileKind.PACK))
    for content in contents:
        builder.blob(content)
    builder.save()
    return next(each for each in builder.repository.index_packs() if each[0].hex() not in before)


def move(repository: Repository, *packs: PackList, compress_data: bool = False) -> list[PackList]:
    """Repack; return what is in the new packs."""
    with NewPacks(repository) as target:
        index = repository.load_index()
        repack(repository, index, packs, target, SILENT, compress_data=compress_data)
        target.flush()
    return [each for each in repository.index_packs() if each[0] in target.stored]


def envelope(repository: Repository, pack_id: bytes, place: int, length: int) -> bytes:
    return repository.backend.load(file_name(FileKind.PACK, pack_id.hex()), place, length)


def damage(repository: Repository, pack: PackList, number: int) -> None:
    name = file_name(FileKind.PACK, pack[0].hex())
    content = bytearray(repository.backend.load(name))
    content[pack[1][number].offset + 20] ^= 1
    repository.backend.save(name, content)


def test_envelopes_are_taken_over_to_the_byte(builder: RepositoryBuilder):
    repository = builder.repository
    pack_id, entries = store(builder, *CONTENTS)
    [(new_id, moved)] = move(repository, (pack_id, [entries[0], entries[2]]))
    assert [each.id for each in moved] == [entries[0].id, entries[2].id]
    for old, new in zip((entries[0], entries[2]), moved, strict=True):
        assert envelope(repository, pack_id, old.offset, old.length) == envelope(
            repository, new_id, new.offset, new.length
        )


def test_raw_trees_are_compressed_and_raw_data_when_asked(builder: RepositoryBuilder):
    repository = builder.repository
    content = b"raw" * 500
    blob_id = hashlib.sha256(content).digest()
    for kind in BlobType:
        builder.stored_blob(blob_id, content, blob_type=kind)
    builder.save()
    packs = list(repository.index_packs())
    lengths = {
        entries[0].type: entries[0].uncompressed_length for _, entries in move(repository, *packs)
    }
    assert lengths == {BlobType.TREE: 1500, BlobType.DATA: 0}
    moved = move(repository, *packs, compress_data=True)
    assert {entries[0].uncompressed_length for _, entries in moved} == {1500}


def test_a_damaged_blob_is_taken_from_another_pack(builder: RepositoryBuilder):
    repository = builder.repository
    one = store(builder, *CONTENTS)
    store(builder, CONTENTS[1])
    damage(repository, one, 1)
    [(_, moved)] = move(repository, one)
    assert [each.id for each in moved] == [each.id for each in one[1]]
    index = repository.load_index()
    assert repository.load_blob(index, BlobType.DATA, one[1][1].id) == CONTENTS[1]


def test_a_pack_that_is_gone_is_no_loss_if_another_holds_its_blobs(builder: RepositoryBuilder):
    repository = builder.repository
    one = store(builder, CONTENTS[0])
    store(builder, CONTENTS[0], CONTENTS[1])
    repository.remove(FileKind.PACK, one[0].hex())
    [(_, moved)] = move(repository, one)
    assert [each.id for each in moved] == [one[1][0].id]


def test_a_blob_that_cannot_be_read_anywhere_stops(builder: RepositoryBuilder):
    one = store(builder, *CONTENTS)
    damage(builder.repository, one, 2)
    with pytest.raises(DamagedRepository, match=f"blob {one[1][2].id.hex()[:10]} in pack"):
        move(builder.repository, one)
