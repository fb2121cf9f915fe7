"""``postgresql_privs`` beside the collection's."""

from typing import Any

import pytest

from tests.agent.modules.onpostgres.steps import Side, Step, assert_same
from tests.agent.thishost import run_task

pytestmark = pytest.mark.xdist_group("postgres-modules")

SETUP = """
CREATE SCHEMA buku; CREATE SCHEMA kosong; CREATE TABLE buku.satu (a int);
CREATE TABLE buku."du.a b" (a int); CREATE TABLE tiga (a int); CREATE VIEW buku.lihat AS SELECT 1;
CREATE SEQUENCE buku.nomor; CREATE FUNCTION buku.tambah(int, int) RETURNS int LANGUAGE sql AS
'SELECT $1 + $2'; CREATE PROCEDURE buku.jalan(text) LANGUAGE sql AS 'SELECT 1';
CREATE TYPE buku.warna AS ENUM ('merah'); CREATE FOREIGN DATA WRAPPER bungkus;
CREATE SERVER jauh FOREIGN DATA WRAPPER bungkus; CREATE ROLE sari; CREATE ROLE budi;
CREATE ROLE "sa-ri.x"; CREATE ROLE tim; CREATE ROLE tim2; CREATE ROLE pemilik CREATEROLE;
"""
# Numbers of objects differ from side to side; names do not.
LOOK = """
SELECT n.nspname || '.' || relname AS name, relacl::text AS acl FROM pg_class c
    JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname IN ('buku', 'public')
UNION ALL SELECT proname, proacl::text FROM pg_proc
    WHERE pronamespace = 'buku'::regnamespace
UNION ALL SELECT typname, typacl::text FROM pg_type WHERE typname IN ('warna', 'numeric')
UNION ALL SELECT nspname, nspacl::text FROM pg_namespace WHERE nspname !~ '^pg_t'
UNION ALL SELECT lanname, lanacl::text FROM pg_language
UNION ALL SELECT spcname, spcacl::text FROM pg_tablespace
UNION ALL SELECT datname, datacl::text FROM pg_database WHERE datname IN ('toko', 'postgres')
UNION ALL SELECT fdwname, fdwacl::text FROM pg_foreign_data_wrapper
UNION ALL SELECT srvname, srvacl::text FROM pg_foreign_server
UNION ALL SELECT parname, paracl::text FROM pg_parameter_acl
UNION ALL SELECT concat_ws(' ', roleid::regrole, member::regrole), admin_option::text
    FROM pg_auth_members WHERE roleid > 16000
UNION ALL SELECT concat_ws(' ', defaclrole::regrole, defaclobjtype,
    CASE WHEN defaclnamespace > 0 THEN defaclnamespace::regnamespace END), defaclacl::text
    FROM pg_default_acl
ORDER BY 1, 2
"""


def privs(name: str, *, apart: frozenset[str] = frozenset(), **args: Any) -> Step:
    args = {"login_db": "toko", "roles": "sari", **args}
    return Step(name, "postgresql_privs", args, LOOK, "toko", apart=apart)


# The collection's words for sets of words are in an order of their own.
WORDS = frozenset({"msg"})
QUERIES = frozenset({"queries"})
STEPS = [
    Step("a database", "postgresql_db", {"name": "toko"}, phases=("run",)),
    Step(
        "all in it",
        "postgresql_query",
        {"login_db": "toko", "query": SETUP},
        LOOK,
        "toko",
        ("run", "look"),
    ),
    privs("a table", objs="tiga", privs="SELECT"),
    privs("in a schema", objs="satu", schema="buku", privs="select"),
    privs("several", objs="satu,lihat", schema="buku", privs="ALL", roles="sari,budi"),
    privs("an odd name", objs="du.a b", schema="buku", privs="UPDATE", roles="sa-ri.x"),
    privs("a grant option", objs="tiga", privs="INSERT", grant_option=True),
    privs("no grant option", objs="tiga", privs="INSERT", grant_option=False),
    privs("several privileges", objs="tiga", privs="INSERT,UPDATE,DELETE", apart=QUERIES),
    privs("away", objs="tiga", privs="INSERT", state="absent"),
    privs("all tables", objs="ALL_IN_SCHEMA", schema="buku", privs="SELECT"),
    privs("all tables, away", objs="ALL_IN_SCHEMA", schema="buku", privs="ALL", state="absent"),
    privs("all tables of nothing", objs="ALL_IN_SCHEMA", schema="kosong", privs="SELECT"),
    privs("all tables of no schema", objs="ALL_IN_SCHEMA", schema="nihil", privs="SELECT"),
    privs("everybody", objs="tiga", privs="SELECT", roles="PUBLIC"),
    privs("everybody in small letters", objs="tiga", privs="SELECT", roles="public"),
    privs("who we are", objs="tiga", privs="SELECT", roles="current_user"),
    privs("a sequence", type="sequence", objs="nomor", schema="buku", privs="USAGE"),
    privs("all sequences", type="sequence", objs="ALL_IN_SCHEMA", schema="buku", privs="ALL"),
    privs("a function", type="function", objs="tambah(int:int)", schema="buku", privs="EXECUTE"),
    privs(
        "a function, not for all",
        type="function",
        objs="tambah(int:int)",
        schema="buku",
        privs="ALL",
        roles="PUBLIC",
        state="absent",
    ),
    privs(
        "all functions",
        type="function",
        objs="ALL_IN_SCHEMA",
        schema="buku",
        privs="EXECUTE",
        roles="budi",
    ),
    privs("a procedure", type="procedure", objs="jalan(text)", schema="buku", privs="EXECUTE"),
    privs(
        "all procedures",
        type="procedure",
        objs="ALL_IN_SCHEMA",
        schema="buku",
        privs="EXECUTE",
        roles="budi",
    ),
    privs("no signature", type="function", objs="tambah", schema="buku", privs="EXECUTE"),
    privs("a schema", type="schema", objs="buku,public", privs="USAGE"),
    privs("a schema, all", type="schema", objs="buku", privs="ALL", roles="budi"),
    privs(
        "a schema, away", type="schema", objs="buku", privs="CREATE", roles="budi", state="absent"
    ),
    privs("a database, this one", type="database", privs="CONNECT"),
    privs("a database, another", type="database", objs="postgres", privs="TEMP"),
    privs(
        "a database, all, everybody away",
        type="database",
        privs="ALL",
        roles="PUBLIC",
        state="absent",
    ),
    privs("a language", type="language", objs="sql", privs="USAGE"),
    privs("a tablespace", type="tablespace", objs="pg_default", privs="CREATE"),
    privs("a type", type="type", objs="warna", schema="buku", privs="USAGE"),
    privs("a type of the system", type="type", objs="numeric", schema="pg_catalog", privs="ALL"),
    privs("a wrapper", type="foreign_data_wrapper", objs="bungkus", privs="ALL"),
    privs("a server", type="foreign_server", objs="jauh", privs="USAGE"),
    privs("a parameter", type="parameter", objs="log_statement", privs="SET"),
    privs(
        "a parameter of the system", type="parameter", objs="log_statement", privs="ALTER_SYSTEM"
    ),
    privs("a group", type="group", objs="tim,tim2", roles="sari,budi"),
    privs("a group, and others in it", type="group", objs="tim", admin_option=True),
    privs("a group, no others", type="group", objs="tim", admin_option=False),
    privs("a group, out", type="group", objs="tim2", state="absent"),
    privs("default", type="default_privs", objs="TABLES", privs="SELECT"),
    privs("default, other privileges", type="default_privs", objs="tables", privs="INSERT"),
    privs(
        "default, several",
        type="default_privs",
        objs="TABLES,SEQUENCES",
        privs="SELECT",
        apart=QUERIES,
    ),
    privs(
        "default, all",
        type="default_privs",
        objs="ALL_DEFAULT",
        privs="ALL",
        roles="budi",
        apart=QUERIES,
    ),
    privs(
        "default of another",
        type="default_privs",
        objs="TABLES",
        privs="SELECT",
        schema="buku",
        target_roles="pemilik",
        grant_option=True,
    ),
    privs(
        "default of another, away",
        type="default_privs",
        objs="TABLES",
        privs="SELECT",
        schema="buku",
        target_roles="pemilik",
        state="absent",
    ),
    privs(
        "default in no schema",
        type="default_privs",
        objs="TABLES",
        privs="SELECT",
        schema="not-specified",
    ),
    privs("default of schemas", type="default_privs", objs="schemas", privs="USAGE"),
    privs("default of what is not", type="default_privs", objs="KAMAR", privs="ALL", apart=WORDS),
    privs(
        "default, wrong privilege", type="default_privs", objs="TYPES", privs="SELECT", apart=WORDS
    ),
    privs("no such table", objs="nihil", privs="SELECT"),
    privs("no such role", objs="tiga", privs="SELECT", roles="nihil"),
    privs(
        "no such role and no matter",
        objs="tiga",
        privs="SELECT",
        roles="nihil,budi",
        fail_on_role=False,
    ),
    privs("no such role alone", objs="tiga", privs="SELECT", roles="nihil", fail_on_role=False),
    privs("no such privilege", objs="tiga", privs="TERBANG", apart=WORDS),
    privs("a privilege of others", objs="tiga", privs="CONNECT"),
    privs("no objects", privs="SELECT"),
    privs("no privileges", objs="tiga"),
    privs("a group and privileges", type="group", objs="tim", privs="ALL"),
    privs("a schema of schemas", type="schema", objs="buku", schema="buku", privs="USAGE"),
    privs("all of what is in no schema", type="schema", objs="ALL_IN_SCHEMA", privs="USAGE"),
    privs("as who may not", objs="tiga", privs="SELECT", roles="budi", session_role="tim"),
    privs("for whom it has no meaning", objs="tiga", privs="SELECT", target_roles="budi"),
    privs("not trusted", objs="tiga", privs="SELECT", roles="x' --", trust_input=False),
]


@pytest.mark.parametrize("name", [step.name for step in STEPS])
def test_as_the_collection(done, name):
    theirs, ours = done
    assert_same(theirs[name], ours[name])


def test_there_is_something_to_grant(done: Any):
    for side in done:
        assert not side["all in it"]["run"]["failed"], side["all in it"]["run"]
        look = side["all in it"]["look"]
        assert not look["failed"], look
        assert {"name": "buku.satu", "acl": None} in look["query_result"]


def test_warnings_name_the_roles(done: Any, ours: Side):
    args = {"login_db": "toko", "objs": "tiga", "privs": "SELECT", "roles": "nihil"}
    result = run_task(
        "postgresql_privs", ours.args_of({**args, "fail_on_role": False}), ours.folder
    )
    assert result["warnings"] == [
        "Role 'nihil' does not exist, pass it",
        "No valid roles provided, nothing to do",
    ]


def test_names_that_would_be_more_than_names(done: Any, ours: Side):
    ours.server.execute('CREATE TABLE "a""b; --" (x int); CREATE ROLE "r""; --\'"', name="toko")
    args = {"login_db": "toko", "objs": 'a"b; --', "privs": "SELECT", "roles": "r\"; --'"}
    results = [run_task("postgresql_privs", ours.args_of(args), ours.folder) for _ in range(2)]
    assert [result["changed"] for result in results] == [True, False]


def test_a_signature_is_no_place_for_statements(done: Any, ours: Side):
    args = {"login_db": "toko", "type": "function", "privs": "EXECUTE", "roles": "sari"}
    args |= {"objs": "tambah(int) TO sari; DROP TABLE tiga; --)", "schema": "buku"}
    result = run_task("postgresql_privs", ours.args_of(args), ours.folder)
    assert "Illegal function / procedure signature" in result["msg"]
