"""Databases of a host through its agent: a real PostgreSQL, several connections, and what is said.

The host is this machine, by the ``local`` connection; over SSH: test_backup_pull.py.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.cli.host_databases import HostDatabases, read_account
from lpse_ops.errors import HostUnreachable, PostgresError
from lpse_ops.postgres.connection import open_connection
from lpse_ops.postgres.database import Database, parse_database
from lpse_ops.postgres.dump import open_session
from lpse_ops.postgres.globals import dump_globals
from lpse_ops.postgres.installation import Installation
from lpse_ops.remote.connect import open_link
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.target import Target
from tests.postgres.servers import Server, free_port

HERE = Target("spse-1", connection="local")


@pytest.fixture(scope="module")
def link() -> Iterator[AgentLink]:
    with contextlib.closing(open_link(HERE)) as opened:
        yield opened


def databases(link: AgentLink) -> HostDatabases:
    return HostDatabases(link, lambda text: pytest.fail(text))


def ask(link: AgentLink, database: Database, query: str) -> list[Any]:
    with databases(link).reach(database) as there, open_connection(there) as session:
        return session.execute(query.encode()).fetchall()


def dump(link: AgentLink, database: Database, **options: Any) -> bytes:
    with (
        databases(link).reach(database) as there,
        open_session(there, row_counts="off", **options) as session,
        session.dump() as pipe,
    ):
        return b"".join(iter(lambda: pipe.read(1 << 20), b""))


def test_dump_counts_and_globals_are_those_of_the_server(link: AgentLink, server: Server):
    name = server.new_database(rich=True)
    with databases(link).reach(server.database(name)) as there:
        assert "CREATE ROLE" in dump_globals(there).sql.decode()
        with open_session(there, row_counts="exact") as session:
            with session.dump() as pipe:
                # Both see the moment before, though they are connections of their own.
                server.execute("CREATE TABLE later AS SELECT 1", name=name)
                content = b"".join(iter(lambda: pipe.read(1 << 20), b""))
            facts = session.facts()
    with open_session(server.database(name), row_counts="exact") as session:
        expected = dict(session.facts().row_counts.tables)
    assert expected.pop("public.later") == 1
    assert dict(facts.row_counts.tables) == expected
    assert content.startswith(b"PGDMP")


def test_a_role_that_is_left_out_is_the_account_that_the_server_expects(
    link: AgentLink, server: Server
):
    url = server.cluster.url(server.new_database()).replace("postgres@", "")
    role = "postgres" if os.geteuid() == 0 else read_account(link)
    assert ask(link, parse_database(url), "SELECT current_user") == [(role,)]


def test_a_password_stays_here_and_opens_the_server_over_its_loopback(
    link: AgentLink, server: Server, tmp_path: Path
):
    name = server.new_database()
    server.execute("CREATE ROLE pulled LOGIN PASSWORD 'sandi:epns\\2026'")
    file = tmp_path / "password"
    file.touch(0o600)
    file.write_text("sandi:epns\\2026\n")
    url = f"postgresql://pulled@127.0.0.1:{server.tcp_port}/{name}"
    try:
        assert dump(link, parse_database(url, password_file=file)).startswith(b"PGDMP")
        with pytest.raises(PostgresError) as refused:
            ask(link, parse_database(url), "SELECT")
        assert "password_file" in refused.value.hint
    finally:
        server.execute("DROP ROLE pulled")


def test_a_server_that_does_not_run_is_named_as_the_host_sees_it(link: AgentLink):
    port = free_port()
    with pytest.raises(PostgresError) as refused:
        ask(link, parse_database(f"postgresql://x@127.0.0.1:{port}/epns"), "SELECT")
    assert f"spse-1 cannot reach the server of database epns: 127.0.0.1:{port}" in (
        refused.value.message
    )
    assert "Connection refused" in refused.value.message
    assert "systemctl status postgresql" in refused.value.hint


def test_a_pg_dump_that_is_too_old_is_said_as_it_is_here(
    link: AgentLink, server: Server, tmp_path: Path
):
    program = tmp_path / "pg_dump"
    program.touch(0o755)
    (tmp_path / "pg_dumpall").touch(0o755)
    old = Installation(tmp_path, "9.6")
    with pytest.raises(PostgresError) as refused:
        dump(link, server.database(server.new_database()), installations=[old])
    assert f"{program} is only 9.6" in refused.value.message
    assert "apt install postgresql-client-" in refused.value.hint


def test_a_host_that_is_lost_says_so(server: Server):
    database = server.database(server.new_database())
    with contextlib.closing(open_link(HERE)) as link:
        killer = threading.Timer(0.3, os.kill, (link.hello.pid, 9))
        killer.start()
        with pytest.raises(HostUnreachable, match="spse-1"):
            ask(link, database, "SELECT pg_sleep(30)")
        killer.join()
        with pytest.raises(HostUnreachable, match="spse-1"):
            ask(link, database, "SELECT")


def test_a_line_that_nobody_encrypts_is_told_once(link: AgentLink):
    told: list[str] = []
    hosts = HostDatabases(link, told.append)
    database = parse_database("postgresql://x@192.0.2.1:1/epns")
    for _ in range(2):
        with hosts.reach(database):
            pass
    assert told == ["spse-1 reads 192.0.2.1:1 unencrypted"]


def test_no_thread_stays(link: AgentLink, server: Server):
    database = server.database(server.new_database())
    with databases(link).reach(database) as there, open_connection(there):
        assert "tunnel" in {each.name for each in threading.enumerate()}
    assert "tunnel" not in {each.name for each in threading.enumerate()}
