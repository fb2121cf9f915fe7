import time

import psycopg
import pytest

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.connection import open_connection
from lpse_ops.postgres.rowcounts import RowCounts, count_rows, read_row_counts
from tests.postgres.rich_schema import TABLE_COUNT


def test_every_table_by_itself(any_server):
    counts = count_rows(any_server.database(any_server.new_database(rich=True)))
    assert len(counts.tables) == TABLE_COUNT
    partitions = {"ekontrak.log_akses_2022", "ekontrak.log_akses_2023_admin"}
    assert sum(counts.tables[name] for name in partitions | {"ekontrak.log_akses_lain"}) == 400
    assert "ekontrak.log_akses" not in counts.tables
    # Rows of a child are not counted again with its parent.
    assert (counts.tables["public.induk"], counts.tables["public.anak"]) == (1, 2)
    assert counts.tables['public."Nama.Aneh ""kutip"""'] == 1
    assert counts.tables["public.kosong"] == 0
    assert "ekontrak.rekap" not in counts.tables
    assert list(counts.tables) == sorted(counts.tables)


def test_estimates_come_from_the_last_analyze(any_server):
    name = any_server.new_database(rich=True)
    any_server.execute("ANALYZE public.rekanan", name=name)
    with open_connection(any_server.database(name)) as session:
        counts = read_row_counts(session, "estimate")
    assert counts.mode == "estimate"
    assert counts.tables["public.rekanan"] == 503


def test_a_table_never_analysed_has_no_estimate(any_server):
    name = any_server.new_database()
    any_server.execute("CREATE TABLE t (a int)", name=name)
    with open_connection(any_server.database(name)) as session:
        assert read_row_counts(session, "estimate").skipped == ("public.t",)


def test_off_asks_nothing(server):
    with open_connection(server.database("postgres")) as session:
        assert read_row_counts(session, "off") == RowCounts("off")


def test_what_cannot_be_counted_is_named(server):
    name = server.new_database()
    server.execute(
        "CREATE ROLE counter LOGIN; CREATE TABLE open (a int); CREATE TABLE closed (a int);"
        " CREATE TABLE guarded (a int); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;"
        " CREATE SCHEMA hidden; CREATE TABLE hidden.t (a int);"
        " GRANT SELECT ON open, guarded, hidden.t TO counter",
        name=name,
    )
    counts = count_rows(server.database(name, role="counter"))
    assert counts.tables == {"public.open": 0}
    assert counts.skipped == ("hidden.t", "public.closed", "public.guarded")


def test_foreign_and_temporary_tables_and_what_extensions_bring_are_left_out(newer_server):
    name = newer_server.new_database()
    newer_server.execute(
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
        " CREATE FOREIGN TABLE far (a int) SERVER s; CREATE TABLE brought (a int);"
        " CREATE EXTENSION vector; ALTER EXTENSION vector ADD TABLE brought",
        name=name,
    )
    with psycopg.connect(newer_server.cluster.url(name)) as other:
        other.execute("CREATE TEMPORARY TABLE mine (a int)")
        other.commit()
        assert count_rows(newer_server.database(name)) == RowCounts("exact")


def test_a_locked_table_is_waited_for_only_so_long(server):
    name = server.new_database()
    server.execute("CREATE TABLE busy (a int); CREATE TABLE idle (a int)", name=name)
    with (
        psycopg.connect(server.cluster.url(name)) as other,
        open_connection(server.database(name)) as session,
    ):
        other.execute("LOCK TABLE busy")
        start = time.monotonic()
        counts = read_row_counts(session, "exact", lock_wait="200ms")
        assert time.monotonic() - start < 5
        # The transaction goes on.
        assert session.execute("SELECT 1").fetchone() == (1,)
    assert counts == RowCounts("exact", {"public.idle": 0}, ("public.busy",))


def test_counting_a_database_that_is_not_there(server):
    with pytest.raises(PostgresError, match="does not exist"):
        count_rows(server.database("not_there"))
