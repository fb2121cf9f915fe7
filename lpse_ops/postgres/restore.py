"""Restore a dump into a new database and put it in its place only when it is whole.

Until then the new database is called NAME_restoring_XXXXXXXX.  ``pg_restore`` does not run in a
single transaction: that would hold a lock for every large object until the end and exhaust the
server's lock table; nothing needs it here, because what is not whole is dropped.
"""

import contextlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.connection import Session, open_connection, open_environment, pinned_to
from lpse_ops.postgres.database import Database
from lpse_ops.postgres.installation import Installation, choose_for_restore, find_installations
from lpse_ops.postgres.programs import program_failed
from lpse_ops.postgres.properties import DatabaseProperties, plan_creation, read_properties
from lpse_ops.postgres.swap import drop_database, maintenance_database, name_beside, put_in_place
from lpse_ops.process import RunningProgram, open_program, run

_READ_ROLE = "SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user"
_IS_OWNER = "SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = %s"
# Objects below 16384 are PostgreSQL's own.
_HAS_CONTENT = """
SELECT FROM pg_class WHERE oid >= 16384 UNION ALL SELECT FROM pg_proc WHERE oid >= 16384
UNION ALL SELECT FROM pg_type WHERE oid >= 16384
UNION ALL SELECT FROM pg_namespace WHERE oid >= 16384
UNION ALL SELECT FROM pg_extension WHERE oid >= 16384
UNION ALL SELECT FROM pg_largeobject_metadata
"""


@dataclass(frozen=True)
class RestoreOptions:
    """How to restore.

    ``replace``: an existing database that is not empty may be replaced.  ``original``: the
    properties of a database that does not exist here (an existing one keeps its own).
    ``owners``: objects get the owners and privileges they had; else the restoring role owns all.
    ``tablespaces``: objects go where they were, else to the default tablespace.
    """

    replace: bool = False
    original: DatabaseProperties | None = None
    owners: bool = True
    tablespaces: bool = True


DEFAULT_OPTIONS = RestoreOptions()


class DumpWriter:
    """Takes a dump in pieces; ``PostgresError`` as soon as ``pg_restore`` has given up."""

    def __init__(self, program: RunningProgram, database: Database) -> None:
        self._program = program
        self._database = database

    def write(self, content: bytes | bytearray | memoryview) -> int:
        """Write all of it, waiting for ``pg_restore`` as needed."""
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[self._program.pipe.write(rest) :]
        except BrokenPipeError as error:
            finished = self._program.wait()
            raise program_failed("pg_restore", self._database, finished) from error
        return len(content)


@contextlib.contextmanager
def open_restore(
    server: Database,
    *,
    into: str,
    options: RestoreOptions = DEFAULT_OPTIONS,
    installations: Sequence[Installation] | None = None,
) -> Iterator[DumpWriter]:
    """Restore the custom-format dump that the block writes into the database ``into``.

    ``server`` says how to connect; its ``name`` is of no account.  When the block ends well and
    ``pg_restore`` did, the database is in its place.  Anything else leaves what was there before
    untouched and the new database dropped.
    """
    with (
        _open_target(server, into, options, installations) as target,
        _open_environment(target.database) as environment,
        open_program(target.argv(), pipe="stdin", environment=environment) as program,
    ):
        yield DumpWriter(program, target.database)
        finished = program.wait()
        if finished.status:
            raise program_failed("pg_restore", target.database, finished)


def restore_file(
    path: Path,
    server: Database,
    *,
    into: str,
    jobs: int = 1,
    options: RestoreOptions = DEFAULT_OPTIONS,
    installations: Sequence[Installation] | None = None,
) -> None:
    """Restore a dump that is a file, as ``open_restore`` does; several jobs work at once."""
    with (
        _open_target(server, into, options, installations) as target,
        _open_environment(target.database) as environment,
    ):
        finished = run([*target.argv(), f"--jobs={jobs}", path], environment=environment)
        if finished.status:
            raise program_failed("pg_restore", target.database, finished)


@contextlib.contextmanager
def _open_environment(database: Database) -> Iterator[Mapping[str, str]]:
    with open_environment(database) as environment:
        # One flush for each statement is for nothing: the renaming at the end flushes them all.
        options = f"{environment.get('PGOPTIONS', '')} -c synchronous_commit=off"
        yield {**environment, "PGOPTIONS": options.strip()}


@dataclass(frozen=True)
class _Target:
    """The new database, the program that fills it and what becomes of it."""

    database: Database
    installation: Installation
    options: RestoreOptions
    properties: DatabaseProperties | None
    old: bool

    def argv(self) -> list[str | Path]:
        unwanted = [] if self.options.owners else ["--no-owner", "--no-privileges"]
        if not self.options.tablespaces:
            unwanted.append("--no-tablespaces")
        return [
            self.installation.folder / "pg_restore",
            "--format=custom",
            "--exit-on-error",
            "--no-password",
            *unwanted,
            f"--dbname={self.database.conninfo}",
        ]


@contextlib.contextmanager
def _open_target(
    server: Database,
    into: str,
    options: RestoreOptions,
    installations: Sequence[Installation] | None,
) -> Iterator[_Target]:
    maintenance = maintenance_database(server, into)
    found = find_installations() if installations is None else installations
    # No connection is kept meanwhile: a restore may take hours.
    with open_connection(maintenance, autocommit=True) as session:
        target = _make_target(session, maintenance, into, options, found)
    try:
        yield target
        if target.old and not options.replace:
            # Somebody may have filled the empty one in the meantime.
            _check_empty(maintenance.named(into))
        put_in_place(maintenance, target.database.name, into, target.properties, old=target.old)
    except BaseException:
        # The first error counts; the name tells what it is should the server be gone.
        with (
            contextlib.suppress(PostgresError),
            open_connection(maintenance, autocommit=True) as session,
        ):
            drop_database(session, target.database.name)
        raise


def _make_target(
    session: Session,
    maintenance: Database,
    into: str,
    options: RestoreOptions,
    installations: Sequence[Installation],
) -> _Target:
    server_version = session.info.server_version
    installation = choose_for_restore(installations, server_version // 10000)
    old = read_properties(session, into)
    _check_may_restore(session, maintenance, into, options, old)
    properties = old or options.original
    name = name_beside(into, f"restoring_{secrets.token_hex(4)}")
    # To name the default one takes a privilege that not every role has.
    tablespace = old.tablespace if old and old.tablespace != "pg_default" else None
    try:
        session.execute(plan_creation(name, properties.locale if properties else None, tablespace))
    except psycopg.errors.WrongObjectType as error:
        raise PostgresError(
            f"cannot create the database {name}: {error.diag.message_primary}",
            hint="dpkg-reconfigure locales, choose the locale of the original, restart PostgreSQL",
        ) from error
    if old is None and not options.owners:
        properties = None
    there = pinned_to(maintenance.named(name), session)
    return _Target(there, installation, options, properties, old=old is not None)


def _check_may_restore(
    session: Session,
    maintenance: Database,
    into: str,
    options: RestoreOptions,
    old: DatabaseProperties | None,
) -> None:
    role = session.info.user
    superuser, may_create = session.execute(_READ_ROLE).fetchall()[0]
    if not (superuser or may_create):
        raise PostgresError(
            f"the role {role} may not create databases, which a restore needs",
            hint=f"ALTER ROLE {role} CREATEDB, or restore as postgres",
        )
    if old is None:
        return
    if not options.replace:
        _check_empty(maintenance.named(into))
    if not session.execute(_IS_OWNER, [into]).fetchall()[0][0]:
        raise PostgresError(
            f"the role {role} does not own database {into} and may not replace it",
            hint=f"restore as {old.owner} (with CREATEDB) or as postgres",
        )


def _check_empty(database: Database) -> None:
    with open_connection(database) as session:
        if session.execute(_HAS_CONTENT).fetchone() is not None:
            raise PostgresError(
                f"database {database.name} exists and is not empty",
                hint="add --replace to put the restored one in its place, or choose another --into",
            )
