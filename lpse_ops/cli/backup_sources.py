"""Joins ``postgres`` and ``backup``: what a backup takes, as paths, streams and a manifest.

``postgres`` is imported where a database is met: libpq takes time and memory to load.
"""

import contextlib
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lpse_ops.backup.archiver import Stream
from lpse_ops.backup.backuprun import OWN_FOLDER
from lpse_ops.backup.filereader import ArchiveCounts, Readable
from lpse_ops.cli.backup_options import path_text

if TYPE_CHECKING:
    from lpse_ops.postgres.database import Database
    from lpse_ops.postgres.rowcounts import CountMode

# How a database is reached while a block lasts.
Reach = Callable[["Database"], contextlib.AbstractContextManager["Database"]]

DATABASES = OWN_FOLDER + b"/databases"
MANIFEST = OWN_FOLDER + b"/manifest.json"


@dataclass(frozen=True)
class DatabaseSource:
    """``name`` is the dump's file name in the snapshot, less ``.dump``."""

    name: str
    database: "Database"
    row_counts: "CountMode" = "exact"

    @property
    def server(self) -> str:
        """Tells servers apart: everything of the address but the database's name."""
        return self.database.named("postgres").conninfo


@dataclass
class Sources:
    """Collects, while its streams are read, what the manifest will say."""

    databases: Sequence[DatabaseSource]
    hostname: str
    time: datetime
    program_version: str
    reach: Reach = contextlib.nullcontext
    facts: list[dict[str, Any]] = field(default_factory=list)
    globals: list[dict[str, Any]] = field(default_factory=list)

    def streams(self) -> list[Stream]:
        """Each server's globals and each database's dump, in the order of the settings."""
        streams: list[Stream] = []
        servers: dict[str, bytes] = {}
        for source in self.databases:
            if source.server not in servers:
                name = f"{source.name}.globals.sql" if servers else "globals.sql"
                servers[source.server] = DATABASES + b"/" + os.fsencode(name)
                streams.append(self._globals(source, servers[source.server]))
            streams.append(self._dump(source, servers[source.server]))
        return streams

    def manifest(self, counts: ArchiveCounts) -> Stream:
        """The last file of the snapshot: versions, row counts, and what is missing."""
        content = json.dumps(
            {
                "schema": "lpse-ops/manifest/1",
                "program_version": self.program_version,
                "hostname": self.hostname,
                "time": self.time.isoformat(),
                "databases": self.facts,
                "globals": self.globals,
                **problem_fields(counts),
            },
            indent=2,
        )
        return _bytes_stream(MANIFEST, content.encode("ascii"))

    def _dump(self, source: DatabaseSource, globals_path: bytes) -> Stream:
        path = DATABASES + b"/" + os.fsencode(source.name) + b".dump"

        from lpse_ops.postgres.dump import open_session

        @contextlib.contextmanager
        def open_dump() -> Iterator[Readable]:
            with (
                self.reach(source.database) as there,
                open_session(there, row_counts=source.row_counts) as session,
            ):
                with session.dump() as pipe:
                    yield pipe
                # After the dump, but under the same snapshot: they count what was dumped.
                files = {"file": path_text(path), "globals": path_text(globals_path)}
                self.facts.append({**files, **session.facts().to_json()})

        return Stream(path, open_dump)

    def _globals(self, source: DatabaseSource, path: bytes) -> Stream:

        from lpse_ops.postgres.globals import dump_globals

        @contextlib.contextmanager
        def open_globals() -> Iterator[Readable]:
            with self.reach(source.database) as there:
                dumped = dump_globals(there)
            yield io.BytesIO(dumped.sql)
            self.globals.append({"file": path_text(path), "role_passwords": dumped.role_passwords})

        return Stream(path, open_globals)


def problem_fields(counts: ArchiveCounts) -> dict[str, Any]:
    """What an operator must know of the files, for manifest and report alike."""
    return {
        "unreadable": [
            {"path": path_text(path), "error": error} for path, error in counts.unreadable
        ],
        "changed_while_read": [path_text(path) for path in counts.changed_while_read],
    }


def _bytes_stream(path: bytes, content: bytes) -> Stream:
    return Stream(path, lambda: contextlib.nullcontext(io.BytesIO(content)))
