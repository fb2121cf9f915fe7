"""New packs out of old blobs: whole, of one type, and in an index only once they are durable."""

import hashlib

import pytest

from lpse_ops.backup.newpacks import NewPacks
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.storage.fault import Fault, FaultBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import DamagedRepository, StorageError
from tests.backup.repositories import make_repository
from tests.backup.statejudge import find_errors

MIB = 1 << 20


@pytest.fixture
def repository() -> Repository:
    return make_repository(MemoryBackend())


def entry_of(content: bytes, kind: BlobType = BlobType.DATA, compressed: int = 0) -> PackEntry:
    return PackEntry(kind, hashlib.sha256(content).digest(), 7, len(content) + 32, compressed)


def read(repository: Repository, content: bytes, kind: BlobType = BlobType.DATA) -> bytes:
    blob_id = hashlib.sha256(content).digest()
    return repository.load_blob(repository.load_index(), kind, blob_id)


def test_blobs_come_back_however_they_were_given(repository: Repository):
    sealed, text, plain, tree = b"sealed" * 9, b"text" * 99, b"plain" * 50, b'{"nodes":[]}\n'
    frame = repository.compressor.compress(text)
    with NewPacks(repository) as packs:
        packs.add_sealed(entry_of(sealed), repository.crypter.seal(sealed))
        packs.add_frame(entry_of(text, compressed=len(text)), frame)
        packs.add_plaintext(entry_of(tree, BlobType.TREE), tree)
        packs.add_plaintext(entry_of(plain), plain)
        packs.add_sealed(entry_of(sealed[1:]), repository.crypter.seal(sealed[1:]))
        packs.flush()
    assert packs.blobs == 5
    assert {bytes.fromhex(each) for each in repository.files(FileKind.PACK)} == set(packs.stored)
    assert repository.files(FileKind.INDEX) == packs.indexes
    assert len(packs.stored) == 2
    assert find_errors(repository) == []
    for content in (sealed, text, plain, sealed[1:]):
        assert read(repository, content) == content
    assert read(repository, tree, BlobType.TREE) == tree


def test_packs_that_no_index_can_name_go_after_an_error(repository: Repository):
    def fill() -> None:
        with NewPacks(repository) as packs:
            packs.add_plaintext(entry_of(b"named"), b"named")
            packs.flush()
            packs.add_plaintext(entry_of(b"not named"), b"not named")
            packs.finish(BlobType.DATA)
            assert len(repository.files(FileKind.PACK)) == 2
            packs.add_frame(entry_of(b"content" * 9, compressed=63), frame)

    frame = repository.compressor.compress(b"another" * 9)
    with pytest.raises(DamagedRepository):
        fill()
    assert len(repository.files(FileKind.PACK)) == 1
    assert read(repository, b"named") == b"named"
    assert find_errors(repository) == []


def test_packs_that_an_index_may_name_stay(repository: Repository):
    """The index file may be there, though storage says that it could not be written."""

    def fill() -> None:
        with NewPacks(Repository(backend, repository.keys, repository.config)) as packs:
            packs.add_plaintext(entry_of(b"named"), b"named")
            packs.flush()

    backend = FaultBackend(
        repository.backend,
        lambda _, kind, name: (
            Fault.ERROR_AFTER if kind == "save" and name.startswith("index/") else None
        ),
    )
    with pytest.raises(StorageError):
        fill()
    assert read(repository, b"named") == b"named"
    assert find_errors(repository) == []


def test_a_frame_that_is_not_the_blob_is_refused(repository: Repository):
    frame = repository.compressor.compress(b"another" * 9)
    with NewPacks(repository) as packs, pytest.raises(DamagedRepository):
        packs.add_frame(entry_of(b"content" * 9, compressed=63), frame)


def test_packs_end_at_their_size_and_blobs_of_any_size_fit(repository: Repository):
    contents = [hashlib.shake_256(b"%d" % n).digest(5 * MIB) for n in range(8)]
    contents.insert(3, hashlib.shake_256(b"large").digest(45 * MIB))
    with NewPacks(repository) as packs:
        for content in contents:
            packs.add_plaintext(entry_of(content), content)
        packs.flush()
    assert len(packs.stored) >= 3
    assert find_errors(repository) == []


def test_nothing_is_stored_before_a_pack_is_full_or_flushed(repository: Repository):
    with NewPacks(repository) as packs:
        packs.add_plaintext(entry_of(b"a"), b"a")
    assert repository.files(FileKind.PACK) == repository.files(FileKind.INDEX) == []


def test_a_type_can_be_finished_by_itself(repository: Repository):
    with NewPacks(repository) as packs:
        packs.add_plaintext(entry_of(b"{}", BlobType.TREE), b"{}")
        packs.finish(BlobType.TREE)
        packs.finish(BlobType.DATA)
        packs.flush()
    assert len(packs.stored) == 1


def test_a_pack_that_cannot_be_stored_is_in_no_index(repository: Repository):
    backend = FaultBackend(
        repository.backend,
        lambda _number, _, name: Fault.ERROR if name.startswith("data/") else None,
    )
    failing = Repository(backend, repository.keys, repository.config)
    with NewPacks(failing) as packs:
        packs.add_plaintext(entry_of(b"a"), b"a")
        with pytest.raises(StorageError):
            packs.flush()
    assert repository.files(FileKind.INDEX) == []
