"""Writes new index files: each pack whole, in one entry of one file."""

from lpse_ops.backup.indexfile import encode_pack, join_packs
from lpse_ops.backup.pack import PackEntry
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.storage.backend import FileKind

# Where restic closes an index, too.
_FULL_BLOBS = 50_000


class IndexWriter:
    """Every pack it is told of must be durable already; ``saved`` are ids of files read back."""

    def __init__(self, repository: Repository) -> None:
        self.saved: list[str] = []
        self._repository = repository
        self._packs: list[bytes] = []
        self._blobs = 0

    def add(self, pack_id: bytes, entries: list[PackEntry]) -> None:
        self._packs.append(encode_pack(pack_id, entries))
        self._blobs += len(entries)
        if self._blobs >= _FULL_BLOBS:
            self.flush()

    def flush(self) -> None:
        """Store what is not stored yet."""
        if self._packs:
            index_id = self._repository.save(FileKind.INDEX, join_packs(self._packs))
            # Old index files go once this one is there: storage that lies is found out here.
            self._repository.load(FileKind.INDEX, index_id)
            self.saved.append(index_id)
            self._packs, self._blobs = [], 0
