"""The record of a portable disk: a small JSON file ``lpse/disk.json`` beside the repository.

It tells whose disk this is, also to who finds it in a drawer: nothing in it is secret, nothing is
encrypted.  Every restic ignores the folder ``lpse``; clones are not given it.  Whoever held the
disk may have changed it, so it is bounded, checked, and proves nothing by itself.
"""

import json
import os
import stat
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lpse_ops.backup.storage.backend import is_file_id
from lpse_ops.errors import StorageError

NAME = "lpse/disk.json"
_SCHEMA = "lpse-ops/disk/1"
_MAX_BYTES = 64 * 1024
_MAX_TEXT = 500


@dataclass(frozen=True)
class DiskRecord:
    """``repository_id`` is None until there is a repository on the disk."""

    name: str
    uuid: str
    made: datetime
    label: str | None = None
    repository_id: str | None = None


class RecordUnusable(StorageError):
    """There is a record, but it is not one that we wrote."""


def encode_record(record: DiskRecord) -> bytes:
    data = {
        "schema": _SCHEMA,
        "name": record.name,
        "label": record.label,
        "uuid": record.uuid,
        "repository_id": record.repository_id,
        "made": record.made.isoformat(),
        "what": "Cadangan terenkripsi LPSE (format restic). Bila menemukan disk ini, serahkan "
        "kepada LPSE.",
    }
    return json.dumps(data, ensure_ascii=False, indent=2).encode() + b"\n"


def parse_record(content: bytes) -> DiskRecord:
    """Parse a record; ``RecordUnusable`` if any part of it is not as ``encode_record`` makes it."""
    try:
        return _record(json.loads(content.decode("utf-8")))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise RecordUnusable(
            f"the disk's record {NAME} is damaged or of another program",
            hint="see what is on the disk; lpse-ops backup disk init writes a new record",
        ) from error


def _record(data: dict[str, Any]) -> DiskRecord:
    if data["schema"] != _SCHEMA:
        raise ValueError("another schema")
    made = datetime.fromisoformat(_text(data["made"]))
    repository_id = data["repository_id"]
    if made.tzinfo is None or not (repository_id is None or is_file_id(_text(repository_id))):
        raise ValueError("a time without a zone, or no id of a repository")
    label = data["label"]
    return DiskRecord(
        name=_text(data["name"]),
        uuid=_text(data["uuid"]),
        made=made,
        label=None if label is None else _text(label),
        repository_id=repository_id,
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT or not value.isprintable():
        raise TypeError("not a short text")
    return value


def load_record(folder: int) -> DiskRecord | None:
    """The record in the folder that a descriptor stands for, or None."""
    # Neither blocked by a FIFO nor led elsewhere by a link.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        with open(os.open(NAME, flags, dir_fd=folder), "rb") as file:
            is_file = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            return parse_record(file.read(_MAX_BYTES) if is_file else b"")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise RecordUnusable(
            f"cannot read the disk's record {NAME}: {error.strerror}",
            hint="see dmesg for errors of the disk, and ls -l what is on it",
        ) from error
