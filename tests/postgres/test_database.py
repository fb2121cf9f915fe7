import pytest

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.database import Database, load_password, parse_database


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql:///epns_prod", Database("epns_prod", "dbname=epns_prod")),
        (
            "postgresql://epns:r%3Aah%20asia@db.lpse:5433/epns_prod?sslmode=verify-full",
            Database(
                "epns_prod",
                "user=epns dbname=epns_prod host=db.lpse port=5433 sslmode=verify-full",
                "r:ah asia",
            ),
        ),
        ("service=spse dbname=epns_lat", Database("epns_lat", "service=spse dbname=epns_lat")),
        ("postgresql:///x?service=spse", Database("x", "service=spse dbname=x")),
        ("postgresql:///x?password=rahasia", Database("x", "dbname=x", "rahasia")),
        ("dbname=x host=h password='a b'", Database("x", "dbname=x host=h", "a b")),
        ("postgresql://u:@h/x", Database("x", "user=u dbname=x host=h")),
        (
            "postgresql://u:rahasia@h/x?passfile=/root/other",
            Database("x", "user=u dbname=x host=h", "rahasia"),
        ),
        ("postgresql:///a%2Fb%20c", Database("a/b c", "dbname='a/b c'")),
    ],
)
def test_parse(url, expected):
    database = parse_database(url)
    assert database == expected
    assert "rahasia" not in repr(database)


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("postgresql://epns:rahasia@h", "postgresql:///NAME"),
        ("service=spse", "postgresql:///NAME?service=SERVICE"),
        ("postgresql://epns:rahasia%zz@h/x", "postgresql://USER@HOST:5432/NAME"),
        ("postgresql:///x?pasword=rahasia", "postgresql://USER@HOST:5432/NAME"),
        ("host=h dbname='x rahasia", "postgresql://USER@HOST:5432/NAME"),
        ("postgresql:///x?sslpassword=rahasia", "~/.pg_service.conf"),
    ],
)
def test_what_cannot_be_used_is_an_error_that_gives_nothing_away(url, hint):
    with pytest.raises(PostgresError) as failed:
        parse_database(url)
    assert hint in failed.value.hint
    assert "rahasia" not in failed.value.message + failed.value.hint
    assert failed.value.__suppress_context__ or failed.value.__context__ is None


def test_password_file(tmp_path):
    path = tmp_path / "password"
    path.write_text("rahasia \n")
    path.chmod(0o600)
    assert parse_database("postgresql://u@h/x", password_file=path).password == "rahasia "


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_password_file_that_others_may_read_is_refused(tmp_path, mode):
    path = tmp_path / "password"
    path.write_text("rahasia")
    path.chmod(mode)
    with pytest.raises(PostgresError) as failed:
        load_password(path)
    assert failed.value.hint == f"chmod 600 {path}"


def test_password_file_that_is_missing(tmp_path):
    with pytest.raises(PostgresError, match="No such file") as failed:
        load_password(tmp_path / "none")
    assert "chmod 600" in failed.value.hint


def test_another_database_of_the_same_server():
    database = parse_database("postgresql://u:p@h/x?sslmode=require")
    other = database.named("it's new")
    assert other.name == "it's new"
    assert other.password == "p"
    assert parse_database(other.conninfo).name == "it's new"
    assert "sslmode=require" in other.conninfo
