"""Roles, memberships, tablespaces: what belongs to the whole server and not to one database."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import errors

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.connection import open_connection, open_environment, pinned_to
from lpse_ops.postgres.database import Database
from lpse_ops.postgres.installation import Installation, choose_for_dump, find_installations
from lpse_ops.postgres.programs import program_failed
from lpse_ops.process import run


@dataclass(frozen=True, repr=False)
class Globals:
    """SQL text with the hashes of the roles' passwords, unless these could not be read."""

    sql: bytes
    role_passwords: bool


@dataclass(frozen=True)
class RestoredGlobals:
    """``kept``: roles and tablespaces that were there before and were left as they are."""

    statement_count: int
    kept: tuple[str, ...]


def dump_globals(
    database: Database, *, installations: Sequence[Installation] | None = None
) -> Globals:
    """Dump the globals; without the passwords of roles when only a superuser may read them."""
    with open_connection(database) as session:
        installation = choose_for_dump(
            find_installations() if installations is None else installations,
            session.info.server_version // 10000,
            database.name,
        )
        row = session.execute("SELECT has_table_privilege('pg_authid', 'SELECT')").fetchone()
        role_passwords = bool(row and row[0])
        there = pinned_to(database, session)
    argv = [
        str(installation.folder / "pg_dumpall"),
        "--globals-only",
        "--no-password",
        f"--dbname={there.conninfo}",
        # It ignores the name in the line above.
        f"--database={there.name}",
    ]
    if not role_passwords:
        argv.append("--no-role-passwords")
    with open_environment(there) as environment:
        finished = run(argv, environment=environment)
    if finished.status:
        raise program_failed("pg_dumpall", database, finished)
    return Globals(finished.stdout, role_passwords)


def restore_globals(
    content: bytes, server: Database, *, overwrite_roles: bool = False, tablespaces: bool = True
) -> RestoredGlobals:
    """Execute dumped globals, one statement after the other; running it again is harmless.

    A role that exists keeps its attributes and password unless ``overwrite_roles``; memberships
    are added in any case.  Without ``tablespaces``, whose folders another machine does not have,
    everything about them is passed over.
    """
    count = 0
    kept: list[str] = []
    with open_connection(server, autocommit=True) as session:
        for statement in split_statements(content):
            if not tablespaces and _ON_TABLESPACE.match(statement):
                continue
            target = _target(statement)
            if target in kept and not overwrite_roles:
                continue
            try:
                session.execute(statement)
                count += 1
            except errors.DuplicateObject:
                kept.append(target)
            except psycopg.Error as error:
                raise _failed(target, error) from None
    return RestoredGlobals(count, tuple(kept))


_PIECE = re.compile(
    rb"""
      (?P<skipped> ^\\[^\n]* | --[^\n]* )      # \restrict of newer versions; comments
    | (?P<end> ; )
    | \bE'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | .
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_TARGET = re.compile(rb'(?:CREATE|ALTER) ((?:ROLE|TABLESPACE) (?:"(?:[^"]|"")*"|\S+))')
_ON_TABLESPACE = re.compile(
    rb"(?:CREATE|ALTER|COMMENT ON|(?:GRANT|REVOKE) [A-Z, ]+ ON) TABLESPACE "
)


def split_statements(content: bytes) -> Iterator[bytes]:
    """Cut what ``pg_dumpall --globals-only`` writes; not for function bodies."""
    pieces: list[bytes] = []
    for piece in _PIECE.finditer(content):
        if piece["end"]:
            yield b"".join(pieces).strip()
            pieces.clear()
        elif not piece["skipped"]:
            pieces.append(piece[0])


def _target(statement: bytes) -> str:
    """``ROLE epns`` when it makes or changes one, else an empty text."""
    found = _TARGET.match(statement)
    return found[1].decode(errors="replace") if found else ""


def _failed(target: str, error: psycopg.Error) -> PostgresError:
    # Never the statement itself: it may hold the hash of a password.
    reason = error.diag.message_primary or "the connection broke"
    if isinstance(error, errors.InsufficientPrivilege):
        hint = "restore the globals as a superuser: postgresql://postgres@/postgres"
    elif target.startswith("TABLESPACE"):
        hint = "make its folder, owned by the account postgres, or restore without tablespaces"
    else:
        hint = "correct it in globals.sql, then psql --file=globals.sql postgres"
    return PostgresError(f"cannot restore the globals: {target}: {reason}", hint=hint)
