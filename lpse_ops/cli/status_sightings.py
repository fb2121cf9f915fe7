"""What destinations say themselves: which snapshots they hold, read without a lock.

Where the newest snapshot that the ledger knows is listed, no key is worked out and nothing is
read: a listing is enough.  Elsewhere the snapshot files are read, and nothing but them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from lpse_ops.backup.statusdestination import CLOCK_SKEW
from lpse_ops.backup.statusfacts import Sighting, SnapshotMark
from lpse_ops.backup.storage.backend import CONFIG, Backend, FileKind
from lpse_ops.cli.deadline import ask_all
from lpse_ops.errors import OpsError, RepositoryMissing

if TYPE_CHECKING:
    from lpse_ops.backup.repository import Repository

# More than any policy keeps; a listing that goes on for ever ends here.
_MOST_SNAPSHOTS = 1_000_000


@dataclass(frozen=True)
class Look:
    """How to look at one destination; ``known`` is the newest that the ledger knows there."""

    open_backend: Callable[[], Backend]
    open_repository: Callable[[], "Repository"]
    known: SnapshotMark | None


def look_at_all(
    looks: Mapping[str, Look], now: datetime, patience: timedelta
) -> dict[str, Sighting]:
    """Look at each destination; one that does not answer says why and stops no other."""

    def question(look: Look) -> Callable[[], Sighting]:
        return lambda: _look(look, now)

    answers = ask_all({name: question(look) for name, look in looks.items()}, patience)
    return {
        name: Sighting(trouble=answer.message) if isinstance(answer, OpsError) else answer
        for name, answer in answers.items()
    }


def _look(look: Look, now: datetime) -> Sighting:
    backend = look.open_backend()
    # A folder without a repository lists nothing, and that would be no trouble.
    if not backend.exists(CONFIG):
        raise RepositoryMissing(
            f"there is no repository at {backend.location}",
            hint="is the disk mounted? lpse-ops backup init makes a new repository",
        )
    listed = islice(backend.files(FileKind.SNAPSHOT), _MOST_SNAPSHOTS)
    ids = frozenset(file.id for file in listed)
    if not ids or (look.known is not None and look.known.id in ids):
        return Sighting(snapshots=ids)
    snapshots = list(look.open_repository().snapshots(damaged=lambda _: None))
    marks = [SnapshotMark(each.id, each.time) for each in snapshots]
    past = [mark for mark in marks if mark.time <= now + CLOCK_SKEW]
    newest, latest = _newest(past), _newest(marks)
    return Sighting(
        # One that was tagged or rewritten is there by another name.
        snapshots=ids | {each.original for each in snapshots},
        newest=newest,
        future=latest if latest != newest else None,
    )


def _newest(marks: list[SnapshotMark]) -> SnapshotMark | None:
    return max(marks, key=lambda mark: mark.time, default=None)
