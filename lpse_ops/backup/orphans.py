"""When packs that are in no index were first seen: they are deleted only a day later.

A pack in no index is what a stopped backup left, or what a backup writes at this moment whose lock
broke.  Storage does not tell the age of a file everywhere, so a small sealed file keeps it; every
restic ignores the folder ``lpse``.
"""

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lpse_ops.backup.gojson import MALFORMED
from lpse_ops.backup.gotime import format_datetime, parse_datetime
from lpse_ops.backup.node import blob_id
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.unpacked import decode_unpacked, encode_unpacked
from lpse_ops.errors import DamagedRepository, StorageError

RECORD = "lpse/orphans"
_MIN_AGE = timedelta(hours=24)

FirstSeen = dict[bytes, datetime]


@dataclass(frozen=True)
class OrphanPlan:
    """Packs to remove now, and when those that must wait were first seen.

    ``is_news`` if the record does not say so already.
    """

    remove: frozenset[bytes]
    waiting: Mapping[bytes, datetime]
    is_news: bool


def plan_orphans(orphans: Iterable[bytes], known: FirstSeen, now: datetime) -> OrphanPlan:
    """A time in the future, from a clock that jumped, counts as now."""
    seen = {each: min(known.get(each, now), now) for each in orphans}
    due = frozenset(each for each, since in seen.items() if now - since >= _MIN_AGE)
    waiting = {each: since for each, since in seen.items() if each not in due}
    return OrphanPlan(due, waiting, is_news=waiting != known)


def load_first_seen(repository: Repository) -> FirstSeen:
    """What the last prune noted; nothing if it cannot be read: then the packs wait once more."""
    try:
        stored = repository.backend.load(RECORD)
        content = decode_unpacked(stored, repository.crypter, repository.compressor, RECORD)
        return {blob_id(each): parse_datetime(time) for each, time in json.loads(content).items()}
    except (StorageError, DamagedRepository, *MALFORMED):
        return {}


def save_first_seen(repository: Repository, seen: Mapping[bytes, datetime]) -> None:
    """Replace the record; without orphans there is none.

    On a full disk there may be none, too: then the packs wait once more.
    """
    repository.before_write()
    with contextlib.suppress(StorageError):
        repository.backend.remove(RECORD)
        if seen:
            repository.backend.save(RECORD, _encode(repository, seen))


def _encode(repository: Repository, seen: Mapping[bytes, datetime]) -> bytes:
    times = {each.hex(): format_datetime(time) for each, time in sorted(seen.items())}
    content = json.dumps(times).encode("ascii")
    return encode_unpacked(content, repository.crypter, repository.compressor)
