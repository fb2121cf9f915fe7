import pytest
from spse_steps.dbproperties import plan_creation, plan_properties
from spse_steps.psql import _plain, quote_name, quote_text
from spse_steps.rollbackpoint import choose_kind


def properties(**changes):
    value = {
        "columns": {"datcollate": "C", "datctype": "C", "datconnlimit": 5, "datlocprovider": "c"},
        "owner": "epns",
        "tablespace": "pg_default",
        "encoding": "UTF8",
        "comment": None,
        "grants": None,
        "settings": [],
    }
    return {**value, **changes}


def test_a_database_like_the_old_one():
    assert plan_creation("a", properties()) == (
        "CREATE DATABASE \"a\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'"
        " LC_CTYPE 'C' TABLESPACE \"pg_default\""
    )


@pytest.mark.parametrize(
    ("provider", "key", "expected"),
    [
        ("i", "daticulocale", "LOCALE_PROVIDER icu ICU_LOCALE 'id'"),
        ("b", "datlocale", "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'id'"),
    ],
)
def test_other_ways_to_sort(provider, key, expected):
    columns = {**properties()["columns"], "datlocprovider": provider, key: "id"}
    assert plan_creation("a", properties(columns=columns)).endswith(expected)


def test_everything_else_that_belongs_to_it():
    given = properties(
        comment="it's",
        grants=[
            {"privilege": "CONNECT", "grantee": "", "grantable": False},
            {"privilege": "CREATE", "grantee": "a b", "grantable": True},
        ],
        settings=[
            {"setting": 'search_path="a b", public', "role": None},
            {"setting": "spse.mode=x=y", "role": "epns"},
        ],
    )
    assert plan_properties("d", given)[2:] == [
        "COMMENT ON DATABASE \"d\" IS 'it''s'",
        'REVOKE ALL ON DATABASE "d" FROM PUBLIC',
        'REVOKE ALL ON DATABASE "d" FROM "epns"',
        'GRANT CONNECT ON DATABASE "d" TO PUBLIC',
        'GRANT CREATE ON DATABASE "d" TO "a b" WITH GRANT OPTION',
        "ALTER DATABASE \"d\" SET \"search_path\" TO 'a b', 'public'",
        'ALTER ROLE "epns" IN DATABASE "d" SET "spse"."mode" TO \'x=y\'',
    ]


def test_an_unknown_privilege_is_not_passed_on():
    grant = {"privilege": "CREATE; DROP", "grantee": "", "grantable": False}
    with pytest.raises(ValueError, match="unknown privilege"):
        plan_properties("d", properties(grants=[grant]))


def test_names_and_texts_cannot_break_out():
    assert quote_name('a"; DROP') == '"a""; DROP"'
    assert quote_text("a'\\") == "E'a''\\\\'"
    for wrong in ("", "a\0"):
        with pytest.raises(ValueError, match="is no name"):
            quote_name(wrong)
    with pytest.raises(ValueError, match="NUL"):
        quote_text("\0")


def test_a_name_is_never_a_connection_string():
    assert _plain("epns_prod") == "epns_prod"
    assert _plain("host=evil'") == "dbname='host=evil\\''"
    assert _plain("postgres://evil") == "dbname='postgres://evil'"


@pytest.mark.parametrize(
    ("wanted", "free", "expected"),
    [
        ("auto", 1200, "clone"),
        ("auto", 1199, "dump"),
        ("auto", None, "dump"),
        ("clone", 0, "clone"),
        ("dump", 9999, "dump"),
    ],
)
def test_a_copy_when_there_is_room(wanted, free, expected):
    assert choose_kind(wanted, 1000, free, 100) == expected
