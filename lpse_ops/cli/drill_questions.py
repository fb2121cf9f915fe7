"""What a drill asks a restored database: its newest row, and the documents that it names."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo

from lpse_ops.backup.drill import DocumentsProof, Finding
from lpse_ops.backup.drilldocuments import (
    NamedDocument,
    RestoredTree,
    check_documents,
    parse_document,
)
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.cli.backup_sources import DATABASES
from lpse_ops.cli.drill_time import question_limit
from lpse_ops.cli.settings import DrillSettings
from lpse_ops.errors import OpsError, PostgresError
from lpse_ops.postgres.database import Database
from lpse_ops.postgres.query import read_rows

_DOCUMENTS = "backup.drill.documents_query"
_NEWEST = "backup.drill.newest_query"
_NOT_LOOKED_AT = (
    f"no {_DOCUMENTS} in lpse-ops.yml: whether every document that the database names is there "
    "was not looked at"
)
_AGE_OF_SNAPSHOT = (
    f"no {_NEWEST} in lpse-ops.yml: the age of the data is taken to be that of the snapshot"
)


@dataclass
class Questions:
    """Asks one of the databases, the one of ``settings`` or else the first, what they say.

    ``zone``: of times without one.
    """

    settings: DrillSettings
    snapshot: Snapshot
    tree: RestoredTree
    zone: tzinfo | None
    documents: DocumentsProof | None = None
    newest_row: datetime | None = None
    findings: list[Finding] = field(default_factory=list)

    def notes(self) -> list[str]:
        """What is not asked, and so not proved."""
        notes = [] if self.settings.documents_query else [_NOT_LOOKED_AT]
        return notes if self.settings.newest_query else [*notes, _AGE_OF_SNAPSHOT]

    def choose(self, names: Sequence[str]) -> str | None:
        """The dump whose database is asked; a finding where that is not in the snapshot."""
        wanted = self.settings.database
        if wanted is None:
            return names[0] if names else None
        if wanted not in names:
            what = f"backup.drill.database {wanted}"
            self.findings.append(Finding("database", what, "its dump", ", ".join(names) or "none"))
        return wanted

    def ask(self, restored: Database) -> None:
        if self.settings.newest_query:
            try:
                self.newest_row = self._read_newest(restored, self.settings.newest_query)
            except OpsError as error:
                self.findings.append(Finding("age", _NEWEST, "the time of a row", error.message))
        if self.settings.documents_query:
            try:
                self._check_documents(restored, self.settings.documents_query)
            except OpsError as error:
                self.findings.append(Finding("documents", _DOCUMENTS, "documents", error.message))

    def _read_newest(self, restored: Database, query: str) -> datetime:
        limit = question_limit(self.settings.time_limit)
        row = next(read_rows(restored, query, name=_NEWEST, limit=limit), ())
        value = row[0] if row else None
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=self.zone)
        if not isinstance(value, datetime):
            kind = "nothing" if value is None else f"a {type(value).__name__}"
            raise PostgresError(
                f"{_NEWEST} gives {kind}, not a time",
                hint="write one SELECT of a time: SELECT max(log_waktu) FROM log_akses",
            )
        # SPSE's columns know no zone: they hold the site's time.
        return value if value.tzinfo else value.replace(tzinfo=self.zone)

    def _check_documents(self, restored: Database, query: str) -> None:
        own = os.fsdecode(DATABASES.rpartition(b"/")[0])
        folders = [os.fsencode(path) for path in self.snapshot.paths if path != own]
        limit = question_limit(self.settings.time_limit)
        documents = _read_documents(restored, query, limit)
        checked = check_documents(restored.name, documents, self.tree, folders)
        self.documents = checked.proof
        self.findings += checked.findings


def _read_documents(restored: Database, query: str, limit: timedelta) -> Iterator[NamedDocument]:
    for row in read_rows(restored, query, name=_DOCUMENTS, limit=limit):
        try:
            document = parse_document(row)
        except ValueError as error:
            raise PostgresError(
                f"{_DOCUMENTS} gives {error}",
                hint="write one SELECT: SELECT dok_file, dok_ukuran FROM dok_penawaran",
            ) from error
        if document is not None:
            yield document
