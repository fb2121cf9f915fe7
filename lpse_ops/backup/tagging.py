"""Changes the tags of snapshots, as ``restic tag`` does.

A snapshot file never changes: a new one is written, proved to be there, and only then is the old
one removed.  A stop in between leaves both, and the same command run again leaves the new one.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lpse_ops.backup.gojson import MALFORMED
from lpse_ops.backup.milestone import is_milestone, is_milestone_tag
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot, as_stored
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.errors import DamagedRepository, RepositoryError, UsageError

Tags = tuple[str, ...]


@dataclass(frozen=True)
class TagChange:
    """``set`` replaces all tags (also by none), or ``add`` and ``remove`` change some.

    The tags of a milestone come only through ``milestone`` and go only by ``end_milestone``.
    """

    set: Tags | None = None
    add: Tags = ()
    remove: Tags = ()
    milestone: Tags = ()
    end_milestone: bool = False

    def apply(self, tags: Tags) -> Tags:
        """What a snapshot's tags become; each stays once, in the order they were added."""
        if self.set is not None:
            return self.set
        kept = [tag for tag in (*tags, *self.add) if tag not in self.remove]
        if self.milestone or self.end_milestone:
            kept = [tag for tag in kept if not is_milestone_tag(tag)]
        return tuple(dict.fromkeys((*kept, *self.milestone)))


@dataclass(frozen=True)
class Retagged:
    """``new_id`` is the snapshot's name from now on."""

    old: Snapshot
    new_id: str
    tags: Tags


def refuse_milestone_tags(tags: Iterable[str]) -> None:
    """Raise if tags that only ``--keep-forever`` may give or take are among these."""
    for tag in tags:
        if is_milestone_tag(tag):
            raise UsageError(
                f"the tag {tag!r} marks a milestone",
                hint="use lpse-ops backup tag --keep-forever REASON, or --remove-keep-forever",
            )


def change_tags(
    repository: Repository,
    everything: Sequence[Snapshot],
    chosen: Iterable[Snapshot],
    change: TagChange,
) -> list[Retagged]:
    """Change the chosen of ``everything`` in the repository; those that change are returned.

    The caller holds an exclusive lock.
    """
    repository.ensure_writable()
    planned = [(each, change.apply(each.tags)) for each in chosen]
    changing = [(each, tags) for each, tags in planned if tags != each.tags]
    for snapshot, _ in changing:
        _refuse_to_lose_milestone(snapshot, change)
    return [_retag(repository, everything, snapshot, tags) for snapshot, tags in changing]


def _refuse_to_lose_milestone(snapshot: Snapshot, change: TagChange) -> None:
    if change.set is not None and is_milestone(snapshot):
        raise RepositoryError(
            f"--set would take the milestone from snapshot {snapshot.short_id}",
            hint="use --add and --remove, or end the milestone first: "
            f"lpse-ops backup tag --remove-keep-forever {snapshot.short_id}",
        )


def _retag(
    repository: Repository, everything: Sequence[Snapshot], old: Snapshot, tags: Tags
) -> Retagged:
    original = old.original or old.id
    # Fields that we do not know stay: whoever wrote them may need them.
    wanted = {**_load_fields(repository, old.id), "tags": list(tags), "original": original}
    if not tags:
        del wanted["tags"]
    new_id = _find_twin(repository, everything, original, wanted)
    if new_id is None:
        new_id = repository.save(FileKind.SNAPSHOT, _encode(wanted, old))
        # A disk that only said so must not cost the old one.
        repository.load(FileKind.SNAPSHOT, new_id)
    repository.remove(FileKind.SNAPSHOT, old.id)
    return Retagged(old, new_id, tags)


def _find_twin(
    repository: Repository, everything: Sequence[Snapshot], original: str, wanted: dict[str, Any]
) -> str | None:
    """The new snapshot, if a run that was cut short has written it already."""
    # One that this run has retagged already is gone.
    versions = (
        each.id
        for each in everything
        if each.original == original
        and repository.backend.exists(file_name(FileKind.SNAPSHOT, each.id))
    )
    return next((each for each in versions if _load_fields(repository, each) == wanted), None)


def _load_fields(repository: Repository, snapshot_id: str) -> dict[str, Any]:
    try:
        return dict(json.loads(repository.load(FileKind.SNAPSHOT, snapshot_id)))
    except MALFORMED as error:
        raise _unreadable(snapshot_id, error) from error


def _encode(wanted: dict[str, Any], old: Snapshot) -> bytes:
    try:
        text = json.dumps(wanted, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except MALFORMED as error:
        raise _unreadable(old.id, error) from error
    return as_stored(text).encode("utf-8")


def _unreadable(snapshot_id: str, error: Exception) -> DamagedRepository:
    return DamagedRepository(
        f"snapshot {snapshot_id[:8]} cannot be read: {error}",
        hint="run lpse-ops backup check; no tag was changed by this",
    )
