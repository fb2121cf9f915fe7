import os
import pwd
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lpse_ops.backup.node import Node
from lpse_ops.backup.treewalk import Entry
from lpse_ops.cli.drill_dumps import (
    choose_installation,
    find_lacking,
    find_unread,
    is_dump,
    list_dumps,
    open_cluster,
    without_libpq_variables,
)
from lpse_ops.errors import PostgresError
from lpse_ops.postgres.facts import DatabaseFacts
from lpse_ops.postgres.installation import Installation
from lpse_ops.postgres.properties import DatabaseProperties, Locale
from lpse_ops.postgres.rowcounts import RowCounts
from tests.postgres.conftest import folder

__all__ = ["folder"]

NEVER = "2026-01-01T00:00:00Z"


def facts(version: int = 150018) -> dict[str, Any]:
    locale = Locale("UTF8", "C.UTF-8", "C.UTF-8")
    properties = DatabaseProperties("postgres", locale, "pg_default", -1, None, None, ())
    counts = RowCounts("exact", {"public.paket": 5})
    made = DatabaseFacts(
        *("epns", "x", version, "15.18", datetime(2026, 1, 1, tzinfo=UTC)),
        *(5_000_000, properties, {}, 0, counts),
    )
    return made.to_json()


def entry(name: str, size: int = 100) -> Entry:
    path = os.fsencode(f"/lpse-ops/databases/{name}")
    return Entry(path, Node(os.fsencode(name), "file", 0o600, NEVER, NEVER, NEVER, size=size))


def dumps(*versions: int):
    listed = [
        {"file": f"/lpse-ops/databases/{n}.dump", **facts(version)}
        for n, version in enumerate(versions)
    ]
    entries = [entry(f"{n}.dump") for n in range(len(versions))]
    return list_dumps(entries, {"databases": listed})


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        (b"/lpse-ops/databases/epns.dump", True),
        (b"/lpse-ops/databases/globals.sql", False),
        (b"/lpse-ops/databases/.dump", False),
        (b"/lpse-ops/databases/deeper/epns.dump", False),
        (b"/home/lpse-ops/databases/epns.dump", False),
        (b"/home/file/old.dump", False),
    ],
)
def test_only_files_of_our_own_folder_are_dumps(path: bytes, is_one: bool):
    assert is_dump(path) is is_one


def test_dumps_are_listed_by_name_with_what_the_manifest_says():
    listed = {"file": "/lpse-ops/databases/b.dump", "globals": "/lpse-ops/databases/b.globals.sql"}
    found = list_dumps([entry("b.dump"), entry("a.dump", 900)], {"databases": [listed | facts()]})
    assert [dump.name for dump in found] == ["a", "b"]
    assert (found[0].facts, found[0].globals_path) == (None, b"/lpse-ops/databases/globals.sql")
    assert found[1].globals_path == b"/lpse-ops/databases/b.globals.sql"
    # From the manifest, or else guessed from the dump.
    assert [dump.space_bytes for dump in found] == [4 * 900, 5_000_000]


def test_names_that_are_no_text_break_nothing():
    strange = b"/lpse-ops/databases/\xff.dump"
    [dump] = list_dumps([entry("a.dump")._replace(path=strange)], {})
    assert dump.name == "\\xff"
    listed = {"file": "/lpse-ops/databases/a.dump", "globals": "\ud800"}
    [dump] = list_dumps([entry("a.dump")], {"databases": [listed]})
    assert dump.globals_path == b"/lpse-ops/databases/globals.sql"


@pytest.mark.parametrize(
    "broken",
    [
        {"row_counts": 5},
        {"row_counts": {"mode": "exact", "tables": {}, "skipped": [[]]}},
        {"properties": None},
        {"snapshot_time": "x"},
        {"more": 1},
        {"size_bytes": "5"},
        {"server_version_num": 15.5},
        {"large_object_count": None},
    ],
)
def test_facts_that_are_none_are_left_out(broken: dict[str, Any]):
    listed = {"file": "/lpse-ops/databases/b.dump", **facts(), **broken}
    assert list_dumps([entry("b.dump")], {"databases": [listed]})[0].facts is None


class Programs(Installation):
    """All programs are there."""

    def has(self, *programs: str) -> bool:
        return bool(programs)


@pytest.mark.parametrize(
    ("versions", "there", "chosen"),
    [
        ([150018], ["18.0", "15.3"], "15.3"),
        ([140001], ["18.0", "15.3"], "15.3"),
        ([160002], ["18.0", "15.3"], "18.0"),
        ([150018, 180001], ["18.0", "15.3"], "18.0"),
        ([190001], ["18.0", "15.3"], "18.0"),
        ([], ["18.0", "15.3"], "18.0"),
    ],
)
def test_the_server_is_as_new_as_the_dumps_or_newer(versions, there, chosen):
    installations = [Programs(Path("/usr"), version) for version in there]
    assert choose_installation(installations, dumps(*versions)).version == chosen


def test_without_a_server_the_package_is_named():
    with pytest.raises(PostgresError) as failed:
        choose_installation([], dumps(150018))
    assert "apt install postgresql" in failed.value.hint


def test_variables_of_libpq_are_away_for_the_time_of_the_block():
    environment = {"PGHOST": "/production", "PGPASSWORD": "x", "PATH": "/bin"}
    with without_libpq_variables(environment):
        assert environment == {"PATH": "/bin"}
    assert environment == {"PGHOST": "/production", "PGPASSWORD": "x", "PATH": "/bin"}


def test_dumps_that_the_manifest_lists_and_nobody_finds_are_findings():
    there, gone = (f"/lpse-ops/databases/{name}.dump" for name in "ab")
    manifest = {"databases": [{"file": there}, {"file": gone}, 7, {"file": 5}]}
    found = find_lacking(manifest, list_dumps([entry("a.dump")], manifest))
    assert [finding.what for finding in found] == [gone]
    assert find_lacking({"databases": 5}, []) == []


def test_files_that_the_backup_could_not_read_are_findings():
    listed = [{"path": "/home/file/1", "error": "Permission denied"}, 5, {"path": None}]
    [finding] = find_unread({"unreadable": listed})
    assert finding.text == (
        "/home/file/1: expected in the snapshot, found could not be read when it was taken"
    )
    many = find_unread({"unreadable": [{"path": f"/{n}"} for n in range(500)]})
    assert (len(many), many[-1].what) == (101, "400 more like these")
    assert find_unread({"unreadable": {}}) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone works for another account")
def test_a_dump_runs_as_nobody_and_not_as_the_owner_of_production(folder: Path):
    with (
        open_cluster(folder, []) as scratch,
        psycopg.connect(scratch.server.conninfo) as session,
    ):
        session.execute("CREATE TEMP TABLE ran_as (name text)")
        # What any dump may hold.
        session.execute("COPY ran_as FROM PROGRAM 'id -un'")
        assert session.execute("SELECT name FROM ran_as").fetchone() == ("nobody",)
        assert (folder / "scratch-cluster").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    assert list(folder.iterdir()) == []
