"""``postgresql_query`` and ``postgresql_ping`` beside the collection's."""

from typing import Any

import pytest

from tests.agent.modules.onpostgres.steps import Side, Step, assert_same
from tests.agent.thishost import run_task

pytestmark = pytest.mark.xdist_group("postgres-modules")

TABLE = "SELECT * FROM tender ORDER BY id"


def query(name: str, sql: Any, **args: Any) -> Step:
    return Step(name, "postgresql_query", {"login_db": "postgres", "query": sql, **args}, TABLE)


TYPES = """SELECT 1::smallint a, 2::int b, 3::bigint c, 4.5::real d, 6.25::float8 e,
 7.75::numeric f, NULL::int g, true h, false i, 'teks' j, ''::text k, E'a\\nb "c" ''d'' \\\\' l,
 '2024-02-29'::date m, '03:04:05'::time n, '03:04:05.5'::time o,
 '2024-02-29 03:04:05'::timestamp p, '2024-02-29 03:04:05.123'::timestamp q,
 '[1, {"a": null}]'::json r, '{"b": 2}'::jsonb s, 1::oid t, 'nama'::name u, 'c'::"char" v,
 'NaN'::float8 w, '1e30'::numeric x, 12345678901234567890::numeric y"""
ZONES = """SELECT '2024-02-29 03:04:05+07'::timestamptz a,
 '2024-02-29 03:04:05.12+07'::timestamptz b,
 '03:04:05.5+07'::timetz c"""
SPANS = """SELECT '1 year 2 mons 3 days 04:05:06.7'::interval a, '-3 days'::interval b,
 '04:05:06'::interval c, '-04:05:06'::interval d, '0'::interval e, '1 day -00:00:01'::interval f"""
ARRAYS = """SELECT ARRAY[1,2,NULL] a, ARRAY[[1,2],[3,4]] b,
 ARRAY['a,b', '"', NULL, 'NULL', '', E'\\\\'] c,
 '{}'::int[] d, ARRAY[true,false] e, '[0:1]={5,6}'::int[] f, ARRAY['x']::varchar[] g,
 ARRAY[1.5::float8] h, ARRAY['{"a": 1}'::jsonb] i"""
ODD = """SELECT 1 AS "a b", 2 AS "é", 3 AS x, 4 AS x, 5 AS "?column?" """

STEPS = [
    query(
        "a table",
        "CREATE TABLE IF NOT EXISTS tender (id int PRIMARY KEY, nama text, nilai numeric)",
    ),
    query("a row", "INSERT INTO tender VALUES (1, 'satu', 1.5) ON CONFLICT DO NOTHING"),
    query(
        "rows",
        "INSERT INTO tender VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING *",
        positional_args=[2, "dua; DROP TABLE tender --", -2.5],
    ),
    query(
        "by name",
        "UPDATE tender SET nama = %(nama)s WHERE id = %(id)s",
        named_args={"id": 1, "nama": "O'Brien \\ %s"},
    ),
    query("no row", "UPDATE tender SET nama = 'x' WHERE id = 99"),
    query("deleted", "DELETE FROM tender WHERE id = 2"),
    query("a percent sign", "SELECT id % 2 AS sisa, '100%' AS teks FROM tender"),
    query(
        "a percent sign beside a value", "SELECT 5 %% 2 AS sisa WHERE 1 = %s", positional_args=[1]
    ),
    query("nothing found", "SELECT * FROM tender WHERE id = 0"),
    query("types", TYPES),
    query("times with zones", ZONES),
    query("spans of time", SPANS),
    query("arrays", ARRAYS),
    query("odd names", ODD),
    query("bytes", "SELECT '\\x416263'::bytea AS a, '\\x00ff'::bytea AS b"),
    query(
        "other types", "SELECT '1.2.3.4'::inet::text AS a, 'a'::bpchar AS b, '$1.00'::money AS c"
    ),
    query(
        "values",
        "SELECT %s AS a, %s AS b, %s AS c, %s AS d, %s AS e",
        positional_args=[None, True, "é'\\", -1, 1.5],
    ),
    query(
        "arrays as values",
        "SELECT %s::int[] AS a, %s::int[] AS b",
        positional_args=[[1, 2], "{3,4}"],
    ),
    query("a list", ["SELECT 1 AS a", "SELECT 2 AS b", "UPDATE tender SET nilai = 3"]),
    query("a list with one value", ["SELECT %(a)s AS a", "SELECT %(a)s AS b"], named_args={"a": 1}),
    query("several in one", "SELECT 1 AS a; SELECT 2 AS b; SELECT 3 AS c"),
    query("shown", "SHOW server_encoding"),
    query("explained", "EXPLAIN (COSTS OFF) SELECT 1"),
    query("a list that fails later", ["INSERT INTO tender VALUES (7)", "SELECT nihil"]),
    query("wrong", "SELECT * FROM nihil"),
    query("wrong syntax", "SELEKT 1"),
    query("too few values", "SELECT %s, %s", positional_args=[1]),
    query("a name that is not there", "SELECT %(a)s", named_args={"b": 1}),
    query("a wrong place", "SELECT %d", positional_args=[1]),
    query("no query of a kind", {"a": 1}),
    query("a path", "SHOW search_path", search_path=["pg_catalog", " public"]),
    query("a role", "SELECT current_user", session_role="pg_monitor"),
    query("no such role", "SELECT 1", session_role="nihil"),
    query("an encoding", "SELECT 'é' AS a", encoding="LATIN1"),
    query("not trusted", "SELECT 1", session_role="x; DROP TABLE y", trust_input=False),
    query("both kinds of values", "SELECT 1", positional_args=[1], named_args={"a": 1}),
    query("vacuum", "VACUUM tender", autocommit=True),
    query("vacuum in a transaction", "VACUUM tender"),
    Step("no database is named", "postgresql_query", {"query": "SELECT current_database()"}),
    Step(
        "no such database",
        "postgresql_query",
        {"login_db": "nihil", "query": "SELECT 1"},
        apart=frozenset({"msg"}),
    ),
    Step("ping", "postgresql_ping", {"login_db": "postgres"}),
    Step(
        "ping of nothing",
        "postgresql_ping",
        {"login_db": "nihil"},
        apart=frozenset({"conn_err_msg"}),
    ),
    Step(
        "connect_params",
        "postgresql_query",
        {"query": "SHOW application_name"}
        | {"connect_params": {"application_name": "uji", "connect_timeout": 3}},
    ),
]


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_as_the_collection(done, name):
    theirs, ours = done
    assert_same(theirs[name], ours[name])


def test_a_failure_names_the_database(ours: Side):
    args = ours.args_of({"login_db": "nihil", "query": "SELECT 1"})
    message = run_task("postgresql_query", args, ours.folder)["msg"]
    assert message.startswith("unable to connect to database: ")
    assert 'database "nihil" does not exist' in message


def test_types_that_the_collection_cannot_tell(ours: Side):
    sql = """SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid a, '10.0.0.0/8'::inet b,
        int4range(1, 3) c, 'infinity'::date d"""
    args = ours.args_of({"login_db": "postgres", "query": sql})
    [row] = run_task("postgresql_query", args, ours.folder)["query_result"]
    assert row == {
        "a": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "b": "10.0.0.0/8",
        "c": "[1,3)",
        "d": "infinity",
    }


def test_copy_to_the_client_ends_in_an_error(ours: Side):
    args = ours.args_of({"login_db": "postgres", "query": "COPY (SELECT 1) TO STDOUT"})
    result = run_task("postgresql_query", args, ours.folder)
    assert "COPY from or to the client cannot be used here" in result["msg"]


def test_a_password_over_tcp(ours: Side):
    ours.server.execute("CREATE ROLE sandi LOGIN PASSWORD 'rahasia %s ''x'")
    login = {"login_host": "127.0.0.1", "login_user": "sandi", "login_db": "postgres"}
    args = ours.args_of({**login, "query": "SELECT current_user AS a"})
    right = run_task("postgresql_query", {**args, "login_password": "rahasia %s 'x"}, ours.folder)
    wrong = run_task("postgresql_query", {**args, "login_password": "salah"}, ours.folder)
    assert right["query_result"] == [{"a": "sandi"}]
    assert "password authentication failed" in wrong["msg"]
    assert "salah" not in str(wrong)
