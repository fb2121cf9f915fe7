"""A real PostgreSQL through the commands: into a snapshot and back, equal to the last line."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backup.cheap_repository import PASSWORD
from tests.backup.storing import open_cheap
from tests.cli.commands import Ended, lpse_ops
from tests.postgres.rich_schema import LARGE_OBJECT_COUNT, TABLE_COUNT
from tests.postgres.servers import Server
from tests.restic_binaries import Restic


@pytest.fixture
def rich(server: Server) -> Iterator[str]:
    """Large objects, sequences, views, functions, partitions, bytea, arrays, jsonb, ..."""
    name = server.new_database(rich=True)
    yield name
    server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def backup(repo: Path, password: Path, *args: str | Path, **options: object) -> Ended:
    at = ("--repo", repo, "--password-file", password)
    return lpse_ops("backup", "run", *at, *args, **options)  # type: ignore[arg-type]


def restore(repo: Path, password: Path, *args: str | Path) -> Ended:
    return lpse_ops("backup", "restore", "latest", "-r", repo, "-p", password, *args)


def test_a_database_comes_back_equal(repo: Path, password: Path, server: Server, rich: str):
    url = server.cluster.url(rich)
    report = backup(repo, password, "--database", url, "--format", "json").json()
    [facts] = report["databases"]
    assert facts["file"] == f"/lpse-ops/databases/{rich}.dump"
    assert facts["large_object_count"] == LARGE_OBJECT_COUNT
    assert len(facts["row_counts"]["tables"]) >= TABLE_COUNT
    before = server.plain_dump(rich)
    new = f"{rich}_new"
    options = ("--database", rich, "--into", new, "--server", url, "--verify")
    ended = restore(repo, password, *options)
    assert ended.code == 0, ended.stderr
    assert "rows as in the manifest" in ended.stdout
    assert server.plain_dump(new) == before
    server.execute(f"DROP DATABASE {new}")


def test_a_database_in_use_is_replaced_only_when_asked(
    repo: Path, password: Path, server: Server, rich: str
):
    url = server.cluster.url(rich)
    backup(repo, password, "--database", url)
    before = server.plain_dump(rich)
    server.execute("CREATE TABLE later ()", name=rich)
    refused = restore(repo, password, "--database", rich, "--server", url)
    assert refused.code == 1
    assert "--replace" in refused.stderr
    assert server.plain_dump(rich) != before
    assert restore(repo, password, "--database", rich, "--server", url, "--replace").code == 0
    assert server.plain_dump(rich) == before


def test_what_cannot_be_verified_is_not_touched(
    repo: Path, password: Path, server: Server, rich: str
):
    url = server.cluster.url(rich)
    backup(repo, password, "--database", url, "--row-counts", "off")
    options = ("--database", rich, "--into", f"{rich}_x", "--server", url, "--verify")
    ended = restore(repo, password, *options)
    assert ended.code == 1
    assert "row_counts: exact" in ended.stderr
    assert f"{rich}_x" not in server.names()


def test_flags_that_do_not_go_together_are_refused(
    repo: Path, password: Path, server: Server, rich: str, tmp_path: Path
):
    url = server.cluster.url(rich)
    backup(repo, password, "--database", url)
    before = server.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
    for flag in ("--dry-run", "--sparse", "--include=x"):
        ended = restore(repo, password, "--database", rich, "--server", url, "--replace", flag)
        assert (ended.code, flag.split("=")[0] in ended.stderr) == (2, True), ended.stderr
    assert (
        server.execute("SELECT oid FROM pg_database WHERE datname = current_database()") == before
    )
    ended = restore(repo, password, "--target", tmp_path / "out", "--replace")
    assert (ended.code, "--replace" in ended.stderr) == (2, True)


def test_stock_tools_read_the_dump(
    repo: Path, password: Path, server: Server, rich: str, restic: Restic, tmp_path: Path
):
    backup(repo, password, "--database", server.cluster.url(rich))
    path = f"/lpse-ops/databases/{rich}.dump"
    dump = restic.run("dump", "latest", path, repo=repo, password=PASSWORD).stdout
    (tmp_path / "dump").write_bytes(dump)
    argv = [server.installation.folder / "pg_restore", "--list", tmp_path / "dump"]
    listed = subprocess.run(argv, check=True, capture_output=True).stdout
    assert b"TABLE DATA" in listed
    roles = restic.run(
        "dump", "latest", "/lpse-ops/databases/globals.sql", repo=repo, password=PASSWORD
    ).stdout
    assert b"CREATE ROLE" in roles


def test_dump_and_row_counts_see_one_instant(repo: Path, password: Path, server: Server, rich: str):
    server.execute("CREATE TABLE ticks AS SELECT 1 AS n", name=rich)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            server.execute("INSERT INTO ticks VALUES (2)", name=rich)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        time.sleep(0.1)
        url = server.cluster.url(rich)
        report = backup(repo, password, "--database", url, "--format", "json").json()
    finally:
        stop.set()
        writer.join()
    counted = report["databases"][0]["row_counts"]["tables"]["public.ticks"]
    new = f"{rich}_ticks"
    assert restore(repo, password, "--database", rich, "--into", new, "--server", url).code == 0
    assert server.execute("SELECT count(*) FROM ticks", name=new) == [(counted,)]
    assert counted < server.execute("SELECT count(*) FROM ticks", name=rich)[0][0]
    server.execute(f"DROP DATABASE {new}")


def test_an_unchanged_database_stores_next_to_nothing(
    repo: Path, password: Path, server: Server, rich: str
):
    rows = "SELECT i, md5(i::text) FROM generate_series(1, 600000) AS i"
    server.execute(f"CREATE TABLE grown AS {rows}", name=rich)
    url = server.cluster.url(rich)
    first = backup(repo, password, "--database", url, "--format", "json").json()["summary"]
    server.execute("INSERT INTO grown VALUES (0, 'one more')", name=rich)
    second = backup(repo, password, "--database", url, "--format", "json").json()["summary"]
    assert first["data_added"] > 20_000_000
    # The time in the dump's head and the row at the end each cost a chunk.
    assert second["data_added"] < first["data_added"] / 4


# -- bad input ---------------------------------------------------------------------------------


def failed(ended: Ended, *words: str) -> None:
    assert ended.code == 1, ended.stderr
    lines = [line.split(":")[1].strip() for line in ended.stderr.splitlines()]
    assert lines == ["error", "hint"], ended.stderr
    for word in words:
        assert word in ended.stderr


def test_a_refused_connection_saves_nothing(repo: Path, password: Path, tmp_path: Path):
    url = f"postgresql:///epns_prod?host={tmp_path}"
    failed(backup(repo, password, "--database", url), "epns_prod")
    assert open_cheap(repo).snapshots() == []


def test_an_unknown_database(repo: Path, password: Path, server: Server):
    failed(backup(repo, password, "--database", server.cluster.url("none")), "none")


def test_no_pg_dump_names_the_package(
    repo: Path, password: Path, server: Server, rich: str, tmp_path: Path
):
    empty = tmp_path / "bin"
    empty.mkdir()
    # The system's own place is looked at too, so hide it in a mount namespace.
    script = 'mount --make-rprivate / && mount -t tmpfs none /usr/lib/postgresql && exec "$@"'
    hidden = ("unshare", "--mount", "sh", "-c", script, "sh")
    ended = lpse_ops(
        *("backup", "run", "--repo", repo, "--password-file", password),
        *("--database", server.cluster.url(rich)),
        env={"PATH": f"{empty}:/bin:/usr/bin"},
        before=hidden,
    )
    if "pg_dump" not in ended.stderr:
        # The wheel of the demo brings a newer one, which serves as well.
        assert ended.code == 0, ended.stderr
        return
    failed(ended, "postgresql-client")


def test_a_password_reaches_neither_argv_nor_the_report(
    repo: Path, password: Path, server: Server, tmp_path: Path
):
    name = server.new_database()
    server.execute("CREATE ROLE teller LOGIN PASSWORD 'sangat-rahasia'")
    url = server.tcp(name, "teller", "sangat-rahasia")
    seen: list[str] = []
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(seen, stop))
    watcher.start()
    try:
        # The user's own command line holds it; what we start from it must not.
        settings = tmp_path / "lpse-ops.yml"
        secret = tmp_path / "database.password"
        secret.touch(0o600)
        secret.write_text("sangat-rahasia")
        settings.write_text(
            f"""\
site: {{name: LPSE Contoh, slug: lpse-contoh, time_zone: WIB}}
backup:
  databases: [{{url: "{url.replace(":sangat-rahasia", "")}", password_file: database.password}}]
  password_file: {password}
  destinations: [{{name: disk-a, location: {repo}}}]
"""
        )
        ended = lpse_ops("backup", "--settings", settings, "--format", "json")
    finally:
        stop.set()
        watcher.join()
    assert ended.code == 0, ended.stderr
    assert any("pg_dump" in each for each in seen)
    assert not [each for each in seen if "sangat-rahasia" in each]
    assert "sangat-rahasia" not in ended.stdout + ended.stderr
    server.execute(f"DROP DATABASE {name}")
    server.execute("DROP ROLE teller")


def _watch(seen: list[str], stop: threading.Event) -> None:
    """Note the command line and the environment of every process, again and again."""
    while not stop.is_set():
        for process in Path("/proc").glob("[0-9]*"):
            if int(process.name) == os.getpid():
                continue
            for name in ("cmdline", "environ"):
                try:
                    seen.append((process / name).read_text(errors="replace"))
                except OSError:
                    break
        time.sleep(0.005)
