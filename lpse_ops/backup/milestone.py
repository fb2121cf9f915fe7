"""Milestones: snapshots that no policy and no command removes, each for a reason.

The law keeps the papers of a tender until its audit is over, whenever that is: an event ends the
retention, not an age.  A milestone has two tags, so that stock restic can respect it too
(``restic forget --keep-tag keep-forever ...``): ``keep-forever``, and ``keep-forever:REASON``.
"""

from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.errors import RepositoryError, UsageError

KEEP_FOREVER = "keep-forever"
_REASON = f"{KEEP_FOREVER}:"


def is_milestone(snapshot: Snapshot) -> bool:
    return KEEP_FOREVER in snapshot.tags


def milestone_reason(snapshot: Snapshot) -> str | None:
    """Why a snapshot is kept forever; empty if nobody said so, None if it is no milestone."""
    if not is_milestone(snapshot):
        return None
    return next((tag.removeprefix(_REASON) for tag in snapshot.tags if _is_reason(tag)), "")


def is_milestone_tag(tag: str) -> bool:
    return tag == KEEP_FOREVER or _is_reason(tag)


def milestone_tags(reason: str) -> tuple[str, str]:
    """The two tags of a milestone."""
    text = reason.strip()
    if not text or not text.isprintable():
        raise UsageError(
            "a milestone needs a reason of one line",
            hint="write lpse-ops backup tag --keep-forever 'pemeriksaan BPK 2026' SNAPSHOT",
        )
    if "," in text:
        raise UsageError(
            f"the reason {text!r} holds a comma, where restic would cut it in two tags",
            hint="write it without: --keep-forever 'pemeriksaan BPK 2026 - paket 12'",
        )
    return KEEP_FOREVER, f"{_REASON}{text}"


def refuse_milestones(named: list[Snapshot]) -> None:
    """Raise if one of the snapshots that somebody wants to remove is a milestone."""
    for snapshot in named:
        reason = milestone_reason(snapshot)
        if reason is not None:
            raise RepositoryError(
                f"snapshot {snapshot.short_id} is kept forever"
                + (f": {reason}" if reason else ", for a reason that was not noted"),
                hint="when that is over: "
                f"lpse-ops backup tag --remove-keep-forever {snapshot.short_id}",
            )


def _is_reason(tag: str) -> bool:
    return tag.startswith(_REASON)
