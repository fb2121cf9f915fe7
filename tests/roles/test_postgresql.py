"""PostgreSQL on a machine: who gets in and who does not, what a second run leaves alone, and that
the password is nowhere but in its file."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.lab import Finished, Host
from tests.roles.running import OURS, Ran, RoleRunner

pytestmark = pytest.mark.xdist_group("roles")

PASSWORD_FILE = "/etc/lpse-ops/spse/database.password"
CONFIGURATION = "/etc/postgresql/15/main/conf.d/lpse-ops.conf"
VARIABLES = {"postgresql_memory_mb": 512}
ROLE = "postgresql"
START = "systemctl show --property=ExecMainStartTimestampMonotonic --value postgresql@15-main"


def run(roles: RoleRunner, engine: str = OURS, *arguments: str, **variables: object) -> Ran:
    return roles.run(ROLE, engine=engine, arguments=arguments, variables={**VARIABLES, **variables})


@pytest.fixture(scope="module")
def first(roles: RoleRunner) -> Ran:
    before = roles.host.run("test", "-e", CONFIGURATION, check=False)
    checked = run(roles, OURS, "--check")
    assert checked.status == 0, checked.text
    assert roles.host.run("test", "-e", CONFIGURATION, check=False) == before
    ran = run(roles, OURS, "--diff")
    assert ran.status == 0, ran.text
    return ran


@pytest.fixture
def host(first: Ran, role_host: Host) -> Host:
    return role_host


def psql(host: Host, statement: str, *more: str) -> Finished:
    argv = ["psql", "-XAtq", "-d", "postgresql:///epns_prod?user=postgres", *more]
    return host.run(*argv, stdin=statement, check=False)


def log_in(
    host: Host, password: str, *, user: str = "epns", database: str = "epns_prod", at: str = ""
) -> Finished:
    line = (
        'cat >/run/pgpass; chmod 600 /run/pgpass; PGPASSFILE=/run/pgpass psql -XAtqw "$1" -c "$2"'
    )
    url = f"host={at or '127.0.0.1'} user={user} dbname={database}"
    statement = "SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user"
    return host.run(
        "sh", "-c", line, "sh", url, statement, stdin=f"*:*:*:*:{password}\n", check=False
    )


def read_password(host: Host) -> str:
    return host.run("cat", PASSWORD_FILE).stdout.rstrip("\n")


def test_again_changes_nothing(host: Host, roles: RoleRunner):
    before = host.run("sh", "-c", START).stdout
    ran = run(roles)
    assert (ran.status, ran.changed) == (0, []), ran.text
    assert host.run("sh", "-c", START).stdout == before


def test_the_password_is_made_here_and_told_nowhere(host: Host, first: Ran):
    assert host.run("stat", "-c", "%a %U", PASSWORD_FILE).stdout == "600 root\n"
    password = read_password(host)
    assert re.fullmatch("[A-Za-z0-9]{32}", password)
    assert password not in first.text
    seek = 'read -r word; ! grep -rqF -e "$word" /var/log /etc/postgresql /tmp /root /run'
    found = host.run("sh", "-c", seek, stdin=password + "\n", check=False)
    assert found.status == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_application_logs_in_without_rights_of_others(host: Host, address: str):
    done = log_in(host, read_password(host), at=address)
    assert (done.status, done.stdout) == (0, "epns|f\n"), done.stderr
    stored = psql(host, "SELECT rolpassword FROM pg_authid WHERE rolname = 'epns'").stdout
    assert stored.startswith("SCRAM-SHA-256$4096:")


def test_nobody_else_gets_in(host: Host):
    password = read_password(host)
    assert log_in(host, "epns").status == 2
    assert "no pg_hba.conf entry" in log_in(host, password, database="postgres").stderr
    assert "no pg_hba.conf entry" in log_in(host, password, user="postgres").stderr
    assert "no pg_hba.conf entry" in log_in(host, password, at="/var/run/postgresql").stderr
    refused = host.run("runuser", "-u", "debian", "--", "psql", "-U", "postgres", check=False)
    assert "Peer authentication failed" in refused.stderr
    listening = host.run("ss", "-Hltn", "sport = :5432").stdout.split("\n")
    places = {line.split()[3] for line in listening if line}
    assert places == {"127.0.0.1:5432", "[::1]:5432"}


def test_root_backs_it_up_without_a_password(host: Host):
    done = host.run("pg_dump", "-Fc", "-f", "/root/x.dump", "postgresql:///epns_prod?user=postgres")
    assert done.status == 0
    line = "pg_dumpall --globals-only -U postgres | grep -c 'CREATE ROLE epns;'"
    assert host.run("sh", "-c", line).stdout == "1\n"


def test_it_is_tuned_and_proof_against_a_bad_page(host: Host):
    asked = ("data_checksums", "shared_buffers", "effective_cache_size", "max_connections")
    shown = [psql(host, f"SHOW {name}").stdout.strip() for name in asked]
    assert shown == ["on", "256MB", "512MB", "100"]
    facts = "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding) FROM pg_database "
    assert psql(host, facts + "WHERE datname = 'epns_prod'").stdout == "epns|UTF8\n"


def test_only_what_needs_a_restart_gets_one(host: Host, roles: RoleRunner):
    before = host.run("sh", "-c", START).stdout
    ran = run(roles, postgresql_settings={"work_mem": "7MB"})
    assert (ran.status, ran.recap["failed"]) == (0, 0), ran.text
    assert psql(host, "SHOW work_mem").stdout == "7MB\n"
    assert host.run("sh", "-c", START).stdout == before
    wrong = run(roles, postgresql_settings={"work_mem": "much"})
    assert wrong.failed == ["postgresql : Write the settings, tuned to the memory"]
    assert "invalid value for parameter" in wrong.text
    told = run(roles, postgresql_max_connections=91, postgresql_restart=False)
    assert told.status == 0
    assert "1 settings of PostgreSQL wait for a restart" in told.text
    assert host.run("sh", "-c", START).stdout == before
    assert run(roles, postgresql_max_connections=90).status == 0
    assert psql(host, "SHOW max_connections").stdout == "90\n"
    assert host.run("sh", "-c", START).stdout != before
    assert run(roles).status == 0


@pytest.fixture
def old_password(host: Host) -> Iterator[str]:
    """Whatever the test does with it, the machine has it again afterwards."""
    old = read_password(host)
    yield old
    write = f"umask 077; cat >{PASSWORD_FILE}"
    host.run("sh", "-c", write, stdin=old + "\n")


def test_a_password_that_was_given_takes_its_place(
    host: Host, roles: RoleRunner, old_password: str, tmp_path: Path
):
    given = tmp_path / "given.json"
    given.touch(0o600)
    word = "W" + os.urandom(12).hex()
    given.write_text(f'{{"postgresql_password": "{word}"}}')
    ran = run(roles, OURS, "--diff", "-vvv", "-e", f"@{given}")
    assert ran.status == 0, ran.text
    assert word not in ran.text
    assert log_in(host, word).status == 0
    assert log_in(host, old_password).status == 2
    host.run("sh", "-c", f"umask 077; cat >{PASSWORD_FILE}", stdin=old_password + "\n")
    assert run(roles).changed == ["postgresql : Have the role and its database"]
    assert log_in(host, old_password).status == 0


def test_the_password_of_the_field_is_refused(host: Host, roles: RoleRunner, old_password: str):
    for weak in ("epns", "mudah:ditebak@123"):
        ran = run(roles, postgresql_password=weak)
        assert ran.failed == [
            "postgresql : Refuse the password of the field and others that are easily guessed"
        ], ran.text
    host.run("rm", PASSWORD_FILE)
    ran = run(roles)
    assert ran.failed == ["postgresql : Have the role and its database"]
    assert "has a password already, which is not in" in ran.text
    assert log_in(host, old_password).status == 0


def test_whom_it_served_before_is_not_cut_off(host: Host, roles: RoleRunner):
    hba = f"{CONFIGURATION.rpartition('/conf.d/')[0]}/pg_hba.conf"
    ours = host.run("cat", hba).stdout
    theirs = "local all postgres peer\nhost absensi absensi 10.0.0.0/8 md5\n"
    host.run("sh", "-c", f"cat >{hba}", stdin=theirs)
    ran = run(roles)
    assert ran.failed == ["postgresql : Refuse to cut others off"], ran.text
    assert "host absensi absensi 10.0.0.0/8 md5" in ran.text
    assert host.run("cat", hba).stdout == theirs
    # As packages have it, but the application's password is not known: it is asked for first.
    theirs = "local all postgres peer\nhost all all 127.0.0.1/32 md5\n"
    host.run("sh", "-c", f"cat >{hba}; mv {PASSWORD_FILE} {PASSWORD_FILE}.old", stdin=theirs)
    ran = run(roles)
    assert ran.failed == ["postgresql : Try the role and its database"], ran.text
    host.run("mv", f"{PASSWORD_FILE}.old", PASSWORD_FILE)
    assert run(roles).status == 0
    assert host.run("cat", hba).stdout == ours
    other = "/etc/postgresql/13/main"
    host.run("sh", "-c", f"mkdir -p {other}; : >{other}/postgresql.conf")
    ran = run(roles)
    host.run("rm", "-r", "/etc/postgresql/13")
    assert ran.failed == ["postgresql : Refuse to put a second cluster beside one that is there"], (
        ran.text
    )
