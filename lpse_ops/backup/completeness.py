"""Whether a snapshot holds all that was to be backed up, as far as the snapshot itself tells.

Failed dumps and lost locks leave no snapshot at all.  What remains: files that could not be read,
which the manifest lists under ``unreadable`` (a snapshot without a folder of our own has none, nor
has one of stock restic: it counts as complete), and a backup that met not a single file, as of a
disk that was not mounted.  A manifest that cannot be read proves nothing, and does not count.
"""

import json
import os
from functools import cached_property

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.dump import read_blobs
from lpse_ops.backup.gojson import MALFORMED
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.treewalk import find_entry
from lpse_ops.errors import RepositoryError, StorageError

# As in backuprun, whose import would bring the whole archiver with it.
OWN_FOLDER = "/lpse-ops"
_MANIFEST = os.fsencode(f"{OWN_FOLDER}/manifest.json")
# A list of a million paths fits; a forged size must not fill the memory.
_MAX_MANIFEST_BYTES = 256 << 20


class Completeness:
    """Looks into snapshots of a repository; the index is loaded once it is needed."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def may_be_complete(self, snapshot: Snapshot) -> bool:
        """Also if storage does not tell just now: what may be the last good one is not removed."""
        return self._judge(snapshot) is not False

    def is_complete(self, snapshot: Snapshot) -> bool:
        return self._judge(snapshot) is True

    def _judge(self, snapshot: Snapshot) -> bool | None:
        if snapshot.summary.get("total_files_processed") == 0:
            return False
        return OWN_FOLDER not in snapshot.paths or self._has_clean_manifest(snapshot)

    @cached_property
    def _index(self) -> BlobIndex:
        return self._repository.load_index()

    def _has_clean_manifest(self, snapshot: Snapshot) -> bool | None:
        try:
            manifest = json.loads(self._read_manifest(snapshot))
            return bool(manifest["unreadable"] == [])
        except (RepositoryError, StorageError, *MALFORMED):
            return None

    def _read_manifest(self, snapshot: Snapshot) -> bytes:
        node = find_entry(self._repository, self._index, snapshot.tree, _MANIFEST).node
        content = bytearray()
        for piece in read_blobs(self._repository, self._index, node.content):
            content += piece
            if len(content) > _MAX_MANIFEST_BYTES:
                raise ValueError("the manifest is too long")
        return bytes(content)
