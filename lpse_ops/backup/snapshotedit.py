"""Replaces a snapshot by a changed one: the new file is stored, then the old one removed."""

from collections.abc import Mapping
from typing import Any

from lpse_ops.backup.rawjson import SNAPSHOT_FIELDS, encode_raw, parse_raw, with_field
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot, parse_snapshot
from lpse_ops.backup.storage.backend import FileKind


def edited_snapshot(
    repository: Repository, snapshot: Snapshot, fields: Mapping[str, Any], *, tag: str
) -> bytes:
    """JSON of a snapshot with some fields changed, ``original`` set, and ``tag`` if not empty."""
    raw = parse_raw(repository.load(FileKind.SNAPSHOT, snapshot.id))
    tags = list(snapshot.tags)
    if tag and tag not in tags:
        fields = {**fields, "tags": [*tags, tag]}
    for name, value in {**fields, "original": snapshot.id}.items():
        raw = with_field(raw, name, value, SNAPSHOT_FIELDS)
    content = encode_raw(raw)
    # What nobody could read must not take the place of what can be read.
    parse_snapshot(content, "new")
    return content


def replace_snapshot(
    repository: Repository, snapshot: Snapshot, content: bytes, *, forget: bool
) -> str:
    """Store the new one; only then, and only if asked to, remove the old one; return the id."""
    new_id = repository.save(FileKind.SNAPSHOT, content)
    if forget:
        # Storage that lies is found out here, before the old one is gone.
        repository.load(FileKind.SNAPSHOT, new_id)
        repository.remove(FileKind.SNAPSHOT, snapshot.id)
    return new_id
