"""Proves one snapshot: its folders, every pack that came with it, its dumps' tables of contents."""

from collections.abc import Callable
from dataclasses import dataclass, field

from lpse_ops.backup.check import CheckReport, StructureCheck
from lpse_ops.backup.checkdata import PackReader
from lpse_ops.backup.dump import write_file
from lpse_ops.backup.progress import ExpectingProgress
from lpse_ops.backup.readpool import ReadPool
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.snapshotpacks import SnapshotPacks, find_parent, find_snapshot_packs
from lpse_ops.backup.treewalk import Entry, walk_tree
from lpse_ops.cli.backup_sources import DATABASES
from lpse_ops.cli.drill_dumps import Dump, find_lacking, find_unread, is_dump, list_dumps
from lpse_ops.cli.snapshot_manifest import load_manifest
from lpse_ops.errors import DamagedRepository, OpsError
from lpse_ops.postgres.dumplist import DumpList, list_dump
from lpse_ops.postgres.installation import find_installations


@dataclass
class SnapshotProof:
    """``errors`` are of this snapshot; ``elsewhere`` of what it does not use.

    ``parent`` is the snapshot whose packs were not read again, None where all were.
    """

    snapshot: Snapshot
    parent: str | None = None
    packs: int = 0
    packs_read: int = 0
    bytes_read: int = 0
    dumps: dict[str, DumpList] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


def prove_snapshot(
    repository: Repository,
    snapshot: Snapshot,
    snapshots: list[Snapshot],
    pool: ReadPool | None,
    progress: ExpectingProgress,
    *,
    expected: tuple[str, ...] = (),
) -> SnapshotProof:
    """Prove it; ``expected`` are databases whose dumps must be there.  The caller holds a lock."""
    proof = SnapshotProof(snapshot)
    check = StructureCheck(repository)
    check.load()
    try:
        packs = _find_packs(repository, check, proof, snapshots)
    except DamagedRepository as error:
        proof.errors += [error.message, *(each.message for each in check.report.errors)]
        return proof
    _read_new(repository, check.report, packs, proof, pool, progress)
    if not proof.errors:
        # What is damaged was named; pg_restore would only say it once more.
        _list_dumps(repository, check, proof, expected)
    return proof


def _find_packs(
    repository: Repository, check: StructureCheck, proof: SnapshotProof, snapshots: list[Snapshot]
) -> SnapshotPacks:
    parent = find_parent(proof.snapshot, snapshots)
    try:
        found = find_snapshot_packs(repository, check.index, proof.snapshot, parent)
    except DamagedRepository:
        if parent is None:
            raise
        # Perhaps it is only the parent: then nothing of it counts.
        parent = None
        found = find_snapshot_packs(repository, check.index, proof.snapshot, None)
    proof.parent = parent.id if parent else None
    proof.packs = len(found.used)
    names = tuple(f"pack {each.hex()[:10]}" for each in found.used)
    for finding in check.report.errors:
        is_ours = finding.message.startswith(names)
        (proof.errors if is_ours else proof.elsewhere).append(finding.message)
    return found


def _read_new(
    repository: Repository,
    structure: CheckReport,
    packs: SnapshotPacks,
    proof: SnapshotProof,
    pool: ReadPool | None,
    progress: ExpectingProgress,
) -> None:
    report = CheckReport(packs=structure.packs, headers=structure.headers)
    reader = PackReader(repository, pool, lambda known: known.keys() & packs.new, progress)
    reader.start(report)
    reader.listed()
    reader.finish()
    proof.packs_read, proof.bytes_read = report.packs_read, report.bytes_read
    proof.errors += [each.message for each in report.errors]


def _list_dumps(
    repository: Repository, check: StructureCheck, proof: SnapshotProof, expected: tuple[str, ...]
) -> None:
    tree = proof.snapshot.tree
    manifest = load_manifest(repository, check.index, proof.snapshot)
    entries = [
        each
        for each in walk_tree(repository, check.index, tree, enter=_leads_to_dumps)
        if each.node.type == "file" and is_dump(each.path)
    ]
    dumps = list_dumps(entries, manifest)
    for finding in (*find_lacking(manifest, dumps), *find_unread(manifest)):
        proof.errors.append(finding.text)
    there = {each.name for each in dumps}
    proof.errors += [f"there is no dump of {name}" for name in expected if name not in there]
    installations = find_installations() if dumps else []
    for dump in dumps:
        try:
            proof.dumps[dump.name] = list_dump(
                dump.name, _writer(repository, check, dump), installations, _major(dump)
            )
        except OpsError as error:
            proof.errors.append(error.message)


def _writer(repository: Repository, check: StructureCheck, dump: Dump) -> Callable[..., object]:
    return lambda sink: write_file(repository, check.index, dump.entry.node, sink)


def _major(dump: Dump) -> int:
    return dump.facts.server_version_num // 10000 if dump.facts else 0


def _leads_to_dumps(entry: Entry) -> bool:
    return f"{DATABASES.decode()}/".startswith(f"{entry.path.decode(errors='replace')}/")
