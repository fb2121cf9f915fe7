"""Looks for damage: indexes, pack sizes, snapshots, trees; ``checkdata`` reads the packs too.

What is found are values, not exceptions: one damaged file must not hide the next.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.indexfile import PackList, parse_index
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType, pack_bytes
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot, parse_snapshot
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.treewalk import load_tree
from lpse_ops.errors import OpsError


class Severity(StrEnum):
    """A hint is waste or bad style; an error is something that cannot be restored."""

    HINT = "hint"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    severity: Severity
    message: str


@dataclass
class CheckReport:
    """``packs`` maps ids of packs that are there to their sizes in bytes."""

    findings: list[Finding] = field(default_factory=list)
    snapshots: int = 0
    trees: int = 0
    blobs: int = 0
    packs: dict[bytes, int] = field(default_factory=dict)
    packs_read: int = 0
    bytes_read: int = 0

    @property
    def errors(self) -> list[Finding]:
        return [each for each in self.findings if each.severity is Severity.ERROR]

    def error(self, message: str) -> None:
        self.findings.append(Finding(Severity.ERROR, message))

    def hint(self, message: str) -> None:
        self.findings.append(Finding(Severity.HINT, message))


def check_structure(repository: Repository) -> CheckReport:
    """All but the content of data packs.  The caller holds an exclusive lock."""
    report = CheckReport()
    # Snapshots before indexes: a backup that ends meanwhile must not look damaged.
    snapshots = list(_load_snapshots(repository, report))
    report.packs = {
        bytes.fromhex(file.id): file.size_bytes for file in repository.backend.files(FileKind.PACK)
    }
    index = _check_indexes(repository, report)
    report.blobs = len(index)
    _check_trees(repository, index, snapshots, report)
    return report


def read_index_packs(repository: Repository, report: CheckReport) -> Iterator[PackList]:
    """Every pack that an index lists, file after file; a broken file becomes a finding."""
    for index_id in repository.files(FileKind.INDEX):
        try:
            yield from parse_index(repository.load(FileKind.INDEX, index_id), index_id)
        except OpsError as error:
            report.error(f"index {index_id[:10]}: {error.message}")


def _load_snapshots(repository: Repository, report: CheckReport) -> Iterator[Snapshot]:
    for snapshot_id in repository.files(FileKind.SNAPSHOT):
        report.snapshots += 1
        try:
            content = repository.load(FileKind.SNAPSHOT, snapshot_id)
            yield parse_snapshot(content, snapshot_id)
        except OpsError as error:
            report.error(f"snapshot {snapshot_id[:8]}: {error.message}")


def _check_indexes(repository: Repository, report: CheckReport) -> BlobIndex:
    index = BlobIndex()
    listed: set[bytes] = set()
    for pack_id, entries in read_index_packs(repository, report):
        name = pack_id.hex()[:10]
        if pack_id in listed:
            report.hint(f"pack {name} is listed in more than one index")
            continue
        listed.add(pack_id)
        size = report.packs.get(pack_id)
        if size is None:
            report.error(f"pack {name} is missing")
        elif size != pack_bytes(entries):
            report.error(f"pack {name} has {size} bytes instead of {pack_bytes(entries)}")
        if len({entry.type for entry in entries}) > 1:
            report.hint(f"pack {name} mixes data and trees; restic prune rewrites it")
        if size is not None:
            # Only what is there counts: a second copy elsewhere may serve in its place.
            index.add_pack(pack_id, entries)
    for pack_id in report.packs.keys() - listed:
        report.hint(f"pack {pack_id.hex()[:10]} is in no index: left by a backup that was stopped")
    return index


def _check_trees(
    repository: Repository, index: BlobIndex, snapshots: list[Snapshot], report: CheckReport
) -> None:
    """Read each distinct folder of all snapshots once."""
    seen: set[bytes] = set()
    for snapshot in snapshots:
        stack = [(b"/", snapshot.tree)]
        while stack:
            path, tree_id = stack.pop()
            if tree_id in seen:
                continue
            seen.add(tree_id)
            where = f"snapshot {snapshot.short_id}, {path.decode('utf-8', 'backslashreplace')}"
            try:
                nodes = load_tree(repository, index, tree_id)
            except OpsError as error:
                report.error(f"{where}: {error.message}")
                continue
            for node in nodes:
                if node.subtree is not None:
                    stack.append((path + node.name + b"/", node.subtree))
                elif node.type == "file":
                    _check_file(index, node, where, report)
    report.trees = len(seen)


def _check_file(index: BlobIndex, node: Node, where: str, report: CheckReport) -> None:
    name = where + node.name.decode("utf-8", "backslashreplace")
    lengths = [index.plaintext_length(BlobType.DATA, each) for each in node.content]
    missing = lengths.count(None)
    if missing:
        report.error(f"{name}: {missing} of its {len(lengths)} blobs are missing")
    elif sum(filter(None, lengths)) != node.size:
        stored = sum(filter(None, lengths))
        report.error(f"{name}: {node.size} bytes are promised, {stored} are stored")
