import io
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.database import parse_database
from lpse_ops.postgres.dump import open_session
from lpse_ops.postgres.facts import parse_facts
from tests.postgres.rich_schema import LARGE_OBJECT_COUNT, TABLE_COUNT
from tests.postgres.servers import open_server

BIG_BYTES = 30_000_000


def dump(database, **options):
    with open_session(database, row_counts="exact", **options) as session:
        with session.dump() as stream:
            content = stream.read()
        return content, session.facts()


def listing(server, content):
    argv = [server.installation.folder / "pg_restore", "--list"]
    return subprocess.run(argv, input=content, check=True, capture_output=True).stdout.decode()


@pytest.fixture(scope="module")
def big(server):
    """A database whose dump is larger than any pipe."""
    name = server.new_database()
    server.execute(
        "CREATE TABLE t AS SELECT n, repeat(md5(n::text), 30) AS s"
        f" FROM generate_series(1, {BIG_BYTES // 1000}) n",
        name=name,
    )
    return server.database(name)


@pytest.fixture(scope="module")
def small(server):
    name = server.new_database()
    server.execute("CREATE TABLE t AS SELECT 1 AS a", name=name)
    return server.database(name)


def test_the_stream_is_an_uncompressed_custom_format_dump(any_server):
    name = any_server.new_database(rich=True)
    content, facts = dump(any_server.database(name))
    assert content.startswith(b"PGDMP")
    assert b"PT Sumber Rejeki 123\t" in content
    table_of_contents = listing(any_server, content)
    assert "Compression: none" in table_of_contents or "Compression: 0" in table_of_contents
    assert f"Dumped by pg_dump version: {facts.pg_dump_version}" in table_of_contents
    assert "LARGE OBJECT" in table_of_contents or "BLOB" in table_of_contents


def test_the_stream_is_raw(small):
    with open_session(small, row_counts="off") as session, session.dump() as stream:
        assert isinstance(stream, io.RawIOBase)
        assert os.fstat(stream.fileno())
        buffer = bytearray(5)
        assert stream.readinto(buffer) == 5
        assert buffer == b"PGDMP"
        assert stream.read()


def test_facts(any_server):
    name = any_server.new_database(rich=True)
    before = datetime.now(UTC)
    _, facts = dump(any_server.database(name))
    assert facts.name == name
    assert facts.server_version.startswith(any_server.installation.version)
    assert facts.server_version_num // 10000 == any_server.installation.major
    assert facts.pg_dump_version == any_server.installation.version
    assert timedelta() <= facts.snapshot_time - before < timedelta(minutes=1)
    assert facts.size_bytes > 1_000_000
    assert facts.properties.owner == "postgres"
    locale = facts.properties.locale
    assert (locale.encoding, locale.collate, locale.ctype) == ("UTF8", "C.UTF-8", "C.UTF-8")
    assert facts.extensions == {"plpgsql": "1.0"}
    assert facts.large_object_count == LARGE_OBJECT_COUNT
    assert len(facts.row_counts.tables) == TABLE_COUNT
    assert facts.row_counts.tables["public.rekanan"] == 503
    assert facts.row_counts.skipped == ()
    assert parse_facts(facts.to_json()) == facts


def test_dump_and_facts_are_of_the_same_moment(any_server):
    name = any_server.new_database()
    any_server.execute("CREATE TABLE t AS SELECT 'before' AS a", name=name)
    with open_session(any_server.database(name), row_counts="exact") as session:
        any_server.execute(
            "INSERT INTO t VALUES ('between'); CREATE TABLE later AS SELECT 'later' AS a;"
            " SELECT lo_from_bytea(1, 'x')",
            name=name,
        )
        with session.dump() as stream:
            content = stream.read()
        any_server.execute("INSERT INTO t VALUES ('after')", name=name)
        facts = session.facts()
    assert b"before" in content
    assert b"between" not in content
    assert b"later" not in content
    assert facts.row_counts.tables == {"public.t": 1}
    assert facts.large_object_count == 0


@pytest.mark.parametrize("seconds", ["statement_timeout", "idle_in_transaction_session_timeout"])
def test_limits_of_the_site_do_not_end_the_session(server, seconds):
    name = server.new_database()
    server.execute(f"ALTER DATABASE {name} SET {seconds} = 300")
    with open_session(server.database(name), row_counts="off") as session:
        time.sleep(0.6)
        with session.dump() as stream:
            assert stream.read().startswith(b"PGDMP")
        assert session.facts().name == name


def test_what_the_consumer_left_unread_is_a_failure(big):
    with (
        pytest.raises(PostgresError, match="not read to its end"),
        open_session(big, row_counts="off") as session,
        session.dump() as stream,
    ):
        stream.read(1000)


def test_a_closed_stream_is_a_failure(small):
    with (
        pytest.raises(PostgresError, match="not read to its end"),
        open_session(small, row_counts="off") as session,
        session.dump() as stream,
    ):
        stream.close()


def test_a_failing_consumer_ends_pg_dump_and_its_error_comes_through(server, big):
    class Full(Exception):
        pass

    def fail():
        with open_session(big, row_counts="off") as session, session.dump() as stream:
            stream.read(1000)
            raise Full

    with pytest.raises(Full):
        fail()
    assert children() == []
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump'"
    wait_until(lambda: server.execute(query) == [(0,)])


def test_killed_pg_dump_is_an_error(big):
    def kill_and_read_on():
        with open_session(big, row_counts="off") as session, session.dump() as stream:
            stream.read(1000)
            (pg_dump,) = children()
            os.kill(pg_dump, signal.SIGKILL)
            read_on(stream)

    with pytest.raises(PostgresError) as failed:
        kill_and_read_on()
    assert f"pg_dump of {big.name} was ended by signal 9" in failed.value.message
    assert children() == []


@pytest.mark.parametrize("whom", ["server", "backend"])
def test_killed_server_is_an_error(system_installation, whom):
    def kill_and_read_on(server):
        database = server.database("postgres")
        with open_session(database, row_counts="exact") as session, session.dump() as stream:
            stream.read(1000)
            query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'pg_dump'"
            ((backend,),) = server.execute(query)
            if whom == "server":
                os.kill(server.cluster.pid, signal.SIGKILL)
            # Without its server it would go on until it waits for something.
            os.kill(backend, signal.SIGKILL)
            read_on(stream)

    with open_server(system_installation) as server:
        server.execute("CREATE TABLE t AS SELECT repeat('x', 1000) FROM generate_series(1, 30000)")
        with pytest.raises(PostgresError) as failed:
            kill_and_read_on(server)
    assert "pg_dump of postgres failed with status 1" in failed.value.message
    assert "journalctl" in failed.value.hint
    assert children() == []


def test_lost_session_makes_facts_an_error(server, small):
    with open_session(small, row_counts="exact") as session:
        server.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{small.name}'"
        )
        with pytest.raises(PostgresError, match="the connection broke"):
            session.facts()


def test_what_may_not_be_read_is_an_error(server):
    name = server.new_database()
    server.execute("CREATE ROLE reader LOGIN; CREATE TABLE secret (a int)", name=name)
    database = server.database(name, role="reader")
    with pytest.raises(PostgresError) as failed:
        dump(database)
    assert "permission denied for table secret" in failed.value.message
    assert "superuser" in failed.value.hint


def test_a_table_that_somebody_holds_is_waited_for_only_so_long(server, small):
    with (
        psycopg.connect(server.cluster.url(small.name)) as other,
        open_session(small, row_counts="off", lock_wait="200ms") as session,
    ):
        other.execute("LOCK TABLE t")
        with pytest.raises(PostgresError) as failed, session.dump() as stream:
            read_on(stream)
    assert "pg_locks" in failed.value.hint


def test_an_old_pg_dump_names_the_package_to_install(newer_server, system_installation):
    with (
        pytest.raises(PostgresError) as failed,
        open_session(
            newer_server.database("postgres"),
            row_counts="off",
            installations=[system_installation],
        ),
    ):
        pass
    major = newer_server.installation.major
    assert f"PostgreSQL {major}" in failed.value.message
    assert f"postgresql-client-{major}" in failed.value.hint


def test_a_newer_pg_dump_dumps_an_older_server(server, small, bundled_installation):
    content, facts = dump(small, installations=[bundled_installation])
    assert facts.pg_dump_version == bundled_installation.version
    assert content.startswith(b"PGDMP")


PASSWORD = "rahasia-5e1f"


def test_the_password_is_not_for_others_to_see(server, big):
    """Neither in any argument list nor in any environment of the machine's processes."""
    server.execute(f"CREATE ROLE secretive LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
    database = parse_database(server.tcp(big.name, "secretive", PASSWORD))
    with open_session(database, row_counts="off") as session, session.dump() as stream:
        size = len(stream.read(1000))
        (pg_dump,) = children()
        own = Path(f"/proc/{pg_dump}")
        seen = [path for path in Path("/proc").glob("[0-9]*/cmdline") if holds(path)]
        assert seen == []
        environment = dict(
            line.partition(b"=")[::2] for line in (own / "environ").read_bytes().split(b"\0")
        )
        assert not holds(own / "environ")
        assert b"PGPASSWORD" not in environment
        passfile = Path(environment[b"PGPASSFILE"].decode())
        assert passfile.stat().st_mode & 0o777 == 0o600
        assert PASSWORD in passfile.read_text()
        size += read_on(stream)
    assert size > BIG_BYTES * 0.9
    assert not passfile.exists()


def holds(path):
    try:
        return PASSWORD.encode() in path.read_bytes()
    except OSError:
        return False


STARTER = """
import sys, time
from lpse_ops.postgres.database import parse_database
from lpse_ops.postgres.dump import open_session
with open_session(parse_database(sys.argv[1]), row_counts="off") as session:
    with session.dump() as stream:
        stream.read(1000)
        print("started", flush=True)
        time.sleep(600)
"""


def test_no_orphan_is_left_when_we_are_killed(server, big):
    url = server.cluster.url(big.name)
    argv = [sys.executable, "-c", STARTER, url]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout.readline() == "started\n"
        (pg_dump,) = children(starter.pid)
        starter.kill()
    wait_until(lambda: not is_alive(pg_dump))


def test_counting_while_the_dump_is_read(server):
    database = server.database(server.new_database(rich=True))
    with open_session(database, row_counts="exact") as session, session.dump() as stream:
        found = []
        thread = threading.Thread(target=lambda: found.append(session.facts()))
        thread.start()
        assert stream.read()
        thread.join()
    assert found[0].row_counts.tables["public.rekanan"] == 503


def read_on(stream):
    size = 0
    while count := len(stream.read(1 << 20)):
        size += count
    return size


def children(parent=None):
    argv = ["ps", "--ppid", str(parent or os.getpid()), "-o", "pid=,comm="]
    lines = subprocess.run(argv, capture_output=True, text=True).stdout.splitlines()
    return [int(line.split()[0]) for line in lines if line.split()[1] == "pg_dump"]


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


def wait_until(claim):
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.05)
