"""Snapshot files: when, of what, by whom, and the root tree."""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lpse_ops.backup.gojson import MALFORMED
from lpse_ops.backup.gotime import format_datetime, parse_datetime
from lpse_ops.backup.node import blob_id
from lpse_ops.errors import DamagedRepository

_SURROGATES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Snapshot:
    """``id`` is the file's name, empty until it is saved; ``summary`` is restic's, as it stands."""

    time: datetime
    tree: bytes
    paths: tuple[str, ...]
    hostname: str = ""
    username: str = ""
    uid: int = 0
    gid: int = 0
    excludes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    parent: str = ""
    original: str = ""
    program_version: str = ""
    summary: dict[str, Any] = field(default_factory=dict)
    id: str = ""

    @property
    def short_id(self) -> str:
        return self.id[:8]

    @property
    def total_bytes(self) -> int | None:
        """How large it is, if who made it says so."""
        total = self.summary.get("total_bytes_processed")
        return total if type(total) is int and 0 <= total < 1 << 64 else None


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """JSON in restic's field order; empty fields are left out, ``paths`` never is."""
    fields: dict[str, Any] = {
        "time": format_datetime(snapshot.time),
        "parent": snapshot.parent,
        "tree": snapshot.tree.hex(),
        "paths": list(snapshot.paths),
        "hostname": snapshot.hostname,
        "username": snapshot.username,
        "uid": snapshot.uid,
        "gid": snapshot.gid,
        "excludes": list(snapshot.excludes),
        "tags": list(snapshot.tags),
        "original": snapshot.original,
        "program_version": snapshot.program_version,
        "summary": snapshot.summary,
    }
    kept = {key: value for key, value in fields.items() if value or key == "paths"}
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    return as_stored(text).encode("utf-8")


def as_stored(text: str) -> str:
    """Go writes U+FFFD for each byte of a path that is not UTF-8; so do we."""
    return _SURROGATES.sub("\ufffd", text)


def parse_snapshot(content: bytes, snapshot_id: str) -> Snapshot:
    try:
        raw = json.loads(content)
        return Snapshot(
            time=parse_datetime(raw["time"]),
            tree=blob_id(raw["tree"]),
            paths=_strings(raw, "paths"),
            hostname=str(raw.get("hostname", "")),
            username=str(raw.get("username", "")),
            uid=int(raw.get("uid", 0)),
            gid=int(raw.get("gid", 0)),
            excludes=_strings(raw, "excludes"),
            tags=_strings(raw, "tags"),
            parent=str(raw.get("parent") or ""),
            original=str(raw.get("original") or ""),
            program_version=str(raw.get("program_version", "")),
            summary=dict(raw.get("summary") or {}),
            id=snapshot_id,
        )
    except MALFORMED as error:
        raise DamagedRepository(
            f"snapshot {snapshot_id[:8]} cannot be read: {error}",
            hint="run lpse-ops backup check; the other snapshots are not touched by this",
        ) from error


def _strings(raw: dict[str, Any], key: str) -> tuple[str, ...]:
    return tuple(str(each) for each in raw.get(key) or ())
