"""Which snapshot a user means: ``latest``, or the first digits of an id."""

from collections.abc import Sequence

from lpse_ops.backup.retention import parse_tags
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.errors import RepositoryError

_LISTED = 5


def choose_snapshot(
    snapshots: Sequence[Snapshot],
    wanted: str,
    *,
    hostname: str | None = None,
    paths: Sequence[str] = (),
    tags: Sequence[str] = (),
) -> Snapshot:
    """The one meant; ``latest`` looks only at those that match host, paths and tags."""
    if wanted == "latest":
        matching = filter_snapshots(snapshots, hostname=hostname, paths=paths, tags=tags)
        newest = max(matching, key=lambda each: each.time, default=None)
        if newest is None:
            raise RepositoryError(
                "the repository holds no snapshot" + (" that matches" if snapshots else ""),
                hint="lpse-ops backup makes one; lpse-ops backup snapshots lists them",
            )
        return newest
    found = [each for each in snapshots if wanted and each.id.startswith(wanted.lower())]
    if len(found) == 1:
        return found[0]
    if not found:
        raise RepositoryError(
            f"no snapshot begins with {wanted!r}",
            hint="lpse-ops backup snapshots lists them; 'latest' is the newest",
        )
    listed = ", ".join(each.id[: len(wanted) + 4] for each in found[:_LISTED])
    raise RepositoryError(
        f"{wanted!r} is ambiguous: {len(found)} snapshots begin with it ({listed}"
        + (", ...)" if len(found) > _LISTED else ")"),
        hint="give more digits of the id",
    )


def filter_snapshots(
    snapshots: Sequence[Snapshot],
    *,
    hostname: str | None = None,
    paths: Sequence[str] = (),
    tags: Sequence[str] = (),
) -> list[Snapshot]:
    """Those of a host (if given) that hold all of the paths, and all tags of a list in ``tags``.

    Each of ``tags`` is restic's comma list; the empty one means snapshots without tags.
    """
    wanted = [set(parse_tags(each)) for each in tags]
    return [
        each
        for each in snapshots
        if (hostname is None or each.hostname == hostname)
        and set(paths) <= set(each.paths)
        and (not wanted or any(one <= (set(each.tags) or {""}) for one in wanted))
    ]
