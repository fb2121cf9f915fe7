"""The application as people and other programs meet it: script, pages, documents, log."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab.waiting import is_running, wait_until
from tests.postgres.servers import Server
from tests.standin.conftest import PASSWORD, OpenSite, lock
from tests.standin.release import VERSIONS
from tests.standin.site import Site, change_settings

BID = bytes(range(256)) * 300
each_version = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture
def site(put_up: OpenSite, migrated_database: str) -> Site:
    """SPSE 4.4, not started."""
    return put_up("spse-4.4", migrated_database)


@each_version
def test_start_login_upload_stop(
    version: str, put_up: OpenSite, database: str, server: Server
) -> None:
    site = put_up(f"spse-{version}", database)
    assert site.migrate().status == 0
    site.start()
    login = site.get("/login")
    assert login.status == 200
    assert "Sistem Pengadaan Secara Elektronik" in login.text
    assert "User ID" in login.text
    assert f"SPSE v{version}" in login.text
    assert site.get().status == 200

    answer = site.upload(BID, bidder=3, title="Metode Pelaksanaan")
    assert answer.status == 200, site.log
    [(path, size, title, bidder)] = server.execute(
        "SELECT dok_file, dok_ukuran, dok_judul, psr_id FROM public.dok_penawaran"
        f" WHERE dok_id = {int(answer.text)}",
        name=database,
    )
    assert (size, title, bidder) == (len(BID), "Metode Pelaksanaan", 3)
    assert re.fullmatch(r"file_prod/dok_penawaran/\d{4}/\d\d/\d+/\d{7}-[0-9a-f]{8}\.rhs", str(path))
    assert (site.storage.parent / str(path)).read_bytes() == BID
    assert site.get(f"/dokumen/{int(answer.text)}").content == BID

    pid = site.pid
    assert pid is not None
    said = site.stop()
    assert (said.status, site.pid) == (0, None)
    assert not is_running(pid)
    assert not (site.application / "tmp").exists()
    assert site.processes() == []


def test_a_document_is_hashed_from_4_4_on(
    site: Site, server: Server, migrated_database: str
) -> None:
    site.start()
    number = int(site.upload(BID).text)
    [(digest,)] = server.execute(
        f"SELECT dok_sha256 FROM public.dok_penawaran WHERE dok_id = {number}",
        name=migrated_database,
    )
    assert digest == hashlib.sha256(BID).hexdigest()


def test_a_document_of_nobody_is_refused_and_leaves_nothing(
    site: Site, server: Server, migrated_database: str
) -> None:
    count = "SELECT count(*) FROM public.dok_penawaran"
    before = server.execute(count, name=migrated_database)
    site.start()
    assert site.upload(BID, bidder=999_999).status == 404
    assert server.execute(count, name=migrated_database) == before
    assert not list(site.storage.rglob("*.*"))


def test_a_document_that_cannot_be_kept_is_an_error_in_the_log(site: Site) -> None:
    site.storage.parent.write_text("not a folder")
    site.start()
    assert site.upload(BID).status == 500
    assert "Internal Server Error (500) for request POST /eproc4/dokumen" in site.log


def test_pages_that_are_not_there(site: Site) -> None:
    site.start()
    assert site.get("/tidak-ada").status == 404
    assert site.get("/dokumen/12345678").status == 404
    assert site.get("/dokumen/satu").status == 400


def test_the_log_has_the_pattern_of_spse_and_no_password(site: Site) -> None:
    site.start()
    lines = site.log.splitlines()
    pattern = re.compile(r"\d{6} \d\d:\d\d:\d\d (INFO |ERROR) ~ .+")
    assert all(pattern.fullmatch(line) for line in lines), site.log
    assert any("Connected to jdbc:postgresql://127.0.0.1:" in line for line in lines)
    assert any("Application 'spse' is now started !" in line for line in lines)
    assert "ERROR" not in site.log
    assert PASSWORD not in site.log + site.system_out
    [pid] = site.processes()
    assert PASSWORD.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_start_comes_back_before_the_application_is_up_and_lends_it_stderr(
    site: Site, server: Server, migrated_database: str
) -> None:
    with lock(server, migrated_database, "public.spse_migrasi"):
        said = site.run("start")
        assert (said.status, "SPSE 4 started" in said.out) == (0, True)
        assert wait_until(lambda: "Connected to" in site.log)
        [pid] = site.processes()
        assert "Listening for HTTP" not in site.log
        assert Path(f"/proc/{pid}/fd/1").readlink() == site.application / "logs/system.out"
        assert Path(f"/proc/{pid}/fd/2").readlink() != site.application / "logs/system.out"
    assert wait_until(lambda: "Listening for HTTP" in site.log)


def test_a_second_start_says_0_and_leaves_the_first_alone(site: Site) -> None:
    site.start()
    pid = site.pid
    said = site.run("start")
    assert said.status == 0
    assert f"{pid} is running" in said.out
    assert wait_until(lambda: "already exists" in site.system_out)
    assert wait_until(lambda: site.processes() == [pid])
    assert site.get("/login").status == 200


def test_stop_through_a_link_knows_only_where_the_link_leads_now(
    site: Site, put_up: OpenSite, migrated_database: str, tmp_path: Path
) -> None:
    link = tmp_path / "spse"
    link.symlink_to(site.home)
    linked = replace(site, home=link)
    linked.start()
    assert linked.get("/login").status == 200
    pid = linked.pid
    link.unlink()
    link.symlink_to(put_up("spse-4.5", migrated_database).home)
    # Whoever switches a release stops the old one first.
    assert linked.run("stop").status == 0
    assert site.processes() == [pid]
    assert site.stop().status == 0
    assert site.processes() == []


def test_a_pid_file_that_a_power_cut_left_is_removed(site: Site) -> None:
    (site.application / "server.pid").write_text("4194304")
    site.start()
    assert site.pid not in (None, 4_194_304)


def test_restart_gives_another_process(site: Site) -> None:
    site.start()
    pid = site.pid
    assert site.run("restart").status == 0
    assert wait_until(lambda: site.pid not in (None, pid))
    assert wait_until(lambda: site.log.count("Listening for HTTP") == 2)
    assert site.get("/login").status == 200


def test_the_newer_script_does_the_same(site: Site) -> None:
    assert site.run("start", script="starter.sh").status == 0
    assert wait_until(lambda: "Listening for HTTP" in site.log)
    assert site.run("stop", script="starter.sh").status == 0
    assert site.run("migration", script="starter.sh").status == 2


def test_what_the_scripts_refuse(site: Site) -> None:
    assert site.run("status").status == 2
    site.settings.rename(site.settings.with_suffix(".aside"))
    said = site.run("start")
    assert (said.status, "conf/application.conf is missing" in said.out) == (254, True)


def test_a_wrong_password_ends_the_start_and_leaves_the_pid_file(
    site: Site, server: Server, migrated_database: str
) -> None:
    url = f"postgres://epns:bukan-ini@127.0.0.1:{server.tcp_port}/{migrated_database}"
    change_settings(site.settings, {"db": url})
    site.run("start")
    assert wait_until(lambda: "Failed to start" in site.system_out)
    assert wait_until(lambda: not site.processes())
    assert "ERROR ~ Database [default] Cannot connected to the database" in site.log
    assert site.pid is not None
    assert "bukan-ini" not in site.log + site.system_out


def test_the_database_may_be_said_in_four_settings(
    site: Site, server: Server, migrated_database: str
) -> None:
    url = f"jdbc:postgresql://127.0.0.1:{server.tcp_port}/{migrated_database}"
    values = {"db": "", "db.url": url, "db.user": "epns", "db.pass": PASSWORD}
    change_settings(site.settings, {**values, "db.driver": "org.postgresql.Driver"})
    site.start()
    assert site.get("/login").status == 200


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"securedb": "Zm9vYmFy"}, "securedb is not known here: use db in conf/application.conf"),
        ({"db": "mysql://a:b@c/d"}, "conf/application.conf has no usable db"),
    ],
)
def test_settings_that_cannot_be_used_end_the_start(
    changes: dict[str, str], reason: str, site: Site
) -> None:
    change_settings(site.settings, changes)
    site.run("start")
    assert wait_until(lambda: f"Failed to start: {reason}" in site.system_out)
    assert site.migrate().status == 1


def test_a_port_that_is_taken_ends_the_start(
    site: Site, put_up: OpenSite, migrated_database: str
) -> None:
    site.start()
    other = put_up("spse-4.4", migrated_database)
    other.run("start")
    assert wait_until(lambda: "Failed to start" in other.system_out)
    assert f"ERROR ~ Could not bind on port {site.port}" in other.log
    assert site.get("/login").status == 200


def test_the_pages_need_the_database(site: Site, server: Server, migrated_database: str) -> None:
    database = migrated_database
    site.start()
    server.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
    server.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    )
    page = site.get("/login")
    assert page.status == 500
    assert "Oops, an error occured" in page.text
    assert "Internal Server Error (500) for request GET /eproc4/login" in site.log
    server.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
    assert site.get("/login").status == 200


def test_connections_stay_open_while_it_runs(
    site: Site, server: Server, migrated_database: str
) -> None:
    site.start()
    count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{migrated_database}'"
    assert server.execute(count) == [(3,)]


def test_it_is_small(site: Site) -> None:
    site.start()
    site.get("/login")
    status = Path(f"/proc/{site.pid}/status").read_text()
    match = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert match is not None
    assert int(match[1]) < 200_000
