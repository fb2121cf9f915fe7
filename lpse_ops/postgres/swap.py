"""Put a restored database in the place of the old one, in one transaction.

The old one is called NAME_replaced_TIME until it is dropped.  Killed at any point, the server
rolls back: the old database has its own name and lets everybody in, or the new one does.
"""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import psycopg
from psycopg import sql

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.connection import Session, database_errors, open_connection
from lpse_ops.postgres.database import Database
from lpse_ops.postgres.properties import DatabaseProperties, plan_properties

_LONGEST_NAME_BYTES = 63
_LEFTOVER = re.compile(r"(?P<start>.*)_(restoring_[0-9a-f]{8}|replaced_\d{8}T\d{6}Z)", re.DOTALL)
# Those of others cannot be ended without being a superuser; then the renaming says so.
_END_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = %s AND pid <> pg_backend_pid()
  AND (current_setting('is_superuser')::bool OR pg_has_role(usesysid, 'MEMBER'))
"""
_UNUSED_DATABASES = """
SELECT datname FROM pg_database d
WHERE NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid) ORDER BY 1
"""


def maintenance_database(server: Database, name: str) -> Database:
    """Where to stand while ``name`` is created, renamed or dropped."""
    return server.named("template1" if name == "postgres" else "postgres")


def name_beside(name: str, suffix: str) -> str:
    """``NAME_suffix``, with a long NAME cut so that the server does not cut the suffix."""
    room = _LONGEST_NAME_BYTES - len(suffix) - 1
    return f"{name.encode()[:room].decode(errors='ignore')}_{suffix}"


def find_leftovers(server: Database, into: str) -> list[str]:
    """Databases that a killed restore into ``into`` left behind; nobody uses them.

    A ``_restoring_`` one is half a restore; a ``_replaced_`` one is what was there before.
    """
    with open_connection(maintenance_database(server, into)) as session:
        names = [row[0] for row in session.execute(_UNUSED_DATABASES)]
    return [name for name in names if _is_leftover(name, into)]


def _is_leftover(name: str, into: str) -> bool:
    found = _LEFTOVER.fullmatch(name)
    return found is not None and name_beside(into, found[2]) == name


def put_in_place(
    maintenance: Database, new: str, into: str, properties: DatabaseProperties | None, *, old: bool
) -> None:
    """Give ``new`` its properties and the name ``into``; then drop the ``old`` of this name.

    The sessions on the old one are ended; new ones wait and find themselves in the new database.
    """
    with open_connection(maintenance, autocommit=True) as session:
        retired = name_beside(into, f"replaced_{_read_time(session)}") if old else None
        statements = plan_properties(new, properties) if properties else []
        if retired:
            statements.append(_plan_renaming(into, retired))
        statements.append(_plan_renaming(new, into))
        # pg_restore's own session may still be on its way out.
        _end_sessions(session, new)
        with ThreadPoolExecutor(1) as pool:
            renaming = pool.submit(_execute_all, maintenance, statements)
            # The renaming bars the door, then waits five seconds for those inside to leave.
            while retired and wait([renaming], timeout=0.1).not_done:
                _end_sessions(session, into)
            renaming.result()
        if retired:
            _drop_retired(session, retired, into)


def drop_database(session: Session, name: str) -> None:
    """Drop a database, if it is there, with whoever is in it."""
    _end_sessions(session, name)
    session.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _end_sessions(session: Session, name: str) -> None:
    session.execute(_END_SESSIONS, [name])


def _read_time(session: Session) -> str:
    query = """SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS"Z"')"""
    return str(session.execute(query).fetchall()[0][0])


def _plan_renaming(name: str, new_name: str) -> sql.Composed:
    return sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
        sql.Identifier(name), sql.Identifier(new_name)
    )


def _execute_all(maintenance: Database, statements: Sequence[sql.Composed]) -> None:
    with open_connection(maintenance) as session:
        try:
            for statement in statements:
                session.execute(statement)
        except psycopg.errors.ObjectInUse as error:
            detail = error.diag.message_detail or "somebody is connected"
            raise PostgresError(
                f"cannot replace a database: {error.diag.message_primary}: {detail}",
                hint="stop the application, or restore as a superuser, who may end its sessions",
            ) from error
        except psycopg.errors.UndefinedObject as error:
            raise PostgresError(
                f"cannot set up the restored database: {error.diag.message_primary}",
                hint="restore the globals of the backup first: they hold the roles",
            ) from error


def _drop_retired(session: Session, retired: str, into: str) -> None:
    try:
        with database_errors(retired):
            drop_database(session, retired)
    except PostgresError as error:
        raise PostgresError(
            f"{into} is restored, but what was there before could not be dropped: {error.message}",
            hint=f"psql --command='DROP DATABASE \"{retired}\"' postgres",
        ) from error
