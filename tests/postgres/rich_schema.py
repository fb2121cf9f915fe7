"""Loads ``rich_schema.sql``: a database with one of everything that a dump has to carry."""

from pathlib import Path

import psycopg

PATH = Path(__file__).with_name("rich_schema.sql")
# Rows by table; views, and tables that only have partitions, hold none themselves.
TABLE_COUNT = 12
LARGE_OBJECT_COUNT = 22


def load_rich_schema(url: str) -> None:
    """Fill the empty database at ``url``."""
    with psycopg.connect(url) as connection:
        connection.execute(PATH.read_bytes())
