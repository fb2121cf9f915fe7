"""Answers of a query that somebody wrote into the settings: read only, and streamed."""

from collections.abc import Iterator
from typing import Any

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.connection import open_connection
from lpse_ops.postgres.database import Database

_ROWS_AT_ONCE = 2000


def read_rows(database: Database, query: str, *, name: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a ``SELECT``, a few in memory at a time.  ``name`` is the key of the settings."""
    text = query.strip().rstrip(";")
    try:
        with open_connection(database) as session:
            session.execute("SET TRANSACTION READ ONLY")
            with session.cursor(name="lpse_ops") as cursor:
                cursor.itersize = _ROWS_AT_ONCE
                cursor.execute(text.encode())
                yield from cursor
    except PostgresError as error:
        raise PostgresError(
            f"{name} failed: {error.message}",
            hint=f"try it in psql; {name} of lpse-ops.yml is one SELECT",
        ) from error
