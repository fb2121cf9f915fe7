"""Where a server is, seen from its own machine, and its databases through a socket of ours."""

from pathlib import Path

import psycopg
import pytest

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.carried import SOCKET_NAME, carried_to, named_role, server_address
from lpse_ops.postgres.connection import open_connection
from lpse_ops.postgres.database import parse_database
from tests.postgres.servers import Server


@pytest.mark.parametrize(
    ("url", "addresses", "is_local"),
    [
        (
            "postgresql:///epns_prod",
            ("/var/run/postgresql/.s.PGSQL.5432", "/tmp/.s.PGSQL.5432"),
            True,
        ),
        ("postgresql:///epns?host=/srv/pg&port=5433", ("/srv/pg/.s.PGSQL.5433",), True),
        ("postgresql://epns@127.0.0.1/epns", ("127.0.0.1:5432",), True),
        ("postgresql://localhost:6432/epns", ("localhost:6432",), True),
        ("postgresql://[::1]/epns", ("::1:5432",), True),
        ("postgresql://db.lan/epns", ("db.lan:5432",), False),
        ("host=db.lan hostaddr=192.0.2.7 dbname=epns", ("192.0.2.7:5432",), False),
        ("postgresql:///epns?host=@abstract", ("@abstract/.s.PGSQL.5432",), True),
    ],
)
def test_an_address_means_what_it_means_on_its_own_machine(url, addresses, is_local, monkeypatch):
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("PGPORT", "1")
    found = server_address(parse_database(url))
    assert (found.addresses, found.is_local) == (addresses, is_local)


@pytest.mark.parametrize(
    ("url", "said", "hint"),
    [
        ("postgresql:///epns?service=spse", "service", "postgresql://USER@127.0.0.1"),
        ("postgresql://a,b/epns", "several servers", "name the one to dump"),
        ("postgresql://db.lan/epns?sslmode=verify-full", "sslmode=verify-full", "leave sslmode"),
        ("postgresql://db.lan/epns?gssencmode=require", "gssencmode=require", "leave gssencmode"),
    ],
)
def test_what_cannot_be_carried_is_said_with_what_to_write(url, said, hint):
    with pytest.raises(PostgresError) as refused:
        server_address(parse_database(url))
    assert said in refused.value.message
    assert hint in refused.value.hint


def test_a_role_is_what_the_address_says():
    assert named_role(parse_database("postgresql://epns@/epns")) == "epns"
    assert named_role(parse_database("postgresql:///epns")) == ""


def test_a_carried_database_is_the_same_one_whatever_the_environment_says(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    name = server.new_database()
    there = Path(server.socket_folder) / f".s.PGSQL.{psycopg_port(server)}"
    (folder / SOCKET_NAME).symlink_to(there)
    for variable in ("PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER"):
        monkeypatch.setenv(variable, "127.0.0.9")
    database = parse_database(f"postgresql:///{name}?application_name=kept")
    carried = carried_to(database, str(folder), "postgres")
    with open_connection(carried) as session:
        query = "SELECT current_database(), current_user, current_setting('application_name')"
        assert session.execute(query).fetchall() == [(name, "postgres", "kept")]


def psycopg_port(server: Server) -> int:
    with psycopg.connect(server.cluster.url("postgres")) as connection:
        return connection.info.port
