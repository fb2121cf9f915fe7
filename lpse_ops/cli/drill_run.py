"""One drill from its beginning to its end: survey, room, restore, proofs, report.

Nothing is restored before it is known that there is room for it.  What is wrong with the backup
is a finding; what keeps a drill from beginning at all is an error, and leaves no record.
"""

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.drill import (
    DatabaseProof,
    DrillReport,
    Finding,
    Medium,
    data_age,
    format_age,
    judge_ages,
    note_clocks,
)
from lpse_ops.backup.drilldocuments import RestoredTree
from lpse_ops.backup.drillfolder import Room, open_scratch, read_free, refuse_without_room
from lpse_ops.backup.drilltree import Survey, survey
from lpse_ops.backup.readpool import ReadPool
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.cli.console import ProgressBar
from lpse_ops.cli.drill_database import DatabaseDrill
from lpse_ops.cli.drill_dumps import (
    CLUSTER_BYTES,
    Dump,
    find_lacking,
    find_unread,
    is_dump,
    list_dumps,
    open_cluster,
)
from lpse_ops.cli.drill_files import FilesDrill
from lpse_ops.cli.drill_questions import Questions
from lpse_ops.cli.drill_time import TimeIsUp, bounded
from lpse_ops.cli.settings import DrillSettings
from lpse_ops.cli.sizes import format_size
from lpse_ops.cli.snapshot_manifest import load_manifest
from lpse_ops.clock import Clock
from lpse_ops.errors import (
    DamagedRepository,
    PostgresError,
    RepositoryError,
    RestoreFailed,
    StorageError,
)
from lpse_ops.postgres.database import Database

# A database that is rebuilt sorts its indexes beside its tables.
_DATABASE_SHARE = 1.25
_NOT_APART = (
    "the scratch server had no namespaces of its own (unshare): what is in a dump was ended with "
    "it, but could use the network meanwhile"
)


@dataclass(frozen=True)
class DrillRequest:
    """``expected_databases``: dumps that the settings say every snapshot of the site holds.

    ``here``: the host names in snapshots of this machine.
    """

    destination: str
    medium: Medium
    folder: Path
    settings: DrillSettings
    seed: int
    max_age: timedelta | None
    verify: bool
    keep: bool
    with_databases: bool
    expected_databases: tuple[str, ...]
    here: frozenset[str]


@dataclass(frozen=True)
class _Plan:
    """What the snapshot holds; ``dumps`` are those that become databases."""

    index: BlobIndex
    survey: Survey
    dumps: list[Dump]

    @property
    def room(self) -> Room:
        databases = max((dump.space_bytes for dump in self.dumps), default=0)
        cluster = CLUSTER_BYTES + int(databases * _DATABASE_SHARE) if self.dumps else 0
        return Room(self.survey.space_bytes + cluster, self.survey.inodes + 5000)

    @property
    def size_bytes(self) -> int:
        dumped = sum(dump.entry.node.size for dump in self.dumps)
        return self.survey.totals.size_bytes + dumped


@dataclass
class DrillRun:
    """``kept``: where the restored files are when they were to be kept."""

    repository: Repository
    snapshot: Snapshot
    request: DrillRequest
    clock: Clock
    pool: ReadPool | None
    bar: ProgressBar
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    kept: Path | None = None
    monotonic: Callable[[], float] = time.monotonic
    _end_at: float = 0.0
    _plan_made: _Plan | None = None
    _files: FilesDrill | None = None
    _databases: DatabaseDrill | None = None
    _questions: Questions | None = None

    def run(self) -> DrillReport:
        started = self.clock.now()
        self._end_at = self.monotonic() + self.request.settings.time_limit.total_seconds()
        with self._damage_is_a_finding():
            with self._bounded():
                plan = self._plan_made = self._plan()
            self._refuse_without_room(plan)
            self.bar.update(total=plan.size_bytes, description="restoring files")
            with open_scratch(self.request.folder, keep=self.request.keep) as scratch:
                self._prove(plan, scratch)
                self.kept = scratch if self.request.keep else None
        return self._report(started)

    @contextlib.contextmanager
    def _damage_is_a_finding(self) -> Iterator[None]:
        try:
            yield
        except (DamagedRepository, RestoreFailed, StorageError) as error:
            self.findings.append(
                Finding("restore", "the restore", "to go on to its end", error.message)
            )
        except TimeIsUp:
            limit = format_age(self.request.settings.time_limit)
            doing = f"still {self._stage()}"
            wish = f"to end within {limit} (backup.drill.time_limit)"
            self.findings.append(Finding("time", "the drill", wish, doing))

    def _stage(self) -> str:
        if self._databases is not None:
            return self._databases.stage
        return "restoring files" if self._files is not None else "reading the snapshot"

    def _bounded(
        self, stop: Callable[[], None] = lambda: None
    ) -> contextlib.AbstractContextManager[None]:
        return bounded(timedelta(seconds=self._end_at - self.monotonic()), stop)

    # -- before --------------------------------------------------------------------------------

    def _plan(self) -> _Plan:
        index = self.repository.load_index()
        surveyed = survey(
            self.repository,
            index,
            self.snapshot.tree,
            is_dump=self._is_dump,
            sample_size=self.request.settings.sample,
            random=Random(self.request.seed),  # noqa: S311 - a sample, no secret
        )
        return _Plan(index, surveyed, self._list_dumps(index, surveyed))

    def _is_dump(self, path: bytes) -> bool:
        return self.request.with_databases and is_dump(path)

    def _list_dumps(self, index: BlobIndex, surveyed: Survey) -> list[Dump]:
        manifest = self._load_manifest(index)
        self.findings += find_unread(manifest)
        if not self.request.with_databases:
            self.notes.append("--no-database: the dumps were restored as files only")
            return []
        dumps = list_dumps(surveyed.dumps, manifest)
        self.findings += find_lacking(manifest, dumps)
        there = [dump.name for dump in dumps]
        for name in self.request.expected_databases:
            if name not in there:
                found = ", ".join(there) or "no dump at all"
                self.findings.append(Finding("database", f"database {name}", "its dump", found))
        if not dumps:
            self.notes.append("the snapshot holds no database: only files were restored")
        return dumps

    def _load_manifest(self, index: BlobIndex) -> dict[str, object]:
        try:
            manifest = load_manifest(self.repository, index, self.snapshot)
        except (DamagedRepository, RepositoryError, StorageError) as error:
            self.findings.append(
                Finding("manifest", "/lpse-ops/manifest.json", "a readable file", error.message)
            )
            return {}
        if not manifest:
            self.notes.append("the snapshot has no manifest: was it taken by another program?")
        return manifest

    def _refuse_without_room(self, plan: _Plan) -> None:
        needed, free = plan.room, read_free(self.request.folder)
        sizes = f"{format_size(needed.size_bytes)} needed, {format_size(free.size_bytes)} free"
        refuse_without_room(self.request.folder, needed, free, formatted=sizes)

    # -- proofs --------------------------------------------------------------------------------

    def _prove(self, plan: _Plan, scratch: Path) -> None:
        root = scratch / "files"
        root.mkdir(0o700)
        with contextlib.ExitStack() as cluster:
            # First, because it is known in a second whether a server can run here at all.
            server = self._open_server(plan, scratch, cluster)
            self._restore_files(plan, os.fsencode(root))
            if server is None:
                return
            tree = RestoredTree(os.fsencode(root))
            zone = self.clock.now().tzinfo
            settings = self.request.settings
            self._questions = Questions(settings, self.snapshot, tree, zone)
            self._databases = DatabaseDrill(
                self.repository, plan.index, self.snapshot, server, self._questions, self.bar
            )
            self._restore_databases(self._databases, plan.dumps)

    def _open_server(
        self, plan: _Plan, scratch: Path, stack: contextlib.ExitStack
    ) -> Database | None:
        """The scratch server, if there are dumps; from here on time runs."""
        if not plan.dumps:
            stack.enter_context(self._bounded())
            return None
        opened = stack.enter_context(open_cluster(scratch, plan.dumps))
        if not opened.is_apart:
            self.notes.append(_NOT_APART)
        # The innermost: what is undone after it takes the time that it takes.
        stack.enter_context(self._bounded(opened.stop))
        return opened.server

    def _restore_files(self, plan: _Plan, root: bytes) -> None:
        self._files = FilesDrill(
            self.repository, plan.index, self.snapshot, root, self._is_dump, self.bar
        )
        report = self._files.restore(self.pool)
        if self.request.verify:
            self._files.verify(report)
        # Elsewhere, what has the same path is another machine's.
        has_source = self.snapshot.hostname in self.request.here
        self._files.check(plan.survey, report, seed=self.request.seed, has_source=has_source)

    def _restore_databases(self, databases: DatabaseDrill, dumps: list[Dump]) -> None:
        try:
            databases.run(dumps)
        except PostgresError as error:
            self.findings.append(
                Finding("database", "the databases", "to be restored and asked", error.message)
            )

    # -- report --------------------------------------------------------------------------------

    def _report(self, started: datetime) -> DrillReport:
        files, databases, questions = self._files, self._databases, self._questions
        newest_row = questions.newest_row if questions else None
        ages = judge_ages(started, self.snapshot.time, newest_row, self.request.max_age)
        parts = [part for part in (files, databases, questions) if part is not None]
        seconds = sum(part.seconds for part in (files, databases) if part is not None)
        notes = [*(files.notes if files else ()), *(databases.notes if databases else ())]
        notes += note_clocks(started, self.snapshot.time)
        zone = started.tzinfo
        return DrillReport(
            destination=self.request.destination,
            medium=self.request.medium,
            repository_id=self.repository.config.id,
            snapshot=self.snapshot.id,
            snapshot_time=self.snapshot.time.astimezone(zone),
            hostname=self.snapshot.hostname,
            paths=self.snapshot.paths,
            started=started,
            finished=self.clock.now(),
            files=files.files if files else None,
            sample=files.sample if files else None,
            databases=tuple(databases.proofs) if databases else (),
            documents=questions.documents if questions else None,
            newest_row=newest_row,
            rto_seconds=math.ceil(seconds),
            rpo_seconds=data_age(started, self.snapshot.time, newest_row),
            findings=(*self.findings, *(each for part in parts for each in part.findings), *ages),
            notes=(*self.notes, *notes, *(questions.notes() if questions else ())),
            with_databases=self.request.with_databases,
            unproved=self._unproved(databases.proofs if databases else ()),
            room_bytes=self._plan_made.room.size_bytes if self._plan_made else None,
        )

    def _unproved(self, proofs: Sequence[DatabaseProof]) -> tuple[str, ...]:
        if not self.request.with_databases:
            return ()
        dumps = self._plan_made.dumps if self._plan_made else ()
        wanted = {*self.request.expected_databases, *(dump.name for dump in dumps)}
        return tuple(sorted(wanted - {proof.name for proof in proofs}))
