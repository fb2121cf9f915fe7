"""Looks for damage: indexes, pack sizes, snapshots, trees; ``checkdata`` reads the packs too.

What is found are values, not exceptions: one damaged file must not hide the next.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.collector import rare_collections
from lpse_ops.backup.crypto import OVERHEAD
from lpse_ops.backup.indexfile import PackList, parse_index
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import LENGTH_BYTES, BlobType, PackEntry, encode_entry
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot, parse_snapshot
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.tree import parse_tree
from lpse_ops.backup.unpacked import stored_id
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
    """``packs`` maps ids of packs that are there to their sizes in bytes.

    ``headers`` maps ids of packs that an index lists to the SHA-256 of the header they must have.
    """

    findings: list[Finding] = field(default_factory=list)
    snapshots: int = 0
    trees: int = 0
    blobs: int = 0
    packs: dict[bytes, int] = field(default_factory=dict)
    headers: dict[bytes, bytes] = field(default_factory=dict)
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
    with rare_collections():
        return _check_structure(repository, CheckReport())


def _check_structure(repository: Repository, report: CheckReport) -> CheckReport:
    # Snapshots before indexes: a backup that ends meanwhile must not look damaged.
    snapshots = list(_load_snapshots(repository, report))
    report.packs = {
        bytes.fromhex(file.id): file.size_bytes for file in repository.backend.files(FileKind.PACK)
    }
    _check_keys(repository, report)
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


def _check_keys(repository: Repository, report: CheckReport) -> None:
    """A key file opens without its hash being looked at, but restic may refuse a changed one."""
    for key_id in repository.files(FileKind.KEY):
        try:
            content = repository.backend.load(file_name(FileKind.KEY, key_id))
        except OpsError as error:
            report.error(f"key {key_id[:8]}: {error.message}")
            continue
        if stored_id(content) != key_id:
            report.error(f"key {key_id[:8]} is damaged: its content does not match its name")


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
    for pack_id, entries in read_index_packs(repository, report):
        name = pack_id.hex()[:10]
        header, size = _expected_pack(entries)
        digest = hashlib.sha256(header).digest()
        if pack_id in report.headers:
            if report.headers[pack_id] == digest:
                report.hint(f"pack {name} is listed in more than one index")
            else:
                report.error(f"pack {name} is listed with other blobs in another index")
        else:
            report.headers[pack_id] = digest
            _check_pack(report, pack_id, size, entries)
        if pack_id in report.packs:
            # Only what is there counts: a second copy elsewhere may serve in its place.
            index.add_pack(pack_id, entries)
    for pack_id in report.packs.keys() - report.headers.keys():
        report.hint(f"pack {pack_id.hex()[:10]} is in no index: left by a backup that was stopped")
    return index


def _expected_pack(entries: list[PackEntry]) -> tuple[bytes, int]:
    """The header that a pack of these blobs has, and the size of the whole."""
    in_order = sorted(entries, key=lambda entry: entry.offset)
    header = b"".join(map(encode_entry, in_order))
    return header, sum(entry.length for entry in entries) + len(header) + OVERHEAD + LENGTH_BYTES


def _check_pack(
    report: CheckReport, pack_id: bytes, expected: int, entries: list[PackEntry]
) -> None:
    name = pack_id.hex()[:10]
    size = report.packs.get(pack_id)
    if size is None:
        report.error(f"pack {name} is missing")
    elif size != expected:
        report.error(f"pack {name} has {size} bytes instead of {expected}")
    if len({entry.type for entry in entries}) > 1:
        report.hint(f"pack {name} mixes data and trees; restic prune rewrites it")
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.offset):
        if entry.offset != end:
            report.error(f"pack {name} has a gap or an overlap at byte {entry.offset}")
            return
        end += entry.length


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
            try:
                blob = repository.load_blob(index, BlobType.TREE, tree_id)
                nodes = parse_tree(blob, tree_id)
            except OpsError as error:
                report.error(f"{_place(snapshot, path)}: {error.message}")
                continue
            for problem in _node_problems(index, nodes, blob):
                report.error(f"{_place(snapshot, path)}{problem}")
            stack += [
                (path + node.name + b"/", node.subtree)
                for node in nodes
                if node.subtree is not None
            ]
    report.trees = len(seen)


def _place(snapshot: Snapshot, path: bytes) -> str:
    return f"snapshot {snapshot.short_id}, {path.decode('utf-8', 'backslashreplace')}"


def _node_problems(index: BlobIndex, nodes: list[Node], blob: bytes) -> Iterator[str]:
    length_of = index.plaintext_length
    for node in nodes:
        if node.type != "file":
            continue
        lengths = [length_of(BlobType.DATA, each) for each in node.content]
        if None in lengths or sum(lengths) != node.size:  # type: ignore[arg-type]
            yield _content_problem(node, lengths)
    # decode_node takes null for an empty list; restic calls it damage.
    if any(node.type == "file" and not node.content for node in nodes):
        for raw in json.loads(blob)["nodes"]:
            if raw["type"] == "file" and raw.get("content") is None:
                yield f"{raw['name']}: its content is null instead of an empty list"


def _content_problem(node: Node, lengths: list[int | None]) -> str:
    name = node.name.decode("utf-8", "backslashreplace")
    missing = lengths.count(None)
    if missing:
        return f"{name}: {missing} of its {len(lengths)} blobs are missing"
    stored = sum(length or 0 for length in lengths)
    return f"{name}: {node.size} bytes are promised, {stored} are stored"
