import pytest

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.database import parse_database
from lpse_ops.postgres.globals import dump_globals, restore_globals, split_statements
from tests.postgres.servers import open_server

ROLES = '''
CREATE ROLE admin_lpse NOLOGIN CREATEROLE;
CREATE ROLE "Aneh; ""sekali""" LOGIN PASSWORD 'rahasia; --' VALID UNTIL '2030-01-01';
CREATE ROLE tamu LOGIN CONNECTION LIMIT 3;
COMMENT ON ROLE tamu IS E'baris satu;\\n-- baris \\'dua\\'\\n\\\\restrict tiga';
ALTER ROLE tamu SET search_path TO ekontrak, public;
GRANT admin_lpse TO tamu;
'''


@pytest.fixture(scope="module")
def origin(system_installation):
    with open_server(system_installation) as server:
        server.execute(ROLES)
        yield server


@pytest.fixture
def empty(bundled_installation):
    with open_server(bundled_installation) as server:
        yield server


def role_lines(server):
    content = dump_globals(server.database("postgres")).sql.decode()
    # Newer versions say more about a membership.
    lines = (line.partition(" WITH INHERIT")[0] for line in content.splitlines())
    lines = (line.removesuffix(";").partition(" GRANTED BY")[0] for line in lines)
    return [line for line in lines if line and not line.startswith(("--", "\\", "SET"))]


def test_roles_come_back_with_their_passwords(origin, empty):
    dumped = dump_globals(origin.database("postgres"))
    assert dumped.role_passwords
    assert b"SCRAM-SHA-256" in dumped.sql
    restored = restore_globals(dumped.sql, empty.database("postgres"))
    assert restored.kept == ("ROLE postgres",)
    assert role_lines(empty) == role_lines(origin)
    again = restore_globals(dumped.sql, empty.database("postgres"))
    assert set(again.kept) == {
        "ROLE postgres",
        "ROLE admin_lpse",
        "ROLE tamu",
        'ROLE "Aneh; ""sekali"""',
    }
    assert role_lines(empty) == role_lines(origin)


def test_a_role_that_exists_is_overwritten_only_when_asked(origin):
    content = b"CREATE ROLE tamu;\nALTER ROLE tamu WITH CONNECTION LIMIT 9;\n"
    server = origin.database("postgres")
    limit = "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'tamu'"
    assert restore_globals(content, server).kept == ("ROLE tamu",)
    assert origin.execute(limit) == [(3,)]
    restore_globals(content, server, overwrite_roles=True)
    assert origin.execute(limit) == [(9,)]
    origin.execute("ALTER ROLE tamu CONNECTION LIMIT 3")


def test_without_superuser_the_passwords_are_missing_and_it_says_so(origin):
    dumped = dump_globals(origin.database("postgres", role="tamu"))
    assert not dumped.role_passwords
    assert b"PASSWORD" not in dumped.sql
    assert b"CREATE ROLE tamu" in dumped.sql


def test_the_password_goes_by_the_private_file(origin):
    origin.execute("CREATE ROLE boss LOGIN SUPERUSER PASSWORD 'p:w'")
    database = parse_database(origin.tcp("postgres", "boss", "p:w"))
    assert b"CREATE ROLE boss" in dump_globals(database).sql
    origin.execute("DROP ROLE boss")


def test_globals_never_show_up_by_accident(origin):
    assert "SCRAM" not in repr(dump_globals(origin.database("postgres")))


def test_an_old_pg_dumpall_names_the_package(newer_server, system_installation):
    with pytest.raises(PostgresError) as failed:
        dump_globals(newer_server.database("postgres"), installations=[system_installation])
    assert f"postgresql-client-{newer_server.installation.major}" in failed.value.hint


def test_tablespaces_can_be_left_out(origin):
    content = (
        b"CREATE TABLESPACE far OWNER postgres LOCATION '/nowhere/at/all';\n"
        b"ALTER TABLESPACE far SET (seq_page_cost='2');\n"
        b"GRANT ALL ON TABLESPACE far TO tamu;\n"
        b"CREATE ROLE later;\n"
    )
    server = origin.database("postgres")
    with pytest.raises(PostgresError) as failed:
        restore_globals(content, server)
    assert "TABLESPACE far" in failed.value.message
    assert "folder" in failed.value.hint
    assert restore_globals(content, server, tablespaces=False).statement_count == 1
    origin.execute("DROP ROLE later")


def test_a_failing_statement_gives_no_hash_away(origin):
    content = b"ALTER ROLE not_there WITH LOGIN PASSWORD 'SCRAM-SHA-256$4096:abc';"
    with pytest.raises(PostgresError) as failed:
        restore_globals(content, origin.database("postgres"))
    assert 'ROLE not_there: role "not_there" does not exist' in failed.value.message
    assert "SCRAM" not in failed.value.message + failed.value.hint
    assert failed.value.__suppress_context__


def test_a_plain_role_is_told_to_be_a_superuser(origin):
    with pytest.raises(PostgresError) as failed:
        restore_globals(b"CREATE ROLE x SUPERUSER;", origin.database("postgres", role="tamu"))
    assert "superuser" in failed.value.hint


def test_split_statements():
    text = (
        b"-- a comment; with a semicolon\n"
        b"\\restrict Key;\n"
        b"SET standard_conforming_strings = on;\n\n"
        b"COMMENT ON ROLE \"a;b\" IS 'c;''d\n\\restrict e\n-- f';\n"
        b"ALTER ROLE x SET y TO E'it\\'s; ok';\n"
        b"\\unrestrict Key\n"
    )
    assert list(split_statements(text)) == [
        b"SET standard_conforming_strings = on",
        b"COMMENT ON ROLE \"a;b\" IS 'c;''d\n\\restrict e\n-- f'",
        b"ALTER ROLE x SET y TO E'it\\'s; ok'",
    ]
