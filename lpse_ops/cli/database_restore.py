"""Joins ``backup`` and ``postgres``: a dump out of a snapshot into a server."""

import io
import os
from dataclasses import dataclass
from typing import Any

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.dump import write_file
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.snapshot import Snapshot
from lpse_ops.backup.treewalk import Entry, find_entry
from lpse_ops.cli.backup_sources import DATABASES
from lpse_ops.cli.console import ProgressBar
from lpse_ops.cli.shown_dump import ShownDump
from lpse_ops.cli.snapshot_manifest import listed_dump, load_manifest, without_files
from lpse_ops.cli.wiring import App
from lpse_ops.errors import (
    DamagedRepository,
    PostgresError,
    RepositoryError,
    RestoreFailed,
    UsageError,
)
from lpse_ops.postgres.database import Database, parse_database
from lpse_ops.postgres.facts import DatabaseFacts, parse_facts
from lpse_ops.postgres.globals import restore_globals
from lpse_ops.postgres.restore import RestoreOptions, open_restore
from lpse_ops.postgres.rowcounts import count_rows
from lpse_ops.postgres.swap import find_leftovers

_GLOBALS = os.fsdecode(DATABASES + b"/globals.sql")


@dataclass(frozen=True)
class DatabaseRestore:
    """``name`` is the dump's, ``into`` the database to make; ``server`` None asks the settings."""

    name: str
    into: str
    server: str | None
    replace: bool
    with_globals: bool
    owners: bool
    verify: bool


def restore_from_snapshot(
    app: App,
    repository: Repository,
    index: BlobIndex,
    snapshot: Snapshot,
    request: DatabaseRestore,
    bar: ProgressBar,
) -> dict[str, Any]:
    """Restore a database; what was under its name stays until the new one is whole."""
    server = _choose_server(app, request)
    path = DATABASES + b"/" + os.fsencode(request.name) + b".dump"
    entry = _find_dump(repository, index, snapshot, path)
    manifest = load_manifest(repository, index, snapshot)
    listed = listed_dump(manifest, path)
    facts = parse_facts(without_files(listed)) if listed else None
    if request.verify:
        _refuse_without_counts(request.name, facts)
    for name in find_leftovers(server, request.into):
        app.console.warn(f"database {name} is left from an earlier restore that was cut short")
    if request.with_globals:
        globals_path = os.fsencode(listed.get("globals") or _GLOBALS)
        _restore_globals(repository, index, snapshot, globals_path, server)
    bar.update(total=entry.node.size)
    options = RestoreOptions(
        replace=request.replace,
        original=facts.properties if facts else None,
        owners=request.owners,
    )
    with open_restore(server, into=request.into, options=options) as writer:
        write_file(repository, index, entry.node, ShownDump(writer, bar))
    restored = server.named(request.into)
    return {
        "database": request.name,
        "into": request.into,
        "dump_bytes": entry.node.size,
        "verified": _verify(restored, facts) if request.verify else None,
    }


def render_restored(restored: dict[str, Any]) -> str:
    lines = [f"database   {restored['database']} restored into {restored['into']}"]
    if restored["verified"] is not None:
        verified = restored["verified"]
        lines.append(
            f"verified   {verified['tables']} tables, {verified['rows']} rows as in the manifest"
        )
    return "\n".join(lines)


def _choose_server(app: App, request: DatabaseRestore) -> Database:
    if request.server is not None:
        return parse_database(request.server)
    settings = app.settings_if_any
    # Of a server that was backed up from here they are not this machine's.
    for each in settings.backup.databases if settings and not settings.backup.host else ():
        if each.name == request.name:
            return parse_database(each.url, password_file=each.password_file)
    raise UsageError(
        f"to which server shall {request.name} be restored?",
        hint="give --server postgresql:///postgres, or list the database in lpse-ops.yml",
    )


def _find_dump(repository: Repository, index: BlobIndex, snapshot: Snapshot, path: bytes) -> Entry:
    try:
        return find_entry(repository, index, snapshot.tree, path)
    except DamagedRepository:
        raise
    except RepositoryError as error:
        raise RepositoryError(
            f"snapshot {snapshot.short_id} holds no dump {os.fsdecode(path)}",
            hint=f"lpse-ops backup ls {snapshot.short_id} /lpse-ops/databases shows what it holds",
        ) from error


def _restore_globals(
    repository: Repository,
    index: BlobIndex,
    snapshot: Snapshot,
    path: bytes,
    server: Database,
) -> None:
    entry = find_entry(repository, index, snapshot.tree, path)
    content = io.BytesIO()
    write_file(repository, index, entry.node, content)
    restore_globals(content.getvalue(), server, tablespaces=False)


def _refuse_without_counts(name: str, facts: DatabaseFacts | None) -> None:
    """Before anything is touched: what cannot be verified is not restored for verification."""
    if facts is None or facts.row_counts.mode != "exact":
        raise PostgresError(
            f"the manifest has no row counts of {name} to verify with",
            hint="leave out --verify; for the next backups, set row_counts: exact in lpse-ops.yml",
        )


def _verify(restored: Database, facts: DatabaseFacts | None) -> dict[str, int]:
    wanted = facts.row_counts.tables if facts else {}
    found = count_rows(restored).tables
    different = [name for name in wanted if found.get(name) != wanted[name]]
    if different:
        listed = ", ".join(
            f"{name} {found.get(name)} instead of {wanted[name]}" for name in different[:5]
        )
        raise RestoreFailed(
            f"{restored.name} is restored, but rows differ in {len(different)} tables: {listed}",
            hint="did somebody write to it meanwhile? restore into another name with --into",
        )
    return {"tables": len(wanted), "rows": sum(wanted.values())}
