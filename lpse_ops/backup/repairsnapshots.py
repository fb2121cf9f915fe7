"""Makes snapshots readable again whose data is gone: what is lost is left out, and named.

As restic's ``repair snapshots``: files lose the missing parts and get the size that is left;
folders that cannot be read become empty.  The new trees equal restic's.
"""

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.collector import rare_collections
from lpse_ops.backup.gojson import MALFORMED
from lpse_ops.backup.milestone import is_milestone
from lpse_ops.backup.node import Node, decode_node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.rawjson import TREE_FIELDS, Raw, parse_raw, with_field
from lpse_ops.backup.repairindex import pack_sizes, read_header
from lpse_ops.backup.repairpacks import Blob, keep_file, list_packs
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot, parse_snapshot
from lpse_ops.backup.snapshotedit import edited_snapshot, replace_snapshot
from lpse_ops.backup.solosaver import SoloSaver
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.tree import parse_tree
from lpse_ops.backup.treerewrite import Folder, NewTree, TreeRewriter, Verdict, tree_saver
from lpse_ops.errors import DamagedRepository, FileMissing, OpsError, RepositoryError, StorageError

TAG = "repaired"


@dataclass(frozen=True)
class SnapshotRepair:
    """What became of one snapshot that needed repair; ``new_id`` is empty in a dry run.

    ``tree`` is None if not even its root can be read: then there is nothing to make a new one of.
    """

    snapshot: Snapshot
    tree: NewTree | None
    new_id: str = ""
    is_removed: bool = False


def repair_snapshots(
    repository: Repository,
    snapshots: Sequence[Snapshot],
    *,
    forget: bool = False,
    dry_run: bool = False,
) -> list[SnapshotRepair]:
    """Repair those that need it.  The caller holds an exclusive lock.

    With ``forget`` the damaged ones are removed, also those of which nothing is left; but never
    when no root can be read at all: then the index is at fault, or the disk is not mounted; and
    never while what is lost may lie in a pack that no index lists.  Milestones are never removed.
    """
    repository.ensure_writable()
    with rare_collections():
        sizes = pack_sizes(repository)
        index = _load_index(repository, sizes)
        rules = _Repair(repository, index)
        saver = SoloSaver(repository, index)
        save = tree_saver(saver, dry_run=dry_run)
        rewriter = TreeRewriter(rules, save)
        trees = [(each, rewriter.rewrite(each.tree)) for each in snapshots]
        broken = [(each, tree) for each, tree in trees if tree is None or tree.id != each.tree]
        if forget and broken and not _any_root_reads(repository, index):
            raise RepositoryError(
                "of no snapshot can the root folder be read; nothing was removed",
                hint="run lpse-ops backup repair index first; is all of the disk mounted?",
            )
        if forget and rules.lost:
            listed = set(index.pack_ids)
            unlisted = {each: size for each, size in sizes.items() if each not in listed}
            _refuse_if_in_packs(repository, rules.lost, unlisted)
        if dry_run:
            return [SnapshotRepair(each, tree) for each, tree in broken]
        saver.finish()
        return [_replace(repository, each, tree, forget) for each, tree in broken]


def remove_damaged_files(repository: Repository, folder: Path) -> list[Path]:
    """Remove snapshot files that cannot be read, each after a copy was kept; return the copies.

    Nothing can be restored from them, but check, prune and restic stop at them.
    """
    copies = []
    for snapshot_id in list(_unreadable_ids(repository)):
        content = repository.backend.load(file_name(FileKind.SNAPSHOT, snapshot_id))
        copies.append(keep_file(folder / f"snapshot-{snapshot_id}", [content]))
        repository.remove(FileKind.SNAPSHOT, snapshot_id)
    return copies


def _unreadable_ids(repository: Repository) -> Iterator[str]:
    for snapshot_id in repository.files(FileKind.SNAPSHOT):
        try:
            content = repository.load(FileKind.SNAPSHOT, snapshot_id)
            parse_snapshot(content, snapshot_id)
        except DamagedRepository:
            yield snapshot_id


def _load_index(repository: Repository, sizes: Mapping[bytes, int]) -> BlobIndex:
    """The index, whole, of packs that are whole: what was missed would look lost, and is not."""
    listed = list_packs(repository).values()
    doubtful = [each for each in listed if sizes.get(each.pack_id) != each.size_bytes]
    if doubtful:
        raise DamagedRepository(
            f"{len(doubtful)} packs are missing or have another size than the index says",
            hint="if another copy has them: lpse-ops backup repair packs --from LOCATION; "
            "else lpse-ops backup repair index, then lpse-ops backup repair packs --all-damaged",
        )
    return repository.load_index()


def _any_root_reads(repository: Repository, index: BlobIndex) -> bool:
    for snapshot in repository.snapshots(lambda _: None):
        with contextlib.suppress(OpsError):
            repository.load_blob(index, BlobType.TREE, snapshot.tree)
            return True
    return False


def _refuse_if_in_packs(
    repository: Repository, lost: Collection[Blob], unlisted: Mapping[bytes, int]
) -> None:
    """Raise if one of these packs holds what looks lost, or does not say what it holds.

    Most packs that no index lists are left by a stopped backup and hold nothing that is missed.
    """
    for pack_id, size_bytes in unlisted.items():
        shown = pack_id.hex()[:10]
        try:
            entries = read_header(repository, pack_id, size_bytes)
        except DamagedRepository as error:
            raise RepositoryError(
                f"what looks lost may be in a pack that no index lists; nothing was removed: "
                f"{error.message}",
                hint=f"run lpse-ops backup repair packs {shown} first, then this again; "
                "if another copy has it, with --from LOCATION",
            ) from error
        if any((entry.type, entry.id) in lost for entry in entries):
            raise RepositoryError(
                f"what looks lost is in pack {shown}, which no index lists; nothing was removed",
                hint="run lpse-ops backup repair index first, then this again",
            )


def _replace(
    repository: Repository, snapshot: Snapshot, tree: NewTree | None, forget: bool
) -> SnapshotRepair:
    forget = forget and not is_milestone(snapshot)
    if tree is None:
        if forget:
            repository.remove(FileKind.SNAPSHOT, snapshot.id)
        return SnapshotRepair(snapshot, None, is_removed=forget)
    tag = "" if forget else TAG
    content = edited_snapshot(repository, snapshot, {"tree": tree.id.hex()}, tag=tag)
    new_id = replace_snapshot(repository, snapshot, content, forget=forget)
    return SnapshotRepair(snapshot, tree, new_id, is_removed=forget)


class _Repair:
    """The rules of a repair: a blob is lost if the index lists it in no pack that is there.

    ``lost`` collects what was found to be missing, and folders of which no copy can be read.
    """

    depends_on_path = False
    takes_any_json = True

    def __init__(self, repository: Repository, index: BlobIndex) -> None:
        self._repository = repository
        self._index = index
        self.lost: set[Blob] = set()

    def open(self, _path: bytes, tree_id: bytes) -> Folder | None:
        blob = self._load(tree_id)
        if blob is None:
            return None
        try:
            return _with_content_lists(Folder(blob, parse_tree(blob, tree_id)))
        except (DamagedRepository, *MALFORMED):
            return _open_leniently(blob)

    def _load(self, tree_id: bytes) -> bytes | None:
        """None if every copy is proved to be damaged; a disk that fails proves nothing."""
        failure: StorageError | None = None
        for location in self._index.locations(BlobType.TREE, tree_id):
            try:
                return self._repository.load_blob_at(location)
            except (DamagedRepository, FileMissing):
                continue
            except StorageError as error:
                failure = error
        if failure is not None:
            raise failure
        self.lost.add((BlobType.TREE, tree_id))
        return None

    def judge(self, _path: bytes, node: Node) -> Verdict | None:
        if node.type != "file":
            return None
        lengths = [self._index.plaintext_length(BlobType.DATA, each) for each in node.content]
        size = sum(length or 0 for length in lengths)
        parts = list(zip(node.content, lengths, strict=True))
        lost = [blob_id for blob_id, length in parts if length is None]
        if not lost:
            return None if size == node.size else _resized(node, size, "its size was wrong")
        self.lost.update((BlobType.DATA, blob_id) for blob_id in lost)
        kept = [blob_id.hex() for blob_id, length in parts if length is not None]
        verdict = _resized(node, size, f"{len(lost)} of its {len(lengths)} parts are lost")
        return Verdict({"content": kept, **(verdict.fields or {})}, verdict.note)


def _resized(node: Node, size: int, why: str) -> Verdict:
    return Verdict({"size": size or None}, f"{why}: {size} of {node.size} bytes are there")


def _with_content_lists(folder: Folder) -> Folder:
    """restic takes a file without a list of its parts for damaged, empty or not."""
    if any(node.type == "file" and not node.content for node in folder.nodes):
        raws = parse_raw(folder.blob)["nodes"]
        if any(map(_lacks_list, raws)):
            folder.raws = list(map(_with_list, raws))
    return folder


def _lacks_list(raw: Raw) -> bool:
    return raw["type"] == "file" and raw.get("content") is None


def _with_list(raw: Raw) -> Raw:
    return with_field(raw, "content", [], TREE_FIELDS) if _lacks_list(raw) else raw


def _open_leniently(blob: bytes) -> Folder | None:
    """The entries that can be read, in order; each one that is left out is named."""
    folder = Folder(blob, [], [])
    try:
        raws = parse_raw(blob)["nodes"] or []
        pairs = sorted(_readable(raws, folder), key=lambda pair: pair[0].name)
    except MALFORMED:
        return None
    folder.raws = []
    for node, raw in pairs:
        if folder.nodes and folder.nodes[-1].name == node.name:
            folder.notes.append((node.name, "stood here twice: the second is left out"))
        else:
            folder.nodes.append(node)
            folder.raws.append(_with_list(raw))
    return folder


def _readable(raws: list[Raw], folder: Folder) -> Iterator[tuple[Node, Raw]]:
    for raw in raws:
        try:
            yield decode_node(raw), raw
        except MALFORMED as error:
            name = raw.get("name") if isinstance(raw, dict) else None
            shown = str(name)[:255].encode("utf-8", "backslashreplace")
            folder.notes.append((shown, f"cannot be read and is left out: {error}"))
