"""The dumps of a snapshot, and the scratch server that a drill restores them into."""

import contextlib
import os
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lpse_ops.backup.drill import Finding, limit_findings
from lpse_ops.backup.treewalk import Entry
from lpse_ops.cli.backup_sources import DATABASES
from lpse_ops.cli.snapshot_manifest import listed_dump, without_files
from lpse_ops.errors import PostgresError
from lpse_ops.postgres.database import Database, parse_database
from lpse_ops.postgres.facts import DatabaseFacts, parse_facts
from lpse_ops.postgres.installation import Installation, choose_for_server, find_installations
from lpse_ops.postgres.scratch import THROW_AWAY_SETTINGS, ScratchCluster

_SUFFIX = b".dump"
_GLOBALS = DATABASES + b"/globals.sql"
# The cluster's own files, its write-ahead log, and what sorting takes.
CLUSTER_BYTES = 384 << 20
_SETTINGS = {
    **THROW_AWAY_SETTINGS,
    "max_wal_size": "192MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}
# A dump is a program: who restores it runs what is in it.  Never as the account that owns the
# files of the production server, may stop it, and enters it by its socket.
_ACCOUNTS = ("nobody",)
# How much larger than its dump a database may be taken to be.
_GROWTH = 4


@dataclass(frozen=True)
class Dump:
    """A dump in the snapshot; ``facts`` is None where the manifest does not describe it.

    ``globals_listed``: the manifest says that the roles are there.
    """

    name: str
    entry: Entry
    facts: DatabaseFacts | None
    globals_path: bytes
    globals_listed: bool = False

    @property
    def space_bytes(self) -> int:
        """What its database takes up when it is restored, about."""
        if self.facts is None:
            return self.entry.node.size * _GROWTH
        return max(self.facts.size_bytes, self.entry.node.size)


def is_dump(path: bytes) -> bool:
    folder, _, name = path.rpartition(b"/")
    return folder == DATABASES and name.endswith(_SUFFIX) and name != _SUFFIX


def list_dumps(entries: Sequence[Entry], manifest: dict[str, Any]) -> list[Dump]:
    """The dumps by name, each with what the manifest says of it."""
    dumps = []
    for entry in sorted(entries, key=lambda each: each.path):
        listed = listed_dump(manifest, entry.path)
        name = entry.path.rpartition(b"/")[2].removesuffix(_SUFFIX)
        roles = _path(listed.get("globals"))
        dumps.append(
            Dump(
                # It becomes the name of a database, which is text.
                name.decode(errors="backslashreplace"),
                entry,
                _facts(listed),
                roles or _GLOBALS,
                roles is not None,
            )
        )
    return dumps


def _path(text: object) -> bytes | None:
    try:
        return os.fsencode(text) if isinstance(text, str) else None
    except UnicodeEncodeError:
        return None  # half of a character


def find_unread(manifest: dict[str, Any]) -> list[Finding]:
    """Files that the snapshot lacks by its own manifest."""
    return limit_findings(
        [
            Finding("files", path, "in the snapshot", "could not be read when it was taken")
            for path in _texts(manifest.get("unreadable"), "path")
        ]
    )


def find_lacking(manifest: dict[str, Any], dumps: Sequence[Dump]) -> list[Finding]:
    """Dumps that the snapshot lacks by its own manifest."""
    there = {os.fsdecode(dump.entry.path) for dump in dumps}
    files = _texts(manifest.get("databases"), "file")
    lacking = [
        Finding("database", file, "the dump that the manifest lists", "none")
        for file in files
        if file not in there
    ]
    return limit_findings(lacking)


def _texts(listed: object, key: str) -> list[str]:
    entries = listed if isinstance(listed, list) else []
    values = [each.get(key) for each in entries if isinstance(each, dict)]
    return [value for value in values if isinstance(value, str)]


def _facts(listed: dict[str, Any]) -> DatabaseFacts | None:
    try:
        facts = parse_facts(without_files(listed)) if listed else None
    except (PostgresError, AttributeError):
        return None
    return facts if facts is not None and _is_sound(facts) else None


def _is_sound(facts: DatabaseFacts) -> bool:
    """Whether what is computed with, or becomes SQL, has the types that it should have."""
    properties, locale = facts.properties, facts.properties.locale
    numbers = (
        facts.server_version_num,
        facts.size_bytes,
        facts.large_object_count,
        properties.connection_limit,
    )
    texts = (
        properties.owner,
        properties.tablespace,
        properties.comment or "",
        *(locale.encoding, locale.collate, locale.ctype, locale.provider, locale.name or ""),
        *facts.row_counts.skipped,
        *(each for grant in properties.grants or () for each in (grant.grantee, grant.grantor)),
        *(each for setting in properties.settings for each in (setting.name, setting.value)),
    )
    return all(type(each) is int for each in numbers) and all(
        isinstance(each, str) for each in texts
    )


def choose_installation(
    installations: Sequence[Installation], dumps: Sequence[Dump]
) -> Installation:
    """The server nearest to where the dumps came from, rather newer than older."""
    majors = [dump.facts.server_version_num // 10000 for dump in dumps if dump.facts]
    able = [one for one in installations if one.has("initdb", "pg_ctl", "postgres")]
    fitting = [one for one in able if one.major >= max(majors, default=0)]
    if not majors or not fitting:
        return choose_for_server(installations)
    return min(fitting, key=lambda one: one.major)


@contextlib.contextmanager
def without_libpq_variables(environment: MutableMapping[str, str]) -> Iterator[None]:
    """Take away what would lead libpq elsewhere than to the scratch cluster."""
    taken = {name: environment[name] for name in list(environment) if name.startswith("PG")}
    for name in taken:
        del environment[name]
    try:
        yield
    finally:
        environment.update(taken)


class Scratch(NamedTuple):
    """A scratch server; ``stop`` ends it at once, without waiting for it.

    ``is_apart``: in namespaces of its own.
    """

    server: Database
    is_apart: bool
    stop: Callable[[], None]


@contextlib.contextmanager
def open_cluster(folder: Path, dumps: Sequence[Dump]) -> Iterator[Scratch]:
    """A scratch server for the dumps, reached by its socket alone."""
    installation = choose_installation(find_installations(), dumps)
    with (
        without_libpq_variables(os.environ),
        ScratchCluster(
            folder,
            binaries=installation.folder,
            settings=_SETTINGS,
            accounts=_ACCOUNTS,
            apart=True,
        ) as cluster,
    ):
        yield Scratch(parse_database(cluster.url("postgres")), cluster.is_apart, cluster.stop)
