"""Repositories for tests: cheap to open, filled by a real backup or blob by blob.

``RepositoryBuilder`` writes what no backup would: hostile trees, lies about sizes, damage.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lpse_ops.backup.backuprun import BackupRequest, BackupResult, run_backup
from lpse_ops.backup.config import Config
from lpse_ops.backup.crypto import Keys
from lpse_ops.backup.gotime import format_ns
from lpse_ops.backup.keyfile import KeyFile, ScryptCost, seal_keys
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType, PackEntry, encode_entry, encode_header_length
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.repository import Repository, init_repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.storage.backend import Backend
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.backup.tree import encode_nodes

PASSWORD = "cheap"
POLYNOMIAL = 0x25B468838DCB75
NOON = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)
TIME = format_ns(1_700_000_000_123_456_789)
_TIMES = {"mtime": TIME, "atime": TIME, "ctime": TIME}
_GO_DIR = 1 << 31


def make_repository(backend: Backend, password: str = PASSWORD) -> Repository:
    """An empty repository whose password costs no time."""
    return init_repository(
        backend, lambda keys: _cheap_key(keys, password), Config(os.urandom(32).hex(), POLYNOMIAL)
    )


def _cheap_key(keys: Keys, password: str) -> KeyFile:
    return seal_keys(
        keys,
        password,
        created="2026-01-02T03:04:05Z",
        username="u",
        hostname="h",
        cost=ScryptCost(1024, 8, 1),
    )


def make_local(root: Path) -> Repository:
    return make_repository(LocalBackend(root))


def back_up(
    repository: Repository,
    *paths: Path,
    time: datetime = NOON,
    hostname: str = "lpse",
    tags: Sequence[str] = (),
) -> BackupResult:
    """A backup with one worker."""
    request = BackupRequest(
        tuple(os.fsencode(path) for path in paths), hostname, time, tags=tuple(tags)
    )
    return run_backup(repository, request, SILENT, workers=1)


def file_node(name: bytes, content: Iterable[bytes] = (), **fields: Any) -> Node:
    """A regular file; ``content`` are blob ids."""
    values: dict[str, Any] = {**_TIMES, "mode": 0o644, "content": tuple(content), **fields}
    return Node(name, "file", **values)


def dir_node(name: bytes, subtree: bytes, **fields: Any) -> Node:
    values: dict[str, Any] = {**_TIMES, "mode": _GO_DIR | 0o755, "subtree": subtree, **fields}
    return Node(name, "dir", **values)


def link_node(name: bytes, target: bytes, **fields: Any) -> Node:
    values: dict[str, Any] = {**_TIMES, "mode": 1 << 27 | 0o777, "link_target": target, **fields}
    return Node(name, "symlink", **values)


@dataclass
class RepositoryBuilder:
    """Collects blobs; ``save`` stores them in one pack for each type, with an index."""

    repository: Repository
    _blobs: dict[BlobType, dict[bytes, tuple[bytes, int]]] = field(
        default_factory=lambda: {blob_type: {} for blob_type in BlobType}
    )

    def blob(self, content: bytes, blob_type: BlobType = BlobType.DATA) -> bytes:
        """Add a blob as it should be; return its id."""
        blob_id = hashlib.sha256(content).digest()
        frame = self.repository.compressor.compress(content)
        self.stored_blob(blob_id, frame, len(content), blob_type)
        return blob_id

    def stored_blob(
        self,
        blob_id: bytes,
        stored: bytes,
        uncompressed: int = 0,
        blob_type: BlobType = BlobType.DATA,
    ) -> None:
        """Add any bytes under any id; ``uncompressed`` is 0 for a raw blob."""
        sealed = self.repository.crypter.seal(stored)
        self._blobs[blob_type][blob_id] = (sealed, uncompressed)

    def tree(self, *nodes: Node) -> bytes:
        return self.blob(encode_nodes(nodes), BlobType.TREE)

    def raw_tree(self, json_text: bytes) -> bytes:
        """A tree of any text."""
        return self.blob(json_text, BlobType.TREE)

    def file(self, name: bytes, *pieces: bytes, **fields: Any) -> Node:
        """A file of these blobs."""
        values = {"size": sum(map(len, pieces)), **fields}
        return file_node(name, [self.blob(piece) for piece in pieces], **values)

    def save(self) -> None:
        """Store what was added since the last call."""
        packs = [self._save_pack(blob_type) for blob_type in BlobType if self._blobs[blob_type]]
        self.repository.save_index(packs)
        for blobs in self._blobs.values():
            blobs.clear()

    def _save_pack(self, blob_type: BlobType) -> tuple[bytes, list[PackEntry]]:
        entries: list[PackEntry] = []
        content = b""
        for blob_id, (sealed, uncompressed) in self._blobs[blob_type].items():
            entries.append(PackEntry(blob_type, blob_id, len(content), len(sealed), uncompressed))
            content += sealed
        return self.save_pack(content, entries), entries

    def save_pack(self, content: bytes, entries: list[PackEntry]) -> bytes:
        """Store a pack of sealed blobs with this header; return its id."""
        header = self.repository.crypter.seal(b"".join(map(encode_entry, entries)))
        pack = content + header + encode_header_length(len(header))
        pack_id = hashlib.sha256(pack).digest()
        self.repository.save_pack(pack_id.hex(), pack)
        return pack_id

    def snapshot(
        self,
        tree_id: bytes,
        *,
        time: datetime = NOON,
        hostname: str = "lpse",
        paths: Sequence[str] = ("/",),
    ) -> str:
        """Save all blobs and a snapshot of a tree; return the snapshot's id."""
        self.save()
        return self.repository.save_snapshot(Snapshot(time, tree_id, tuple(paths), hostname))
