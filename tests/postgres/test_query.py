import pytest

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.query import read_rows


def test_rows_come_in_their_order(server):
    query = "SELECT i, 'a' FROM generate_series(1, 5000) AS i ORDER BY i ; \n"
    rows = list(read_rows(server.database("postgres"), query, name="a query"))
    assert len(rows) == 5000
    assert rows[-1] == (5000, "a")


def test_percent_signs_are_only_characters(server):
    query = "SELECT 'a%s' WHERE 'rhs' LIKE '%s'"
    assert list(read_rows(server.database("postgres"), query, name="a query")) == [("a%s",)]


def test_nobody_need_read_to_the_end(server):
    query = "SELECT i FROM generate_series(1, 100000) AS i"
    assert next(read_rows(server.database("postgres"), query, name="a query")) == (1,)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM none",
        "DROP TABLE none",
        "",
        "SELECT 1; SELECT 2",
        "WITH gone AS (DELETE FROM pg_class RETURNING 1) SELECT * FROM gone",
    ],
)
def test_what_cannot_or_may_not_be_read_names_the_setting(server, query):
    with pytest.raises(PostgresError) as failed:
        list(read_rows(server.database("postgres"), query, name="backup.drill.newest_query"))
    assert failed.value.message.startswith("backup.drill.newest_query failed: ")
    assert "psql" in failed.value.hint
