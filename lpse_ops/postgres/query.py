"""Answers of a query that somebody wrote into the settings: read only, and streamed."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from psycopg import ServerCursor, errors

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.connection import open_connection
from lpse_ops.postgres.database import Database

_ROWS_AT_ONCE = 2000


def read_rows(
    database: Database, query: str, *, name: str, limit: timedelta | None = None
) -> Iterator[tuple[Any, ...]]:
    """The rows of a ``SELECT``, a few in memory at a time.  ``name`` is the key of the settings.

    ``limit`` is for the first of them, and for each few that follow.
    """
    text = query.strip().rstrip(";")
    try:
        with open_connection(database) as session:
            session.execute("SET TRANSACTION READ ONLY")
            if limit is not None:
                milliseconds = max(int(limit / timedelta(milliseconds=1)), 1)
                session.execute(f"SET LOCAL statement_timeout = {milliseconds}".encode())
            with session.cursor(name="lpse_ops") as cursor:
                cursor.itersize = _ROWS_AT_ONCE
                yield from _fetch(cursor, text, limit)
    except PostgresError as error:
        raise PostgresError(
            f"{name} failed: {error.message}",
            hint=f"try it in psql; {name} of lpse-ops.yml is one SELECT",
        ) from error


def _fetch(
    cursor: ServerCursor[tuple[Any, ...]], query: str, limit: timedelta | None
) -> Iterator[tuple[Any, ...]]:
    try:
        cursor.execute(query.encode())
        yield from cursor
    except errors.QueryCanceled as error:
        within = "" if limit is None else f" within {limit.total_seconds():g} seconds"
        raise PostgresError(
            f"no answer{within}", hint="ask for less, or let an index help: EXPLAIN in psql"
        ) from error
