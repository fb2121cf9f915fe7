"""New index files, as the format wants them."""

from lpse_ops.backup.indexwriter import IndexWriter
from lpse_ops.backup.pack import BlobType, PackEntry
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.storage.memory import MemoryBackend
from tests.backup.repositories import make_repository


def entries(pack: int, count: int) -> list[PackEntry]:
    return [
        PackEntry(BlobType.DATA, pack.to_bytes(2) + number.to_bytes(30), 40 * number, 40, 0)
        for number in range(count)
    ]


def test_files_are_closed_at_50000_blobs_and_no_pack_is_split():
    repository = make_repository(MemoryBackend())
    writer = IndexWriter(repository)
    packs = {bytes([number]) * 32: entries(number, 30_000) for number in range(3)}
    for pack_id, listed in packs.items():
        writer.add(pack_id, listed)
    assert len(writer.saved) == 1
    writer.flush()
    writer.flush()
    assert sorted(writer.saved) == repository.files(FileKind.INDEX)
    assert len(writer.saved) == 2
    assert dict(repository.index_packs()) == packs


def test_nothing_added_is_nothing_stored():
    repository = make_repository(MemoryBackend())
    IndexWriter(repository).flush()
    assert repository.files(FileKind.INDEX) == []
