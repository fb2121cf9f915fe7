"""Blobs stored by one process alone."""

import hashlib
import os

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.solosaver import SoloSaver
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.storage.memory import MemoryBackend
from tests.backup.damage import flip, pack_name, packs_of
from tests.backup.repositories import RepositoryBuilder, make_repository
from tests.backup.test_check import check


def test_blobs_of_all_sizes_go_to_packs_of_their_type():
    repository = make_repository(MemoryBackend())
    saver = SoloSaver(repository, BlobIndex())
    data = [os.urandom(size) for size in (1, 5_000_000, 13_000_000, 40_000_000, 2)]
    data.append(bytes(30_000_000))
    ids = [saver.save(BlobType.DATA, each) for each in data]
    tree = saver.save(BlobType.TREE, b'{"nodes":[]}\n')
    saver.finish()
    index = repository.load_index()
    assert ids == [hashlib.sha256(each).digest() for each in data]
    for blob_id, content in zip(ids, data, strict=True):
        assert repository.load_blob(index, BlobType.DATA, blob_id) == content
    assert repository.load_blob(index, BlobType.TREE, tree) == b'{"nodes":[]}\n'
    assert check(repository).findings == []
    assert saver.packs == len(repository.files(FileKind.PACK)) >= 4


def test_a_blob_that_can_be_read_is_not_stored_again():
    builder = RepositoryBuilder(make_repository(MemoryBackend()))
    builder.blob(b"there")
    builder.save()
    saver = SoloSaver(builder.repository, builder.repository.load_index())
    saver.save(BlobType.DATA, b"there")
    saver.finish()
    assert len(builder.repository.files(FileKind.PACK)) == 1
    assert len(builder.repository.files(FileKind.INDEX)) == 1


def test_a_blob_whose_only_copy_is_damaged_is_stored_again():
    backend = MemoryBackend()
    builder = RepositoryBuilder(make_repository(backend))
    blob_id = builder.blob(b"there")
    builder.save()
    flip(backend, pack_name(packs_of(builder.repository, BlobType.DATA)[0]), 20)
    saver = SoloSaver(builder.repository, builder.repository.load_index())
    assert saver.save(BlobType.DATA, b"there") == blob_id
    saver.save(BlobType.DATA, b"there")
    saver.finish()
    index = builder.repository.load_index()
    assert builder.repository.load_blob(index, BlobType.DATA, blob_id) == b"there"
    assert len(builder.repository.files(FileKind.PACK)) == 2
