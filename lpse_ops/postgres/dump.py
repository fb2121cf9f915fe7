"""Dump a database as one stream, together with facts that are true of the very same moment.

The stream is ``pg_dump``'s custom format, uncompressed: the repository compresses and removes
duplicates better than ``pg_dump`` could.
"""

import contextlib
import io
from collections.abc import Iterator, Sequence

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.connection import (
    Session,
    database_errors,
    open_connection,
    open_environment,
    pinned_to,
)
from lpse_ops.postgres.database import Database
from lpse_ops.postgres.facts import DatabaseFacts, read_facts
from lpse_ops.postgres.installation import Installation, choose_for_dump, find_installations
from lpse_ops.postgres.programs import program_failed
from lpse_ops.postgres.rowcounts import CountMode
from lpse_ops.process import open_program

# Our session waits while pg_dump works: no limit of the site may end it meanwhile.
_NO_LIMITS = """
SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN
('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')
"""
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class DumpSession:
    """A database held at one moment; see ``open_session``."""

    def __init__(
        self,
        database: Database,
        session: Session,
        snapshot: str,
        installation: Installation,
        row_counts: CountMode,
        lock_wait: str,
    ) -> None:
        self._database = database
        self._session = session
        self._snapshot = snapshot
        self._installation = installation
        self._row_counts = row_counts
        self._lock_wait = lock_wait

    @contextlib.contextmanager
    def dump(self) -> Iterator[io.FileIO]:
        """The dump, unbuffered; it has to be read to its end and left open.

        Only after the block is it known whether the dump is whole: it raises ``PostgresError``
        when ``pg_dump`` failed or when something was left unread.
        """
        with (
            open_environment(self._database) as environment,
            open_program(self._argv(), pipe="stdout", environment=environment) as program,
        ):
            yield program.pipe
            if program.pipe.closed or program.pipe.read(1):
                raise PostgresError(
                    f"the dump of {self._database.name} was not read to its end",
                    hint="run the backup again",
                )
            finished = program.wait()
            if finished.status:
                raise program_failed("pg_dump", self._database, finished)

    def facts(self) -> DatabaseFacts:
        """Read the facts; with exact row counts this takes a scan of every table."""
        with database_errors(self._database.name):
            return read_facts(
                self._session,
                pg_dump_version=self._installation.version,
                row_counts=self._row_counts,
            )

    def _argv(self) -> list[str]:
        return [
            str(self._installation.folder / "pg_dump"),
            "--format=custom",
            "--compress=0",
            f"--snapshot={self._snapshot}",
            f"--lock-wait-timeout={self._lock_wait}",
            "--no-password",
            f"--dbname={self._database.conninfo}",
        ]


@contextlib.contextmanager
def open_session(
    database: Database,
    *,
    row_counts: CountMode,
    installations: Sequence[Installation] | None = None,
    lock_wait: str = "10min",
) -> Iterator[DumpSession]:
    """Hold the database at this moment, for one dump and its facts.

    A table that somebody else holds (ALTER TABLE, VACUUM FULL) is waited for ``lock_wait`` long.
    Raises ``PostgresError`` at once when no ``pg_dump`` fits the server; ``installations`` are
    those of this machine unless given.
    """
    with open_connection(database, autocommit=True) as session:
        installation = choose_for_dump(
            find_installations() if installations is None else installations,
            session.info.server_version // 10000,
            database.name,
        )
        session.execute(_NO_LIMITS)
        session.execute(_BEGIN)
        # A transaction gets its snapshot with its first query, not with BEGIN.
        snapshot = session.execute("SELECT pg_export_snapshot()").fetchall()[0][0]
        there = pinned_to(database, session)
        yield DumpSession(there, session, snapshot, installation, row_counts, lock_wait)
