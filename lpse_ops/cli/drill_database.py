"""Joins ``backup`` and ``postgres`` for a drill: dumps into a scratch cluster, and their rows.

One database after the other is restored, asked and dropped: the scratch disk has to hold only
the largest.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.drill import (
    DatabaseProof,
    Finding,
    compare_counts,
    limit_findings,
    parse_counts,
)
from lpse_ops.backup.dump import write_file
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.treewalk import find_entry
from lpse_ops.cli.console import ProgressBar
from lpse_ops.cli.drill_dumps import Dump
from lpse_ops.cli.drill_questions import Questions
from lpse_ops.cli.shown_dump import ShownDump
from lpse_ops.cli.snapshot_manifest import load_small_file
from lpse_ops.errors import DamagedRepository, OpsError, RepositoryError
from lpse_ops.postgres.connection import open_connection
from lpse_ops.postgres.database import Database
from lpse_ops.postgres.globals import restore_globals
from lpse_ops.postgres.query import read_rows
from lpse_ops.postgres.restore import RestoreOptions, open_restore
from lpse_ops.postgres.rowcounts import count_rows
from lpse_ops.postgres.swap import drop_database, maintenance_database

_MAX_GLOBALS_BYTES = 16 << 20
_COUNT_LARGE_OBJECTS = "SELECT count(*) FROM pg_largeobject_metadata"


@dataclass
class DatabaseDrill:
    """Restores dumps into ``server``, holds them against the manifest, and has one asked.

    ``seconds`` are those of the restores alone; ``stage`` is what it is at.
    """

    repository: Repository
    index: BlobIndex
    snapshot: Snapshot
    server: Database
    questions: Questions
    bar: ProgressBar
    monotonic: Callable[[], float] = time.monotonic
    seconds: float = 0.0
    stage: str = "restoring databases"
    proofs: list[DatabaseProof] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _has_roles: dict[bytes, bool] = field(default_factory=dict)

    def run(self, dumps: Sequence[Dump]) -> None:
        asked = self.questions.choose([dump.name for dump in dumps])
        for dump in dumps:
            self._go_on(f"restoring database {dump.name}")
            started = self.monotonic()
            try:
                is_restored = self._restore(dump)
            finally:
                seconds = self.monotonic() - started
                self.seconds += seconds
            if is_restored:
                self._go_on(f"asking database {dump.name}")
                self._check(dump, seconds)
                if dump.name == asked:
                    self.questions.ask(self.server.named(dump.name))
                self._drop(dump)

    def _go_on(self, stage: str) -> None:
        self.stage = stage
        self.bar.update(description=stage)

    # -- restore -------------------------------------------------------------------------------

    def _restore(self, dump: Dump) -> bool:
        options = RestoreOptions(
            original=dump.facts.properties if dump.facts else None,
            owners=self._restore_globals(dump),
            tablespaces=False,
        )
        try:
            with open_restore(self.server, into=dump.name, options=options) as writer:
                out = ShownDump(writer, self.bar)
                write_file(self.repository, self.index, dump.entry.node, out)
        except OpsError as error:
            self._find("database", f"database {dump.name}", "pg_restore without errors", error)
            return False
        return True

    def _restore_globals(self, dump: Dump) -> bool:
        """Restore the roles that the dump's owners are, once; whether they are there."""
        if dump.globals_path not in self._has_roles:
            self._has_roles[dump.globals_path] = self._restore_globals_of(dump)
        return self._has_roles[dump.globals_path]

    def _restore_globals_of(self, dump: Dump) -> bool:
        what = os.fsdecode(dump.globals_path)
        try:
            found = find_entry(self.repository, self.index, self.snapshot.tree, dump.globals_path)
        except DamagedRepository as error:
            self._find("globals", what, "a readable file", error)
            return False
        except RepositoryError as error:
            if dump.globals_listed:
                self._find("globals", what, "the roles that the manifest lists", error)
                return False
            self.notes.append(
                f"the snapshot holds no roles ({what}): {dump.name} was restored without owners"
            )
            return False
        try:
            content = load_small_file(self.repository, self.index, found.node, _MAX_GLOBALS_BYTES)
            restore_globals(content, self.server, tablespaces=False)
        except OpsError as error:
            self._find("globals", what, "roles that can be restored", error)
            return False
        return True

    def _drop(self, dump: Dump) -> None:
        if dump.name == "postgres":
            return  # where we stand to make the others
        maintenance = maintenance_database(self.server, dump.name)
        with open_connection(maintenance, autocommit=True) as session:
            drop_database(session, dump.name)

    # -- check ---------------------------------------------------------------------------------

    def _check(self, dump: Dump, seconds: float) -> None:
        restored = self.server.named(dump.name)
        try:
            found = count_rows(restored).tables
            [(large_objects,)] = read_rows(restored, _COUNT_LARGE_OBJECTS, name="a count")
        except OpsError as error:
            self._find("rows", f"database {dump.name}", "tables that can be counted", error)
            return
        expected = self._expected(dump)
        differences: list[Finding] = []
        if dump.facts is not None and expected is not None:
            uncounted = dump.facts.row_counts.skipped
            differences = compare_counts(dump.name, expected, found, uncounted=uncounted)
        self.findings += limit_findings(differences)
        if expected is None and not found:
            what = f"database {dump.name}"
            self.findings.append(Finding("rows", what, "one table at least", "none"))
        if dump.facts is not None and dump.facts.large_object_count != large_objects:
            wanted = f"{dump.facts.large_object_count} large objects"
            self.findings.append(
                Finding("rows", f"database {dump.name}", wanted, f"{large_objects}")
            )
        self.proofs.append(
            DatabaseProof(
                name=dump.name,
                dump_bytes=dump.entry.node.size,
                tables=len(found),
                rows=sum(found.values()),
                expected_tables=None if expected is None else len(expected),
                expected_rows=None if expected is None else sum(expected.values()),
                differing=len(differences),
                seconds=round(seconds),
            )
        )

    def _expected(self, dump: Dump) -> dict[str, int] | None:
        """The exact row counts of the manifest, or None and a note that says why there are none."""
        if dump.facts is None:
            self.notes.append(
                f"the snapshot has no manifest of {dump.name}: its row counts are not proved"
            )
            return None
        counts = dump.facts.row_counts
        tables = parse_counts(counts.tables) if counts.mode == "exact" else None
        if tables is None:
            self.notes.append(
                f"rows of {dump.name} were not counted exactly when it was dumped: "
                "they are not proved (row_counts: exact in lpse-ops.yml)"
            )
        return tables

    def _find(self, check: str, what: str, expected: str, error: OpsError) -> None:
        self.findings.append(Finding(check, what, expected, error.message))
