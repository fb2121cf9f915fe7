import os
import stat
import subprocess
from pathlib import Path

import pytest

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.connection import explain_refusal, open_connection, open_environment
from lpse_ops.postgres.database import Database, parse_database
from tests.postgres.servers import free_port

AWKWARD = r"r:a\h'a s{i}a%é"


def connect(database):
    with open_connection(database) as session:
        return session.execute("SELECT current_user").fetchone()[0]


@pytest.fixture(scope="module")
def role(server):
    server.execute("CREATE ROLE awkward LOGIN PASSWORD '" + AWKWARD.replace("'", "''") + "'")
    return "awkward"


def failure(database):
    with pytest.raises(PostgresError) as failed:
        connect(database)
    return failed.value


def test_refused_connection_says_what_to_look_at():
    error = failure(parse_database(f"postgresql://u:rahasia@127.0.0.1:{free_port()}/x"))
    assert "cannot connect to database x" in error.message
    assert "Connection refused" in error.message
    assert "systemctl status postgresql" in error.hint
    assert "rahasia" not in error.message + error.hint


def test_missing_socket(tmp_path):
    error = failure(parse_database(f"postgresql:///x?host={tmp_path}"))
    assert "systemctl status postgresql" in error.hint


def test_unknown_database(any_server):
    error = failure(any_server.database("not_there"))
    assert 'database "not_there" does not exist' in error.message
    assert "psql -l" in error.hint


def test_unknown_role(any_server):
    error = failure(any_server.database("postgres", role="nobody_at_all"))
    assert "sudo -u postgres createuser --superuser root" in error.hint


def test_unknown_host():
    error = failure(parse_database("postgresql://no-such-host.invalid/x"))
    assert "host name" in error.hint


def test_unknown_service():
    error = failure(parse_database("service=no_such_service dbname=x"))
    assert "~/.pg_service.conf" in error.hint


def test_wrong_password(server, role):
    error = failure(parse_database(server.tcp("postgres", role, "rahasia")))
    assert "password authentication failed" in error.message
    assert "password_file" in error.hint
    assert "rahasia" not in error.message + error.hint


def test_no_password(server, role, monkeypatch):
    monkeypatch.setenv("PGPASSFILE", "/dev/null")
    error = failure(parse_database(f"postgresql://{role}@127.0.0.1:{server.tcp_port}/postgres"))
    assert "password_file" in error.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', "pg_hba.conf"),
        ('FATAL:  Peer authentication failed for user "epns"', "sudo -u postgres"),
        ("connection timeout expired", "firewall"),
        ("FATAL:  sorry, too many clients already", "wait"),
        ("something new", 'psql "dbname=x" says more'),
    ],
)
def test_hints(text, hint):
    assert hint in explain_refusal(Database("x", "dbname=x"), text).hint


def test_right_password(server, role, tmp_path):
    path = tmp_path / "password"
    path.write_text(AWKWARD + "\n")
    path.chmod(0o600)
    url = f"postgresql://{role}@127.0.0.1:{server.tcp_port}/postgres"
    assert connect(parse_database(url, password_file=path)) == role


def psql(database, environment):
    argv = ["psql", "-X", "-At", "--no-password", database.conninfo, "-c", "SELECT current_user"]
    return subprocess.run(argv, env=environment, capture_output=True, text=True).stdout.strip()


def test_programs_find_the_password_in_a_private_file(server, role):
    url = f"postgresql://{role}@127.0.0.1:{server.tcp_port}/postgres"
    database = Database("postgres", parse_database(url).conninfo, AWKWARD)
    with open_environment(database) as environment:
        passfile = Path(environment["PGPASSFILE"])
        assert stat.S_IMODE(passfile.stat().st_mode) == 0o600
        assert AWKWARD not in "".join(environment.values())
        assert psql(database, environment) == role
    assert not passfile.exists()


def test_a_password_in_our_environment_goes_the_same_way(server, role, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", AWKWARD)
    database = parse_database(f"postgresql://{role}@127.0.0.1:{server.tcp_port}/postgres")
    with open_environment(database) as environment:
        assert "PGPASSWORD" not in environment
        assert psql(database, environment) == role


def test_without_a_password_libpqs_own_file_counts(server, role, tmp_path, monkeypatch):
    own = tmp_path / "pgpass"
    escaped = AWKWARD.replace("\\", "\\\\").replace(":", "\\:")
    own.write_text(f"127.0.0.1:{server.tcp_port}:postgres:{role}:{escaped}\n")
    own.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(own))
    database = parse_database(f"postgresql://{role}@127.0.0.1:{server.tcp_port}/postgres")
    with open_environment(database) as environment:
        assert environment["PGPASSFILE"] == str(own)
        assert psql(database, environment) == role
    assert connect(database) == role


def test_a_service_file_counts(server, tmp_path, monkeypatch):
    services = tmp_path / "services"
    host = parse_database(server.cluster.url("postgres"))
    services.write_text("[spse]\n" + host.conninfo.replace(" ", "\n") + "\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    assert connect(parse_database("service=spse dbname=postgres")) == "postgres"


def test_a_password_with_a_line_break_is_refused():
    with (
        pytest.raises(PostgresError) as failed,
        open_environment(Database("x", "dbname=x", "one\ntwo")),
    ):
        pass
    assert "ALTER ROLE" in failed.value.hint
    assert "two" not in failed.value.message


def test_errors_of_the_server_become_ours(server):
    with (
        pytest.raises(PostgresError, match='postgres: column "nothing" does not exist'),
        open_connection(server.database("postgres")) as session,
    ):
        session.execute("SELECT nothing")


def test_a_broken_connection_becomes_ours(server):
    with (
        pytest.raises(PostgresError) as failed,
        open_connection(server.database("postgres")) as session,
    ):
        session.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert "journalctl" in failed.value.hint


def test_the_locale_of_programs_is_ours(monkeypatch):
    monkeypatch.setenv("LC_ALL", "id_ID.UTF-8")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with open_environment(Database("x", "dbname=x")) as environment:
        assert environment["LC_ALL"] == "C"
        assert "PGCLIENTENCODING" not in environment
        assert environment["PATH"] == os.environ["PATH"]
