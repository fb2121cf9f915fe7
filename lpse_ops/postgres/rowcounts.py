"""How many rows each table holds: the yardstick that a restored database is measured with.

Counted are the tables that a dump carries row by row, partitions one by one.  Left out are
foreign tables and materialised views (a restore computes those anew) and what an extension
brings by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from psycopg import errors, sql

from lpse_ops.postgres.connection import Session, open_connection
from lpse_ops.postgres.database import Database

CountMode = Literal["exact", "estimate", "off"]

# Row security must not make a count smaller in silence: such tables are left out, too.
_READ_TABLES = """
SELECT quote_ident(nspname) || '.' || quote_ident(relname), nspname, relname, reltuples::bigint,
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
       AND NOT row_security_active(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind = 'r' AND relpersistence <> 't'
  AND NOT (relpersistence = 'u' AND pg_is_in_recovery())
  AND nspname !~ '^pg_' AND nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend
                  WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
ORDER BY 1
"""


@dataclass(frozen=True)
class RowCounts:
    """Rows by ``schema.table``, quoted as SQL wants it; ``skipped`` could not be counted."""

    mode: CountMode
    tables: Mapping[str, int] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()


def count_rows(database: Database) -> RowCounts:
    """Count exactly, as of now."""
    with open_connection(database) as session:
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return read_row_counts(session, "exact")


def read_row_counts(session: Session, mode: CountMode, *, lock_wait: str = "60s") -> RowCounts:
    """Count in the transaction that is open, so under its snapshot."""
    if mode == "off":
        return RowCounts(mode)
    tables: dict[str, int] = {}
    skipped = []
    for full_name, schema, table, estimate, readable in session.execute(_READ_TABLES).fetchall():
        rows: int | None = estimate if estimate >= 0 else None
        if mode == "exact":
            rows = _count(session, schema, table, lock_wait) if readable else None
        if rows is None:
            skipped.append(full_name)
        else:
            tables[full_name] = rows
    return RowCounts(mode, tables, tuple(skipped))


def _count(session: Session, schema: str, table: str, lock_wait: str) -> int | None:
    query = sql.SQL("SELECT count(*) FROM ONLY {}").format(sql.Identifier(schema, table))
    try:
        # A savepoint: the transaction and its snapshot have to survive.
        with session.transaction():
            # Somebody may be rewriting the table (VACUUM FULL), for hours.
            session.execute("SELECT set_config('lock_timeout', %s, true)", [lock_wait])
            row = session.execute(query).fetchone()
    except (errors.LockNotAvailable, errors.UndefinedTable, errors.InsufficientPrivilege):
        return None
    return None if row is None else int(row[0])
