"""The manifest and the dumps that a snapshot of ours holds; a stranger's snapshot has neither."""

import io
import json
import os
from typing import Any

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.dump import write_file
from lpse_ops.backup.node import Node
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.treewalk import find_entry
from lpse_ops.cli.backup_sources import MANIFEST
from lpse_ops.errors import DamagedRepository, RepositoryError

# It names every table and each file that could not be read.
_MAX_BYTES = 64 << 20


def load_manifest(repository: Repository, index: BlobIndex, snapshot: Snapshot) -> dict[str, Any]:
    """The manifest, or nothing for a snapshot that has none."""
    try:
        entry = find_entry(repository, index, snapshot.tree, MANIFEST)
    except DamagedRepository:
        raise
    except RepositoryError:
        return {}
    content = load_small_file(repository, index, entry.node, _MAX_BYTES)
    try:
        loaded = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RepositoryError(
            "the manifest in the snapshot is not JSON",
            hint="was it written by another program? take another snapshot",
        ) from error
    return loaded if isinstance(loaded, dict) else {}


def load_small_file(
    repository: Repository, index: BlobIndex, node: Node, largest_bytes: int
) -> bytes:
    """The content of a file, whatever size it claims, as long as it is not larger than that."""
    content = _Bounded(largest_bytes)
    write_file(repository, index, node, content)
    return content.getvalue()


class _Bounded(io.BytesIO):
    def __init__(self, largest_bytes: int) -> None:
        super().__init__()
        self._largest_bytes = largest_bytes

    def write(self, content: Any, /) -> int:
        if self.tell() + len(content) > self._largest_bytes:
            raise RepositoryError(
                f"it holds more than {self._largest_bytes >> 20} MiB",
                hint="was it written by another program? take another snapshot",
            )
        return super().write(content)


def listed_dump(manifest: dict[str, Any], path: bytes) -> dict[str, Any]:
    """What the manifest says of a dump; nothing if it is not in it."""
    databases = manifest.get("databases")
    for each in databases if isinstance(databases, list) else ():
        if isinstance(each, dict) and each.get("file") == os.fsdecode(path):
            return each
    return {}


def without_files(listed: dict[str, Any]) -> dict[str, Any]:
    """What ``parse_facts`` of ``postgres`` takes."""
    return {key: value for key, value in listed.items() if key not in ("file", "globals")}
