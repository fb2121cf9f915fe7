"""What a backup's manifest says about a dumped database."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.connection import Session
from lpse_ops.postgres.properties import (
    DatabaseGrant,
    DatabaseProperties,
    DatabaseSetting,
    Locale,
    read_properties,
)
from lpse_ops.postgres.rowcounts import CountMode, RowCounts, read_row_counts


@dataclass(frozen=True)
class DatabaseFacts:
    """A database at the moment of its snapshot."""

    name: str
    server_version: str
    server_version_num: int
    pg_dump_version: str
    snapshot_time: datetime
    size_bytes: int
    properties: DatabaseProperties
    extensions: Mapping[str, str]
    large_object_count: int
    row_counts: RowCounts

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"snapshot_time": self.snapshot_time.isoformat()}


def parse_facts(values: Mapping[str, Any]) -> DatabaseFacts:
    """The inverse of ``DatabaseFacts.to_json``."""
    try:
        properties, counts = dict(values["properties"]), dict(values["row_counts"])
        return DatabaseFacts(
            **dict(values)
            | {
                "snapshot_time": datetime.fromisoformat(values["snapshot_time"]),
                "properties": _parse_properties(properties),
                "row_counts": RowCounts(**counts | {"skipped": tuple(counts["skipped"])}),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PostgresError(
            f"the manifest does not describe a database as it should: {error}",
            hint="was it written by a newer lpse-ops?  pg_restore reads the dump without it",
        ) from error


def _parse_properties(values: dict[str, Any]) -> DatabaseProperties:
    grants = values["grants"]
    changed = {
        "locale": Locale(**values["locale"]),
        "grants": None if grants is None else tuple(DatabaseGrant(**grant) for grant in grants),
        "settings": tuple(DatabaseSetting(**setting) for setting in values["settings"]),
    }
    return DatabaseProperties(**values | changed)


_READ_FACTS = """
SELECT current_database(), current_setting('server_version'), transaction_timestamp(),
       pg_database_size(current_database()), (SELECT count(*) FROM pg_largeobject_metadata)
"""


def read_facts(session: Session, *, pg_dump_version: str, row_counts: CountMode) -> DatabaseFacts:
    """Read everything in the transaction that is open, so under its snapshot."""
    row = session.execute(_READ_FACTS).fetchone()
    properties = read_properties(session, row[0]) if row else None
    if row is None or properties is None:
        raise PostgresError(
            "the database was renamed while it was being dumped",
            hint="run the backup again with its new name",
        )
    name, server_version, now, size_bytes, large_objects = row
    extensions = session.execute("SELECT extname, extversion FROM pg_extension ORDER BY 1")
    return DatabaseFacts(
        name,
        server_version,
        session.info.server_version,
        pg_dump_version,
        now.astimezone(UTC),
        size_bytes,
        properties,
        dict(extensions.fetchall()),
        large_objects,
        read_row_counts(session, row_counts),
    )
