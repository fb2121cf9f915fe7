"""Leaves files out of snapshots that exist already, and changes their host or time.

As restic's ``rewrite``: new trees equal restic's, untouched folders keep their ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.collector import rare_collections
from lpse_ops.backup.exclude import Excludes
from lpse_ops.backup.gotime import format_datetime
from lpse_ops.backup.milestone import refuse_milestones
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.snapshotedit import edited_snapshot, replace_snapshot
from lpse_ops.backup.solosaver import SoloSaver
from lpse_ops.backup.tree import EMPTY_TREE, parse_tree
from lpse_ops.backup.treerewrite import Folder, NewTree, TreeRewriter, Verdict, tree_saver
from lpse_ops.backup.unpacked import stored_id
from lpse_ops.errors import RepositoryError

TAG = "rewrite"
_EXCLUDED = Verdict(None, "left out")


@dataclass(frozen=True)
class Changes:
    """What is to change; None and empty leave it as it is."""

    excludes: Excludes | None = None
    hostname: str = ""
    time: datetime | None = None


@dataclass(frozen=True)
class Rewritten:
    """A snapshot that changes; ``tree`` is None where no patterns were given.

    ``new_id`` is empty in a dry run.
    """

    snapshot: Snapshot
    tree: NewTree | None
    new_id: str = ""


def rewrite_snapshots(
    repository: Repository,
    snapshots: Sequence[Snapshot],
    changes: Changes,
    *,
    forget: bool = False,
    dry_run: bool = False,
) -> list[Rewritten]:
    """Store a changed copy of each snapshot that changes.

    With ``forget`` the old ones are removed, each after the new one is stored; the caller then
    holds an exclusive lock, and no milestone may be among those that change.
    """
    repository.ensure_writable()
    with rare_collections():
        index = repository.load_index()
        saver = SoloSaver(repository, index)
        trees: list[NewTree | None] = [None] * len(snapshots)
        if changes.excludes is not None:
            rules = _Exclusion(repository, index, changes.excludes)
            rewriter = TreeRewriter(rules, tree_saver(saver, dry_run=dry_run))
            trees = [rewriter.rewrite(each.tree) for each in snapshots]
        pairs = list(zip(snapshots, trees, strict=True))
        plans = [(each, tree, _fields(each, tree, changes)) for each, tree in pairs]
        plans = [plan for plan in plans if plan[2]]
        if forget:
            _refuse_empty(plans)
            refuse_milestones([snapshot for snapshot, _, _ in plans])
        if dry_run:
            return [Rewritten(snapshot, tree) for snapshot, tree, _ in plans]
        saver.finish()
        tag = "" if forget else TAG
        done = []
        for snapshot, tree, fields in plans:
            content = edited_snapshot(repository, snapshot, fields, tag=tag)
            new_id = replace_snapshot(repository, snapshot, content, forget=forget)
            done.append(Rewritten(snapshot, tree, new_id))
        return done


def _fields(snapshot: Snapshot, tree: NewTree | None, changes: Changes) -> dict[str, Any]:
    """The fields of a snapshot that get another value; nothing if it stays as it is."""
    fields: dict[str, Any] = {}
    if tree is not None and tree.id != snapshot.tree:
        fields["tree"] = tree.id.hex()
        fields["summary"] = snapshot.summary | {
            "total_files_processed": tree.files,
            "total_bytes_processed": tree.size_bytes,
        }
    if changes.hostname and changes.hostname != snapshot.hostname:
        fields["hostname"] = changes.hostname
    if changes.time is not None and changes.time != snapshot.time:
        fields["time"] = format_datetime(changes.time)
    return fields


def _refuse_empty(plans: Sequence[tuple[Snapshot, NewTree | None, dict[str, Any]]]) -> None:
    for snapshot, tree, _ in plans:
        if tree is not None and tree.id.hex() == stored_id(EMPTY_TREE):
            raise RepositoryError(
                f"the patterns leave nothing of snapshot {snapshot.short_id}",
                hint="to remove it use lpse-ops backup forget; nothing was changed",
            )


class _Exclusion:
    """The rules: what the patterns match is left out; folders that become empty stay."""

    depends_on_path = True
    takes_any_json = False

    def __init__(self, repository: Repository, index: BlobIndex, excludes: Excludes) -> None:
        self._repository = repository
        self._index = index
        self._excludes = excludes

    def open(self, _path: bytes, tree_id: bytes) -> Folder:
        blob = self._repository.load_blob(self._index, BlobType.TREE, tree_id)
        return Folder(blob, parse_tree(blob, tree_id))

    def judge(self, path: bytes, _node: Node) -> Verdict | None:
        return _EXCLUDED if self._excludes.rejects(path) else None
