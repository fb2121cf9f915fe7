"""SPSE installed by its role on a machine that has a database, Java and lpse-ops, and what of it
a second run, another package, a crash and a hand-made installation change.

The package is the stand-in's (``tests/standin``).
"""

import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from tests.lab.installing import install_program
from tests.lab.lab import Lab
from tests.lab.waiting import wait_until
from tests.roles.running import OURS, Ran, RoleRunner
from tests.spselab.prepared import bring_up_prepared
from tests.standin.build import Package, find_packages

pytestmark = pytest.mark.xdist_group("roles-spse")

AS_POSTGRES = "runuser -u postgres --"
RECREATE = f"{AS_POSTGRES} dropdb epns_prod; {AS_POSTGRES} createdb -O epns epns_prod"
LINK = "/home/appserv/spse"
PASSWORD_FILE = "/etc/lpse-ops/spse/database.password"
PAGE = "http://127.0.0.1:9090/eproc4/login"
REPORT = "/var/lib/lpse-ops/upgrade/install.json"


class Site:
    """A machine and the plays that are run on it."""

    def __init__(self, runner: RoleRunner) -> None:
        self.runner = runner
        self.host = runner.host

    def install(
        self, package: Package, *arguments: str, engine: str = OURS, **variables: object
    ) -> Ran:
        said = {
            "spse_package": str(package.archive),
            "spse_version": package.version,
            "spse_package_sha256": package.sha256,
            "spse_server_name": "lpse.contoh.go.id",
            **variables,
        }
        return self.runner.run("spse", engine=engine, arguments=arguments, variables=said)

    def sh(self, line: str) -> str:
        return self.host.run("sh", "-c", line).stdout

    def has(self, path: str) -> bool:
        return self.host.run("test", "-e", path, check=False).status == 0

    def answers(self, seconds: float = 30) -> bool:
        page = f"curl -fsS {PAGE}"
        line = f"{page} | grep -q 'Sistem Pengadaan Secara Elektronik'"
        return wait_until(
            lambda: self.host.run("sh", "-c", line, check=False).status == 0,
            timeout_seconds=seconds,
        )

    def show(self, name: str) -> str:
        argv = ["systemctl", "show", f"--property={name}", "--value", "spse"]
        return self.host.run(*argv).stdout.strip()

    def count(self, query: str) -> int:
        psql = ["runuser", "-u", "postgres", "--", "psql", "-XAtqd", "epns_prod", "-c", query]
        return int(self.host.run(*psql).stdout)

    def report(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.host.run("cat", REPORT).stdout)
        return read


@pytest.fixture(scope="module")
def packages() -> dict[str, Package]:
    return find_packages()


@pytest.fixture(scope="module")
def bare(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A machine with Debian's packages, the database and lpse-ops; nothing of SPSE."""
    [host] = bring_up_prepared(lab, "spse-role")
    install_program(host)
    host.run("ln", "-s", "/usr/bin/lpse-ops", "/usr/local/bin/lpse-ops")
    settings = "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}"
    write = "mkdir -p /etc/lpse-ops; cat >/etc/lpse-ops/lpse-ops.yml"
    host.run("sh", "-c", write, stdin=settings)
    runner = RoleRunner(host, tmp_path_factory.mktemp("spse"))
    ran = runner.run("postgresql", variables={"postgresql_memory_mb": 512})
    assert ran.status == 0, ran.text
    yield Site(runner)
    host.remove()


@pytest.fixture(scope="module")
def installed(bare: Site, packages: dict[str, Package]) -> Ran:
    """What check mode and a package that is refused leave is nothing; then it is installed."""
    good = packages["spse-4.3"]
    checked = bare.install(good, "--check")
    assert checked.status == 0, checked.text
    refused = bare.install(good, spse_package_sha256="0" * 64)
    assert refused.status == 2
    assert f"its SHA-256 is {good.sha256}, not 000" in refused.text
    assert not any(map(bare.has, ("/opt/spse", LINK, "/etc/systemd/system/spse.service")))
    bare.host.run("sh", "-c", "cat >/etc/rc.local", stdin=f"#!/bin/sh\n{LINK}/spse4 start\n")
    return bare.install(good, "--diff", "-vv")


@pytest.fixture
def site(bare: Site, installed: Ran) -> Site:
    assert installed.status == 0, installed.text
    return bare


def test_it_answers_and_its_tables_are_there(site: Site):
    assert site.answers()
    assert site.count("SELECT count(*) FROM public.spse_migrasi") > 0
    assert site.show("UnitFileState") == "enabled"
    assert site.show("User") == "appserv"


def test_what_is_whose(site: Site):
    line = "stat -Lc '%a %U:%G' /home/appserv /opt/spse/releases /opt/spse/packages"
    documents = "/home/file/file_prod"
    settings = f"{LINK}/webapp/conf/application.conf /etc/lpse-ops/spse/site.json {REPORT}"
    assert site.sh(f"{line} {documents} {settings}").splitlines() == [
        "755 root:root",
        "755 root:root",
        "700 root:root",
        "750 appserv:appserv",
        "640 root:appserv",
        "600 root:root",
        "600 root:root",
    ]
    assert site.sh("getent passwd appserv | cut -d: -f7").strip() == "/usr/sbin/nologin"
    # Of all that is there, it may change only where it writes.
    written = f"find -L {LINK} {LINK}/webapp -maxdepth 1 -writable | sort -u"
    found = site.sh(f"runuser -u appserv -- sh -c '{written}'").split()
    own = [f"{LINK}/webapp/{name}" for name in ("logs", "server.pid", "tmp")]
    assert found == sorted([LINK, f"{LINK}/webapp", *own])


def test_the_password_is_in_no_answer_and_in_two_files(site: Site, installed: Ran):
    password = site.sh(f"cat {PASSWORD_FILE}").strip()
    assert len(password) >= 20
    assert password not in installed.text
    found = site.sh(
        f"grep -rlF -- {password} /etc /opt /home /var/lib/lpse-ops /var/log /run || true"
    )
    assert sorted(found.split()) == [
        PASSWORD_FILE,
        "/opt/spse/releases/4.3/webapp/conf/application.conf",
    ]


def test_a_start_by_rc_local_is_told(installed: Ran):
    assert f"WARNING: /etc/rc.local starts SPSE too; take these lines out: {LINK}" in installed.text


def test_a_second_run_changes_nothing(site: Site, packages: dict[str, Package]):
    again = site.install(packages["spse-4.3"])
    assert (again.status, again.changed) == (0, []), again.text


def test_the_service_is_fenced_in_and_documents_get_through(site: Site):
    said = site.host.run("systemd-analyze", "security", "--no-pager", "spse", check=False).stdout
    match = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert match is not None, said
    assert float(match[1]) <= 3.0, said
    upload = "head -c 3000000 /dev/urandom | curl -fsS --data-binary @- "
    number = site.sh(f"{upload} 'http://127.0.0.1:9090/eproc4/dokumen?psr=1&judul=Penawaran'")
    assert number.strip().isdigit()
    assert (
        site.sh("find /home/file/file_prod -name '*.rhs' -user appserv -size +2900k").count("\n")
        == 1
    )


def test_another_version_is_left_to_an_upgrade(site: Site, packages: dict[str, Package]):
    ran = site.install(packages["spse-4.4"])
    assert (ran.status, ran.changed) == (0, []), ran.text
    assert (
        "SPSE 4.3 is in use and was left as it is; to move to 4.4: lpse-ops spse upgrade"
        in ran.text
    )
    assert site.sh("ls /opt/spse/packages").split() == ["spse-4.3.tar.gz"]


def test_a_number_that_a_power_cut_left_stops_no_stranger(site: Site):
    assert site.answers()
    site.host.kill()
    site.host.on()
    # Whoever has that number now.
    site.sh("systemctl stop spse; sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >/run/stranger")
    site.sh(f"runuser -u appserv -- cp /run/stranger {LINK}/webapp/server.pid")
    site.sh("systemctl start spse")
    assert site.answers()
    site.sh("systemctl stop spse")
    assert site.show("Result") == "success"
    assert site.sh("kill -0 $(cat /run/stranger) && echo there") == "there\n"
    site.sh("systemctl start spse; kill $(cat /run/stranger)")
    assert site.answers()


def test_who_started_it_by_hand_is_told(site: Site):
    site.sh(f"systemctl stop spse; runuser -u appserv -- {LINK}/spse4 start >/run/by-hand 2>&1 &")
    assert site.answers()
    assert site.host.run("systemctl", "start", "spse", check=False).status == 1
    assert "SPSE runs already, as process" in site.sh("journalctl -u spse -n 20 --no-pager")
    site.sh(f"runuser -u appserv -- {LINK}/spse4 stop; systemctl stop spse; systemctl start spse")
    assert site.answers()


def forget(site: Site) -> None:
    """As if it had never been installed, but for what is below /opt/spse."""
    site.sh(f"systemctl disable --now spse; rm -f {LINK} {REPORT}")
    site.sh(f"cd /; {RECREATE}")


def test_an_account_that_lets_people_in_still_does(site: Site, packages: dict[str, Package]):
    site.sh("usermod --shell /bin/bash appserv")
    ran = site.install(packages["spse-4.3"])
    assert ran.status == 0, ran.text
    assert "usermod --shell /usr/sbin/nologin appserv" in ran.text
    assert site.sh("getent passwd appserv | cut -d: -f7").strip() == "/bin/bash"
    site.sh("usermod --shell /usr/sbin/nologin appserv")


def test_a_report_that_a_power_cut_emptied_is_not_guessed_at(
    site: Site, packages: dict[str, Package]
):
    site.sh(f"cp -p {REPORT} {REPORT}.kept; : >{REPORT}")
    ran = site.install(packages["spse-4.3"])
    assert ran.status == 2
    assert f"{REPORT} cannot be read" in ran.text
    site.sh(f"mv {REPORT}.kept {REPORT}")


# A custom dump is what every site of tests/spselab begins with.
@pytest.mark.parametrize("form", [pytest.param("custom", marks=pytest.mark.soak), "sql.gz"])
def test_the_first_tables_may_come_from_a_dump(
    site: Site, packages: dict[str, Package], form: str, tmp_path_factory: pytest.TempPathFactory
):
    assert site.answers()
    dump = {"custom": "-Fc", "sql.gz": "-Fp --no-owner -Z 6"}[form]
    site.sh(f"cd /; runuser -u postgres -- pg_dump {dump} epns_prod >/root/lkpp.backup")
    tables = "SELECT count(*) FROM pg_tables WHERE tableowner = 'epns'"
    before = site.count(tables)
    name = tmp_path_factory.mktemp("dump") / "lkpp.backup"
    argv = site.host.ssh_argv("cat", "/root/lkpp.backup")
    name.write_bytes(subprocess.run(argv, check=True, capture_output=True).stdout)
    forget(site)
    ran = site.install(packages["spse-4.3"], spse_database_dump=str(name))
    assert ran.status == 0, ran.text
    assert site.answers()
    assert site.count(tables) == before > 5
    assert site.report()["database"] == "migrated"


def test_a_first_migration_that_was_cut_off_is_not_run_again(
    site: Site, packages: dict[str, Package]
):
    forget(site)
    # As a power cut leaves it, for want of a Java: it began, and is not over.
    bad = site.install(packages["spse-4.3"], spse_java_home="/usr/lib/jvm/none")
    assert bad.status == 2, bad.text
    assert site.report()["database"] == "begun"
    site.count("CREATE TABLE half (one int); SELECT 1")
    again = site.install(packages["spse-4.3"])
    assert "was cut off, and nobody knows how far it came" in again.text
    site.sh(f"cd /; {RECREATE}")
    last = site.install(packages["spse-4.3"])
    assert last.status == 0, last.text
    assert site.answers()


def test_what_was_installed_by_hand_is_adopted_when_asked(site: Site, packages: dict[str, Package]):
    """As the field has it: a folder of root's at the fixed path, which root started."""
    site.sh(f"systemctl disable --now spse; rm -rf {LINK} {REPORT} /opt/spse/releases/4.3*")
    settings = "/root/application.conf"
    site.sh(
        f"mkdir {LINK}; tar -xzC {LINK} --strip-components=1 -f /opt/spse/packages/spse-4.3.tar.gz"
    )
    password = site.sh(f"cat {PASSWORD_FILE}").strip()
    conf = f"{LINK}/webapp/conf/application.conf"
    site.sh(f"sed -i 's/epns:epns@/epns:{password}@/' {conf}; cp {conf} {settings}")
    site.sh(f"chown -R root:root /home/file/file_prod; {LINK}/spse4 start >/run/by-hand 2>&1 &")
    assert site.answers()
    untouched = site.install(packages["spse-4.4"])
    assert untouched.status == 2
    assert f"{LINK} was installed by hand. To have it adopted" in untouched.text
    running = site.install(packages["spse-4.3"], spse_adopt=True)
    assert "SPSE runs in /home/appserv/spse (process" in running.text
    site.sh(f"{LINK}/spse4 stop")
    ran = site.install(packages["spse-4.3"], spse_adopt=True, spse_package="")
    assert ran.status == 0, ran.text
    assert site.answers()
    assert site.sh(f"readlink {LINK}") == "/opt/spse/releases/4.3\n"
    assert (
        site.sh(f"cmp {conf} {settings}; stat -c %U /proc/$(cat {LINK}/webapp/server.pid)")
        == "appserv\n"
    )
    again = site.install(packages["spse-4.3"], spse_adopt=True)
    assert (again.status, again.changed) == (0, []), again.text
    # Cut off between the move and the start: the same words finish it.
    unfinished = json.dumps({**site.report(), "ended": None, "outcome": None})
    site.host.run("sh", "-c", f"systemctl disable --now spse; cat >{REPORT}", stdin=unfinished)
    ran = site.install(packages["spse-4.3"], spse_adopt=True, spse_package="")
    assert ran.status == 0, ran.text
    assert site.answers()
    assert site.report()["ended"]


def test_an_upgrade_outlives_the_line_and_a_second_play_waits_for_it(
    site: Site, packages: dict[str, Package], tmp_path_factory: pytest.TempPathFactory
):
    # Its backup lasts until it is told to go on.
    waits = 'until test -e /run/go-on; do sleep 0.1; done; echo \'{"id": "0123abcd"}\''
    package = packages["spse-4.4"]
    said = {
        "spse_package": str(package.archive),
        "spse_version": package.version,
        "spse_package_sha256": package.sha256,
        "spse_health_pages": [{"name": "local", "url": PAGE, "text": "User ID"}],
        "spse_reserve_mib": 10,
        "spse_backup_run": ["sh", "-c", waits],
        "spse_backup_verify": ["test", "{snapshot}", "=", "0123abcd"],
        "spse_preflight_accepted": ["backup", "backup-proof"],
        "spse_performed_by": ["Sari"],
    }
    upgrade = {"ansible.builtin.include_role": {"name": "spse", "tasks_from": "upgrade.yml"}}
    runners = [
        replace(site.runner, folder=tmp_path_factory.mktemp(name)) for name in ("first", "second")
    ]

    waiter = "timeout 50 sh -c .* lpse-ops-upgrade"

    def wait_for(waiters: int, play: "Future[Ran]") -> None:
        count = f"pgrep -fx '{waiter}' | wc -l"

        def is_so() -> bool:
            return play.done() or site.sh(count) == f"{waiters}\n"

        assert wait_until(is_so, timeout_seconds=60)

    def play(runner: RoleRunner) -> Ran:
        return runner.run(tasks=[{"name": "Upgrade", **upgrade}], variables=said)

    with ThreadPoolExecutor() as pool:
        try:
            first = pool.submit(play, runners[0])
            wait_for(1, first)
            # What waited on that line goes too, so that what waits is told by its number.
            site.sh(f"pkill -f '^sshd: debian'; pkill -fx '{waiter}' || true")
            wait_for(1, first)
            second = pool.submit(play, runners[1])
            wait_for(2, second)
        finally:
            site.sh("touch /run/go-on")
        ran, other = first.result(), second.result()
    assert ran.status == 0, ran.text
    assert "UNREACHABLE" in ran.text
    assert other.status == 0, other.text
    assert "done: the new release is in use" in other.text
    assert site.sh(f"readlink {LINK}") == "/opt/spse/releases/4.4\n"
    listed = json.loads(
        site.host.run("lpse-ops", "spse", "change", "list", "--format", "json").stdout
    )
    assert [each["kind"] for each in listed["changes"]].count("upgrade") == 1
    again = play(runners[0])
    assert (again.status, again.changed) == (0, []), again.text
    assert "SPSE 4.4 is in use already" in again.text


def test_a_first_migration_in_the_background_is_waited_for(
    site: Site, packages: dict[str, Package]
):
    forget(site)
    ran = site.install(packages["spse-4.5-migrates-in-background"])
    assert ran.status == 0, ran.text
    assert "spse : End what it left running, once it listens" in ran.changed
    assert site.answers()
    assert site.show("ActiveState") == "active"
