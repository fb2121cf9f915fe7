import pytest
from psycopg import sql

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.connection import open_connection
from lpse_ops.postgres.properties import (
    DatabaseGrant,
    DatabaseProperties,
    DatabaseSetting,
    Locale,
    plan_creation,
    plan_properties,
    read_properties,
)

UTF8 = Locale("UTF8", "C.UTF-8", "C.UTF-8")
PLAIN = DatabaseProperties("postgres", UTF8, "pg_default", -1, None, None, ())


def texts(statements: list[sql.Composed]) -> list[str]:
    return [statement.as_string() for statement in statements]


def test_read(any_server):
    name = any_server.new_database()
    with open_connection(any_server.database(name)) as session:
        assert read_properties(session, name) == PLAIN
        assert read_properties(session, "not_there") is None


def test_plan_creation():
    assert plan_creation("a", None, None).as_string() == 'CREATE DATABASE "a" TEMPLATE template0'
    icu = Locale("UTF8", "C", "C", "icu", "id-ID")
    assert plan_creation('a"b', icu, "fast").as_string() == (
        """CREATE DATABASE "a""b" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' """
        """LOCALE_PROVIDER icu ICU_LOCALE 'id-ID' TABLESPACE "fast\""""
    )


def test_what_the_owner_granted_comes_before_what_others_passed_on():
    grants = (
        DatabaseGrant("CONNECT", "lain", "pembaca", grantable=False),
        DatabaseGrant("CONNECT", "pembaca", "postgres", grantable=True),
        DatabaseGrant("TEMPORARY", "", "postgres", grantable=False),
    )
    properties = DatabaseProperties("postgres", UTF8, "pg_default", -1, None, grants, ())
    assert texts(plan_properties("a", properties))[3:] == [
        'REVOKE ALL ON DATABASE "a" FROM PUBLIC',
        'REVOKE ALL ON DATABASE "a" FROM "postgres"',
        'GRANT CONNECT ON DATABASE "a" TO "pembaca" WITH GRANT OPTION',
        'GRANT TEMPORARY ON DATABASE "a" TO PUBLIC',
        'SET LOCAL ROLE "pembaca"',
        'GRANT CONNECT ON DATABASE "a" TO "lain"',
        "RESET ROLE",
    ]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (DatabaseSetting("work_mem", "5MB"), 'DATABASE "a" SET "work_mem" TO \'5MB\''),
        (
            DatabaseSetting("search_path", '"$user", public, ""'),
            "DATABASE \"a\" SET \"search_path\" TO '$user', 'public', ''",
        ),
        (
            DatabaseSetting("lpse.nama", "a, b", "x"),
            'ROLE "x" IN DATABASE "a" SET "lpse"."nama" TO \'a, b\'',
        ),
    ],
)
def test_settings(setting, expected):
    properties = DatabaseProperties("postgres", UTF8, "pg_default", -1, None, None, (setting,))
    assert texts(plan_properties("a", properties))[-1] == f"ALTER {expected}"


def test_an_unknown_privilege_is_an_error():
    grants = (DatabaseGrant("MAINTAIN", "x", "postgres", grantable=False),)
    properties = DatabaseProperties("postgres", UTF8, "pg_default", -1, None, grants, ())
    with pytest.raises(PostgresError, match="MAINTAIN"):
        plan_properties("a", properties)
