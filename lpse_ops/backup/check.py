"""Looks for damage: indexes, pack sizes, snapshots, trees; ``checkdata`` reads the packs too.

What is found are values, not exceptions: one damaged file must not hide the next.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Protocol

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.collector import rare_collections
from lpse_ops.backup.expectedpack import ExpectedPack, expected_packs
from lpse_ops.backup.indexfile import IndexColumns, parse_columns
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot, parse_snapshot
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.tree import Reference
from lpse_ops.backup.treewalk import TreeLoader, endless
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


class Meanwhile(Protocol):
    """What others do while the folders are looked through; neither call waits for them."""

    def start(self, report: CheckReport) -> None:
        """The sizes of the packs are in the report."""

    def pump(self) -> None:
        """Between two index files, and between two folders."""

    def listed(self) -> None:
        """What the indexes say of the packs is in the report."""


class NothingElse:
    def start(self, report: CheckReport) -> None:
        """Nothing to begin."""

    def pump(self) -> None:
        """Nothing to keep going."""

    def listed(self) -> None:
        """Nobody to be told."""


NOTHING_ELSE = NothingElse()


def check_structure(repository: Repository, meanwhile: Meanwhile = NOTHING_ELSE) -> CheckReport:
    """All but the content of data packs.  The caller holds an exclusive lock."""
    check = StructureCheck(repository, meanwhile)
    check.load()
    return check.check_trees()


class StructureCheck:
    """The same in two parts, first ``load``; what is found is in ``report``.

    ``load`` may run while the lock settles: it counts only if the lock is then found to hold.
    """

    def __init__(self, repository: Repository, meanwhile: Meanwhile = NOTHING_ELSE) -> None:
        self._repository = repository
        self._meanwhile = meanwhile
        self._snapshots: list[Snapshot] = []
        # What the packs that are there hold.
        self.index = BlobIndex()
        self.report = CheckReport()

    def load(self) -> None:
        """Everything but the folders."""
        repository, report = self._repository, self.report
        with rare_collections():
            # Snapshots before indexes: a backup that ends meanwhile must not look damaged.
            self._snapshots = list(_load_snapshots(repository, report))
            report.packs = {
                bytes.fromhex(file.id): file.size_bytes
                for file in repository.backend.files(FileKind.PACK)
            }
            self._meanwhile.start(report)
            _check_keys(repository, report)
            self.index = _check_indexes(repository, report, self._meanwhile)
            report.blobs = len(self.index)
            self._meanwhile.listed()

    def check_trees(self) -> CheckReport:
        """Every folder of every snapshot."""
        with rare_collections():
            _check_trees(
                self._repository, self.index, self._snapshots, self.report, self._meanwhile
            )
        return self.report


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


def _check_indexes(repository: Repository, report: CheckReport, meanwhile: Meanwhile) -> BlobIndex:
    index = BlobIndex()
    for index_id in repository.files(FileKind.INDEX):
        try:
            columns = parse_columns(repository.load(FileKind.INDEX, index_id), index_id)
        except OpsError as error:
            report.error(f"index {index_id[:10]}: {error.message}")
            continue
        meanwhile.pump()
        _check_packs(report, columns)
        # Only what is there counts: a second copy elsewhere may serve in its place.
        if all(pack_id in report.packs for pack_id, _ in columns.packs):
            index.add_columns(columns)
        else:
            for pack_id, entries in columns.pack_lists():
                if pack_id in report.packs:
                    index.add_pack(pack_id, entries)
    for pack_id in report.packs.keys() - report.headers.keys():
        report.hint(f"pack {pack_id.hex()[:10]} is in no index: left by a backup that was stopped")
    return index


def _check_packs(report: CheckReport, columns: IndexColumns) -> None:
    for pack in expected_packs(columns):
        digest = hashlib.sha256(pack.header).digest()
        listed = report.headers.setdefault(pack.id, digest)
        if listed is digest:
            _check_pack(report, pack)
        elif listed == digest:
            report.hint(f"{pack.name} is listed in more than one index")
        else:
            report.error(f"{pack.name} is listed with other blobs in another index")


def _check_pack(report: CheckReport, pack: ExpectedPack) -> None:
    size = report.packs.get(pack.id)
    if size is None:
        report.error(f"{pack.name} is missing")
    elif size != pack.size_bytes:
        report.error(f"{pack.name} has {size} bytes instead of {pack.size_bytes}")
    if pack.is_mixed:
        report.hint(f"{pack.name} mixes data and trees; lpse-ops backup prune rewrites it")
    if pack.gap is not None:
        report.error(f"{pack.name} has a gap or an overlap at byte {pack.gap}")


def _check_trees(
    repository: Repository,
    index: BlobIndex,
    snapshots: list[Snapshot],
    report: CheckReport,
    meanwhile: Meanwhile,
) -> None:
    """Read each distinct folder of all snapshots once."""
    check = _TreeCheck(repository, index, report, meanwhile)
    for snapshot in snapshots:
        check.add(snapshot)
    report.trees = len(check.levels)


class _TreeCheck:
    """``levels`` maps each folder that was read to how many levels of folders it has, with it."""

    def __init__(
        self, repository: Repository, index: BlobIndex, report: CheckReport, meanwhile: Meanwhile
    ) -> None:
        self._load = TreeLoader(repository, index).references
        self._index = index
        self._report = report
        self._meanwhile = meanwhile
        self.levels: dict[bytes, int] = {}

    def add(self, snapshot: Snapshot) -> None:
        problems = set() if snapshot.tree in self.levels else self._walk(snapshot)
        # The same folder may lie deeper in this one than where it was read.
        problems.add(endless(self.levels[snapshot.tree] - 1))
        for problem in sorted(problems - {""}):
            self._report.error(f"snapshot {snapshot.short_id}: {problem}")

    def _walk(self, snapshot: Snapshot) -> set[str]:
        """Read what is not read yet; returns why not all of it was."""
        levels, problems = self.levels, set[str]()
        # The path of the innermost folder, and how much of it is that of each folder above.
        path, above = b"/", [0]
        stack = [(snapshot.tree, self._folders(snapshot, path, snapshot.tree))]
        while stack:
            tree_id, below = stack[-1]
            name, subtree = next(below, (b"", None))
            if subtree is None:
                stack.pop()
                path = path[: above.pop()]
                if stack:
                    outer = stack[-1][0]
                    levels[outer] = max(levels[outer], levels[tree_id] + 1)
            elif subtree in levels:
                levels[tree_id] = max(levels[tree_id], levels[subtree] + 1)
            elif problem := endless(len(stack), path + name):
                problems.add(problem)
            else:
                above.append(len(path))
                path += name + b"/"
                stack.append((subtree, self._folders(snapshot, path, subtree)))
        return problems

    def _folders(
        self, snapshot: Snapshot, path: bytes, tree_id: bytes
    ) -> Iterator[tuple[bytes, bytes]]:
        """Read a folder; gives the names and trees of those in it."""
        self.levels[tree_id] = 1
        self._meanwhile.pump()
        try:
            nodes = self._load(tree_id)
        except OpsError as error:
            self._report.error(f"{_place(snapshot, path)}: {error.message}")
            return iter(())
        for problem in _node_problems(self._index, nodes):
            self._report.error(f"{_place(snapshot, path)}{problem}")
        return iter([(node.name, node.subtree) for node in nodes if node.subtree is not None])


def _place(snapshot: Snapshot, path: bytes) -> str:
    return f"snapshot {snapshot.short_id}, {path.decode('utf-8', 'backslashreplace')}"


def _node_problems(index: BlobIndex, nodes: list[Reference]) -> Iterator[str]:
    files = [node for node in nodes if node.type == "file"]
    blobs = chain.from_iterable([node.content or () for node in files])
    found = iter(index.plaintext_lengths(BlobType.DATA, blobs))
    for node in files:
        if node.content is None:
            yield f"{_shown(node)}: its content is null instead of an empty list"
            continue
        lengths = [next(found) for _ in node.content]
        if None in lengths or sum(lengths) != node.size:  # type: ignore[arg-type]
            yield _content_problem(node, lengths)


def _shown(node: Reference) -> str:
    return node.name.decode("utf-8", "backslashreplace")


def _content_problem(node: Reference, lengths: list[int | None]) -> str:
    name = _shown(node)
    missing = lengths.count(None)
    if missing:
        return f"{name}: {missing} of its {len(lengths)} blobs are missing"
    stored = sum(length or 0 for length in lengths)
    return f"{name}: {node.size} bytes are promised, {stored} are stored"
