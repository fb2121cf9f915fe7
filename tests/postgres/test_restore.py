import dataclasses
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
import time

import psycopg
import pytest
from psycopg import sql

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.database import parse_database
from lpse_ops.postgres.dump import open_session
from lpse_ops.postgres.properties import Locale
from lpse_ops.postgres.restore import DEFAULT_OPTIONS, RestoreOptions, open_restore, restore_file
from lpse_ops.postgres.rowcounts import count_rows
from lpse_ops.postgres.scratch import THROW_AWAY_SETTINGS
from lpse_ops.postgres.swap import find_leftovers
from tests.postgres.servers import open_server

REPLACE = RestoreOptions(replace=True)


def dump(database):
    with open_session(database, row_counts="exact") as session:
        with session.dump() as stream:
            content = stream.read()
        return content, session.facts()


def restore(content, server, into, options=DEFAULT_OPTIONS, **more):
    with open_restore(server, into=into, options=options, **more) as writer:
        for start in range(0, len(content), 100_000):
            piece = content[start : start + 100_000]
            assert writer.write(piece) == len(piece)


def failure(content, server, into, options=DEFAULT_OPTIONS):
    with pytest.raises(PostgresError) as failed:
        restore(content, server, into, options)
    return failed.value


def fingerprints(server, name):
    """A hash of every table's rows, in text, and of every large object."""
    with psycopg.connect(server.cluster.url(name)) as connection:
        found = {}
        for table in count_rows(server.database(name)).tables:
            rows = connection.execute(f"SELECT t::text FROM ONLY {table} t").fetchall()
            found[table] = hashlib.sha256(repr(sorted(rows)).encode()).hexdigest()
        objects = "SELECT oid, md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY 1"
        found["large objects"] = repr(connection.execute(objects).fetchall())
        return found


def wait_until(claim):
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture(scope="module")
def rich_dump(server):
    return dump(server.database(server.new_database(rich=True)))


@pytest.fixture(scope="module")
def tiny_dump(server):
    name = server.new_database()
    server.execute("CREATE TABLE t AS SELECT 'new' AS a", name=name)
    return dump(server.database(name))[0]


def old_database(server):
    name = server.new_database()
    server.execute("CREATE TABLE t AS SELECT 'old' AS a", name=name)
    return name


def content_of(server, name):
    return server.execute("SELECT a FROM t", name=name)


def test_round_trip(any_server):
    original = any_server.new_database(rich=True)
    content, facts = dump(any_server.database(original))
    into = f"{original}_back"
    restore(content, any_server.database("ignored"), into)
    assert any_server.plain_dump(into) == any_server.plain_dump(original)
    assert fingerprints(any_server, into) == fingerprints(any_server, original)
    counts = count_rows(any_server.database(into))
    assert counts == facts.row_counts
    sequence = "SELECT nextval('public.nomor_urut')"
    assert any_server.execute(sequence, name=into) == [(99998,)]
    assert not {name for name in any_server.names() if "restoring" in name}


def test_from_the_older_server_to_the_newer(server, newer_server, rich_dump):
    content, facts = rich_dump
    options = RestoreOptions(original=facts.properties)
    restore(content, newer_server.database("postgres"), "moved", options)
    assert fingerprints(newer_server, "moved") == fingerprints(server, facts.name)


@pytest.mark.parametrize("jobs", [1, 3])
def test_from_a_file(server, rich_dump, tmp_path, jobs):
    content, facts = rich_dump
    path = tmp_path / "epns.dump"
    path.write_bytes(content)
    into = f"from_file_{jobs}"
    restore_file(path, server.database("postgres"), into=into, jobs=jobs)
    assert server.plain_dump(into) == server.plain_dump(facts.name)


def test_a_damaged_file_is_an_error(server, rich_dump, tmp_path):
    path = tmp_path / "epns.dump"
    path.write_bytes(rich_dump[0][:5000])
    with pytest.raises(PostgresError, match="pg_restore"):
        restore_file(path, server.database("postgres"), into="damaged")
    assert not {name for name in server.names() if name.startswith("damaged")}


def test_an_existing_database_is_not_overwritten_unasked(server, tiny_dump):
    name = old_database(server)
    error = failure(tiny_dump, server.database(name), name)
    assert error.message == f"database {name} exists and is not empty"
    assert "--replace" in error.hint
    assert content_of(server, name) == [("old",)]


def test_an_empty_database_is_filled(server, tiny_dump):
    name = server.new_database()
    server.execute(f"ALTER DATABASE {name} SET work_mem = '5MB'")
    restore(tiny_dump, server.database(name), name)
    assert content_of(server, name) == [("new",)]
    assert server.execute("SHOW work_mem", name=name) == [("5MB",)]


def test_an_empty_database_that_is_filled_in_the_meantime_stays(server, tiny_dump):
    def fill_and_restore():
        with open_restore(server.database(name), into=name) as writer:
            server.execute("CREATE TABLE t AS SELECT 'filled' AS a", name=name)
            writer.write(tiny_dump)

    name = server.new_database()
    with pytest.raises(PostgresError, match="is not empty"):
        fill_and_restore()
    assert content_of(server, name) == [("filled",)]
    assert {other for other in server.names() if other.startswith(name)} == {name}


def test_an_old_database_that_cannot_be_dropped_is_named(server, tiny_dump):
    name = old_database(server)
    subscription = f"{name}_sub CONNECTION '' PUBLICATION p WITH (connect = false)"
    server.execute(f"CREATE SUBSCRIPTION {subscription}", name=name)
    error = failure(tiny_dump, server.database(name), name, REPLACE)
    assert content_of(server, name) == [("new",)]
    (retired,) = find_leftovers(server.database(name), name)
    assert retired.startswith(f"{name}_replaced_")
    assert error.message.startswith(f"{name} is restored")
    assert retired in error.hint
    assert content_of(server, retired) == [("old",)]


def test_replace_ends_sessions_and_drops_the_old_one(any_server):
    name = old_database(any_server)
    content, _ = dump(any_server.database(name))
    any_server.execute("UPDATE t SET a = 'changed'", name=name)
    with psycopg.connect(any_server.cluster.url(name)) as application:
        application.execute("SELECT 1")
        restore(content, any_server.database(name), name, REPLACE)
        with pytest.raises(psycopg.OperationalError):
            application.execute("SELECT 1")
    assert content_of(any_server, name) == [("old",)]
    assert {other for other in any_server.names() if other.startswith(name)} == {name}


def test_replace_under_an_application_that_connects_all_the_time(server, tiny_dump):
    name = old_database(server)
    stop = threading.Event()
    seen = []

    def reconnect():
        while not stop.is_set():
            try:
                with psycopg.connect(server.cluster.url(name)) as connection:
                    seen.append(connection.execute("SELECT a FROM t").fetchone()[0])
                    connection.execute("SELECT pg_sleep(10)")
            except psycopg.Error:
                seen.append(None)

    threads = [threading.Thread(target=reconnect) for _ in range(4)]
    for thread in threads:
        thread.start()
    restore(tiny_dump, server.database(name), name, REPLACE)
    assert content_of(server, name) == [("new",)]
    stop.set()
    server.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    for thread in threads:
        thread.join()
    answers = [answer for answer in seen if answer]
    assert answers == sorted(answers, reverse=True)


def test_replace_keeps_what_belongs_to_the_database(any_server):
    server = any_server
    name = old_database(server)
    server.execute("DROP ROLE IF EXISTS pemilik, pembaca, lain")
    server.execute(f"""
        CREATE ROLE pemilik; CREATE ROLE pembaca; CREATE ROLE lain;
        ALTER DATABASE {name} OWNER TO pemilik;
        REVOKE ALL ON DATABASE {name} FROM PUBLIC;
        GRANT CONNECT ON DATABASE {name} TO pembaca WITH GRANT OPTION;
        SET ROLE pembaca; GRANT CONNECT ON DATABASE {name} TO lain; RESET ROLE;
        ALTER DATABASE {name} CONNECTION LIMIT 17;
        COMMENT ON DATABASE {name} IS 'basis data — ''utama''';
        ALTER DATABASE {name} SET search_path TO "$user", public, '', "Aneh, sekali";
        ALTER DATABASE {name} SET lpse.nama TO 'it''s \\ here, too';
        ALTER DATABASE {name} SET default_transaction_read_only TO on;
        ALTER ROLE pembaca IN DATABASE {name} SET work_mem TO '5MB';
    """)

    def create_line():
        return server.plain_dump(name, "--create", "--schema-only")

    acl = f"SELECT datacl FROM pg_database WHERE datname = '{name}'"
    before, acl_before = create_line(), server.execute(acl)
    content, facts = dump(server.database(name))
    restore(content, server.database(name), name, REPLACE)
    assert create_line() == before
    assert server.execute(acl) == acl_before
    # The same for a database that is gone, from what the manifest says.
    server.execute(f"DROP DATABASE {name}")
    restore(content, server.database(name), name, RestoreOptions(original=facts.properties))
    assert create_line() == before
    assert server.execute(acl) == acl_before
    server.execute(f"DROP DATABASE {name}")
    server.execute("DROP ROLE pemilik, pembaca, lain")


def test_the_locale_of_the_original_is_kept(any_server, tiny_dump):
    original = any_server.new_database()
    facts = dump(any_server.database(original))[1]
    plain = Locale("SQL_ASCII", "C", "C")
    properties = dataclasses.replace(facts.properties, locale=plain)
    into = f"{original}_ascii"
    restore(tiny_dump, any_server.database("postgres"), into, RestoreOptions(original=properties))
    query = "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database"
    assert any_server.execute(f"{query} WHERE datname = '{into}'") == [("SQL_ASCII", "C", "C")]


def test_icu_and_builtin_locales_come_back(newer_server, server):
    for number, clause in enumerate(["BUILTIN_LOCALE 'C.UTF-8' LOCALE_PROVIDER builtin"]):
        name, into = f"provider_{number}", f"provider_{number}_back"
        newer_server.execute(f"CREATE DATABASE {name} TEMPLATE template0 {clause}")
        content, facts = dump(newer_server.database(name))
        assert facts.properties.locale.provider == "builtin"
        options = RestoreOptions(original=facts.properties)
        restore(content, newer_server.database(name), into, options)
        assert dump(newer_server.database(into))[1].properties == facts.properties
    server.execute("CREATE DATABASE icu TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'id-ID'")
    content, facts = dump(server.database("icu"))
    assert (facts.properties.locale.provider, facts.properties.locale.name) == ("icu", "id-ID")
    restore(content, server.database("icu"), "icu", REPLACE)
    assert dump(server.database("icu"))[1].properties == facts.properties


def test_an_unknown_locale_says_what_to_do(server, tiny_dump, rich_dump):
    locale = Locale("UTF8", "tlh_QO.UTF-8", "tlh_QO.UTF-8")
    properties = dataclasses.replace(rich_dump[1].properties, locale=locale)
    error = failure(tiny_dump, server.database("x"), "klingon", RestoreOptions(original=properties))
    assert "tlh_QO.UTF-8" in error.message
    assert "dpkg-reconfigure locales" in error.hint


def cut_points(content):
    numbers = random.Random(7).sample(range(len(content)), 15)
    return [0, 1, 4, 11, 300, *numbers, len(content) - 30, len(content) - 5, len(content) - 1]


def test_a_cut_dump_never_passes_and_leaves_the_old_database_alone(server, rich_dump):
    content = rich_dump[0]
    name = old_database(server)
    for length in cut_points(content):
        error = failure(content[:length], server.database(name), name, REPLACE)
        assert "pg_restore of" in error.message
    assert content_of(server, name) == [("old",)]
    assert {other for other in server.names() if other.startswith(name)} == {name}


def test_a_block_that_fails_leaves_the_old_database_alone(server, rich_dump):
    class Unreadable(Exception):
        pass

    def fail():
        with open_restore(server.database(name), into=name, options=REPLACE) as writer:
            writer.write(rich_dump[0][:200_000])
            raise Unreadable

    name = old_database(server)
    with pytest.raises(Unreadable):
        fail()
    assert content_of(server, name) == [("old",)]
    assert {other for other in server.names() if other.startswith(name)} == {name}


def test_a_dump_that_cannot_be_applied_is_an_error(server):
    """The rows contradict a constraint that the dump itself brings."""
    name = server.new_database()
    server.execute(
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1), (1);"
        "CREATE FUNCTION one(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 2 / (2 - $1)';"
        "ALTER TABLE t ADD CHECK (one(a) > 0);"
        "CREATE OR REPLACE FUNCTION one(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 0'",
        name=name,
    )
    content, _ = dump(server.database(name))
    old = old_database(server)
    error = failure(content, server.database(old), old, REPLACE)
    assert "violates check constraint" in error.message
    assert content_of(server, old) == [("old",)]


def test_a_missing_owner_says_to_restore_the_globals(server, newer_server):
    name = server.new_database()
    server.execute(
        "CREATE ROLE gone; CREATE TABLE t (a int); ALTER TABLE t OWNER TO gone", name=name
    )
    content, _ = dump(server.database(name))
    error = failure(content, newer_server.database("postgres"), "ownerless")
    assert "globals" in error.hint
    options = RestoreOptions(owners=False)
    restore(content, newer_server.database("postgres"), "ownerless", options)
    assert newer_server.execute("SELECT count(*) FROM t", name="ownerless") == [(0,)]


def test_a_missing_owner_of_the_database_says_the_same(server, newer_server, tiny_dump):
    name = server.new_database()
    server.execute(f"CREATE ROLE gone_too; ALTER DATABASE {name} OWNER TO gone_too")
    properties = dump(server.database(name))[1].properties
    options = RestoreOptions(original=properties)
    error = failure(tiny_dump, newer_server.database("postgres"), "ownerless_2", options)
    assert 'role "gone_too" does not exist' in error.message
    assert "globals" in error.hint
    assert not {name for name in newer_server.names() if name.startswith("ownerless_2")}


def test_a_role_without_createdb_is_told_so(server, tiny_dump):
    server.execute("CREATE ROLE humble LOGIN")
    error = failure(tiny_dump, server.database("postgres", role="humble"), "humble_db")
    assert "ALTER ROLE humble CREATEDB" in error.hint


def test_a_role_that_does_not_own_the_old_database_is_told_so(server, tiny_dump):
    name = old_database(server)
    server.execute("CREATE ROLE builder LOGIN CREATEDB")
    error = failure(tiny_dump, server.database(name, role="builder"), name, REPLACE)
    assert f"does not own database {name}" in error.message
    assert "postgres" in error.hint


def test_a_plain_owner_with_createdb_may_replace(server):
    server.execute("CREATE ROLE epns LOGIN CREATEDB")
    name = server.new_database()
    server.execute(f"ALTER DATABASE {name} OWNER TO epns")
    database = server.database(name, role="epns")
    with psycopg.connect(server.cluster.url(name)) as connection:
        connection.execute("GRANT CREATE ON SCHEMA public TO epns; SET ROLE epns")
        connection.execute("CREATE TABLE t AS SELECT 'old' AS a")
    content, _ = dump(database)
    with psycopg.connect(server.cluster.url(name)):
        # A superuser's session is not his to end.
        error = failure(content, database, name, REPLACE)
        assert "being accessed by other users" in error.message
        assert "stop the application" in error.hint
    restore(content, database, name, REPLACE)
    assert content_of(server, name) == [("old",)]
    owner = f"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = '{name}'"
    assert server.execute(owner) == [("epns",)]


STARTER = """
import os, sys
from lpse_ops.postgres.database import parse_database
from lpse_ops.postgres.restore import DEFAULT_OPTIONS, RestoreOptions, open_restore
server = parse_database(sys.argv[1])
with open_restore(server, into=server.name, options=RestoreOptions(replace=True)) as writer:
    writer.write(sys.stdin.buffer.read())
    print("written", flush=True)
    os.kill(os.getpid(), 9)
"""


def test_a_killed_restore_leaves_the_old_database_and_a_name_to_recognise(server, rich_dump):
    name = old_database(server)
    argv = [sys.executable, "-c", STARTER, server.cluster.url(name)]
    killed = subprocess.run(argv, input=rich_dump[0], stdout=subprocess.PIPE)
    assert (killed.stdout, killed.returncode) == (b"written\n", -signal.SIGKILL)
    assert content_of(server, name) == [("old",)]
    leftovers: list[str] = []

    def found() -> bool:
        # In one look: autovacuum may use the database for a moment, and then it is not unused.
        leftovers[:] = find_leftovers(server.database(name), name)
        return bool(leftovers)

    wait_until(found)
    assert len(leftovers) == 1
    assert leftovers[0].startswith(f"{name}_restoring_")
    restore(rich_dump[0], server.database(name), name, REPLACE)
    assert find_leftovers(server.database(name), name) == leftovers
    server.execute(f"DROP DATABASE {leftovers[0]}")


def test_killed_in_the_middle_of_the_renaming(server):
    """A superuser's session that the owner may not end holds the renaming up."""
    name = old_database(server)
    server.execute("CREATE ROLE patient LOGIN CREATEDB")
    server.execute(
        f"ALTER DATABASE {name} OWNER TO patient; ALTER TABLE t OWNER TO patient", name=name
    )
    database = server.database(name, role="patient")
    content, _ = dump(database)
    argv = [
        sys.executable,
        "-c",
        STARTER.replace("os.kill(os.getpid(), 9)", "pass"),
        database.conninfo,
    ]
    renaming = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'ALTER DATABASE%RENAME%'"
    renaming += " AND state = 'active' AND query NOT LIKE '%pg_stat_activity%'"
    with (
        psycopg.connect(server.cluster.url(name)),
        subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process,
    ):
        process.stdin.write(content)
        process.stdin.close()
        wait_until(lambda: server.execute(renaming) == [(1,)])
        process.kill()
    assert content_of(server, name) == [("old",)]
    wait_until(lambda: len(find_leftovers(server.database(name), name)) == 1)
    assert {other for other in server.names() if other.startswith(f"{name}_replaced_")} == set()


def test_leftovers_are_told_by_their_names(server):
    names = ["l_restoring_0123abcd", "l_replaced_20230223T124300Z"]
    others = ["l", "l_restoring_old", "l_replaced_2023", "xl_restoring_0123abcd"]
    for name in names + others:
        server.execute(f'CREATE DATABASE "{name}"')
    with psycopg.connect(server.cluster.url("l_restoring_0123abcd")):
        # A restore that is under way is none.
        assert find_leftovers(server.database("l"), "l") == names[1:]
    wait_until(lambda: find_leftovers(server.database("l"), "l") == sorted(names))


def test_a_killed_server_in_mid_restore_is_an_error(system_installation, rich_dump):
    def kill_and_write_on(running):
        with open_restore(running.database("postgres"), into="x") as writer:
            writer.write(rich_dump[0][:200_000])
            os.kill(running.cluster.pid, signal.SIGKILL)
            for _ in range(1000):
                writer.write(bytes(1 << 20))

    with open_server(system_installation) as running, pytest.raises(PostgresError):
        kill_and_write_on(running)


def test_the_database_postgres_itself_can_be_replaced(newer_server, system_installation):
    newer_server.execute("CREATE TABLE t AS SELECT 'kept' AS a")
    content, _ = dump(newer_server.database("postgres"))
    restore(content, newer_server.database("postgres"), "postgres", REPLACE)
    assert content_of(newer_server, "postgres") == [("kept",)]
    newer_server.execute("DROP TABLE t")


def test_more_large_objects_than_the_lock_table_has_room_for(system_installation):
    few_locks = {**THROW_AWAY_SETTINGS, "max_locks_per_transaction": "10", "max_connections": "15"}
    with open_server(system_installation, few_locks) as running:
        running.execute("SELECT lo_from_bytea(0, 'x') FROM generate_series(1, 6000)")
        content, facts = dump(running.database("postgres"))
        assert facts.large_object_count == 6000
        restore(content, running.database("postgres"), "back")
        count = "SELECT count(*) FROM pg_largeobject_metadata"
        assert running.execute(count, name="back") == [(6000,)]
        # Why it is not one transaction.
        running.execute("CREATE DATABASE single")
        url = running.cluster.url("single")
        argv = [system_installation.folder / "pg_restore", "--single-transaction", "-d", url]
        single = subprocess.run(argv, input=content, capture_output=True)
        assert b"max_locks_per_transaction" in single.stderr


def test_the_password_goes_by_the_private_file(server, tiny_dump):
    server.execute("CREATE ROLE keyed LOGIN SUPERUSER PASSWORD 'rahasia'")
    database = parse_database(server.tcp("postgres", "keyed", "rahasia"))
    restore(tiny_dump, database, "by_password")
    assert content_of(server, "by_password") == [("new",)]


@pytest.mark.parametrize("into", ['it\'s "odd" é', "n" * 63, "é" * 31])
def test_names_with_special_characters_and_of_any_length(server, tiny_dump, into):
    restore(tiny_dump, server.database("postgres"), into)
    server.execute("UPDATE t SET a = 'changed'", name=into)
    restore(tiny_dump, server.database("postgres"), into, REPLACE)
    assert content_of(server, into) == [("new",)]
    server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(into)).as_string())
