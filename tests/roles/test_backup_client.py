"""lpse-ops on a server by its role: the backup runs, its secrets stay where they are, and what the
host noted in its settings is kept."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.lab.lab import Host
from tests.roles.running import OURS, Ran, RoleRunner
from tests.spselab.wheels import find_wheels

pytestmark = pytest.mark.xdist_group("roles")

FILE = "/etc/lpse-ops/lpse-ops.yml"
SHEET = "/root/lembar-pemulihan.txt"
SETTINGS: dict[str, Any] = {
    "site": {"name": "LPSE Contoh", "slug": "lpse-contoh", "time_zone": "WITA"},
    "backup": {
        "databases": [{"url": "postgresql:///epns_prod?user=postgres"}],
        "paths": ["/home/file/file_prod"],
        "destinations": [
            {"name": "disk-a", "location": "/mnt/disk-a/repo"},
            {"name": "share", "location": "/srv/share/repo", "kept_at": "Diskominfo"},
        ],
    },
}
PREPARE = """\
mkdir -p /home/file/file_prod /mnt/disk-a /srv/share
head -c 300000 /dev/urandom >/home/file/file_prod/1.rhs
"""


@pytest.fixture(scope="module")
def wheels() -> Path:
    return find_wheels()


def run(roles: RoleRunner, wheels: Path, engine: str = OURS, *arguments: str, **more: Any) -> Ran:
    variables = {"backup_client_wheels": str(wheels), "backup_client_settings": SETTINGS, **more}
    return roles.run("backup_client", engine=engine, arguments=arguments, variables=variables)


@pytest.fixture(scope="module")
def first(roles: RoleRunner, wheels: Path) -> Ran:
    ran = roles.run("postgresql", variables={"postgresql_memory_mb": 512}, arguments=["--diff"])
    assert ran.status == 0, ran.text
    password = roles.host.run("cat", "/etc/lpse-ops/spse/database.password").stdout.strip()
    assert password not in ran.text
    roles.host.run("sh", "-c", PREPARE)
    checked = run(roles, wheels, OURS, "--check")
    assert checked.status == 0, checked.text
    assert roles.host.run("test", "-e", "/opt/lpse-ops", check=False).status == 1
    ran = run(roles, wheels, OURS, "--diff")
    assert ran.status == 0, ran.text
    return ran


@pytest.fixture
def host(first: Ran, role_host: Host) -> Host:
    return role_host


def test_again_changes_nothing(host: Host, roles: RoleRunner, wheels: Path):
    before = host.run("cat", FILE).stdout
    ran = run(roles, wheels)
    assert (ran.status, ran.changed) == (0, []), ran.text
    assert host.run("cat", FILE).stdout == before
    checked = run(roles, wheels, OURS, "--check")
    assert (checked.status, checked.changed) == (0, []), checked.text


def test_what_opens_the_backup_is_told_nowhere(host: Host, first: Ran):
    password = host.run("cat", "/etc/lpse-ops/backup.password").stdout.strip()
    sheet = host.run("cat", SHEET).stdout
    secrets = [password, *(line.strip() for line in sheet.splitlines() if "-" in line)]
    assert len(secrets) > 10
    assert [word for word in secrets if word and word in first.text] == []
    files = (FILE, "/etc/lpse-ops/backup.password", SHEET)
    modes = host.run("stat", "-c", "%a %U", *files).stdout.split("\n")
    assert modes[:3] == ["640 root", "600 root", "600 root"]
    assert f"recovery sheet of the backup is in {SHEET}" in first.text.replace("\n", " ")


def test_the_backup_runs_as_root_and_in_its_unit(host: Host):
    done = host.run("lpse-ops", "backup", "run", "--format", "json")
    snapshot = json.loads(done.stdout)["snapshot"]
    assert snapshot
    host.run("lpse-ops", "backup", "check", "--read-data")
    listed = host.run("lpse-ops", "backup", "ls", "latest", "/lpse-ops/databases").stdout
    assert "epns_prod.dump" in listed
    host.run("systemctl", "start", "lpse-ops-backup.service")
    for timer in ("backup", "check", "drill", "status"):
        assert host.run("systemctl", "is-enabled", f"lpse-ops-{timer}.timer").stdout == "enabled\n"


def test_settings_that_lpse_ops_does_not_take_are_not_put_in_place(
    host: Host, roles: RoleRunner, wheels: Path
):
    before = host.run("cat", FILE).stdout
    wrong = {**SETTINGS, "site": {**SETTINGS["site"], "time_zone": "WITX"}}
    ran = run(roles, wheels, backup_client_settings=wrong)
    assert ran.failed == ["backup_client : Write the settings, if lpse-ops takes them"]
    assert "must be a time zone" in ran.text
    assert host.run("cat", FILE).stdout == before
    ran = run(roles, wheels, backup_client_settings={"site": SETTINGS["site"]})
    assert ran.failed == ["backup_client : Refuse settings that name no place for backups"]


def identities(host: Host) -> list[str]:
    text = host.run("cat", FILE).stdout
    return [line.strip() for line in text.splitlines() if line.startswith("    repository_id: ")]


def test_a_change_keeps_the_identity_of_the_repository(host: Host, roles: RoleRunner, wheels: Path):
    identity = identities(host)
    assert len(identity) == 1
    more = {**SETTINGS["backup"], "keep": {"daily": 14}}
    ran = run(roles, wheels, backup_client_settings={**SETTINGS, "backup": more})
    assert "backup_client : Write the settings, if lpse-ops takes them" in ran.changed
    text = host.run("cat", FILE).stdout
    assert identities(host) == identity
    assert "daily: 14" in text
    host.run("lpse-ops", "backup", "snapshots")
    assert run(roles, wheels).status == 0


def test_a_repository_that_is_there_is_not_lost(host: Host, roles: RoleRunner, wheels: Path):
    before = host.run("sha256sum", FILE, "/etc/lpse-ops/backup.password").stdout
    refused = [
        "backup_client : Refuse what would not open or not find the repository that there is"
    ]
    named = {**SETTINGS["backup"], "destinations": [{"name": "x", "location": "/mnt/x/repo"}]}
    for wrong in (
        {"backup_client_password": "another one"},
        {"backup_client_settings": {**SETTINGS, "backup": named}},
        {
            "backup_client_settings": {
                **SETTINGS,
                "backup": {**SETTINGS["backup"], "password_file": "p"},
            }
        },
    ):
        ran = run(roles, wheels, **wrong)
        assert ran.failed == refused, ran.text
        assert "another one" not in ran.text
    assert host.run("sha256sum", FILE, "/etc/lpse-ops/backup.password").stdout == before


def test_another_wheel_of_the_same_version_is_installed(
    host: Host, roles: RoleRunner, wheels: Path, tmp_path: Path
):
    other = tmp_path / "wheels"
    shutil.copytree(wheels, other)
    [own] = other.glob("lpse_ops-*.whl")
    with zipfile.ZipFile(own, "a") as archive:
        archive.writestr("lpse_ops/x_of_a_test.py", "")
    ran = run(roles, other)
    assert "backup_client : Install lpse-ops itself" in ran.changed, ran.text
    seek = "find /opt/lpse-ops -name x_of_a_test.py; ls /usr/local/lib/lpse-ops"
    found = host.run("sh", "-c", seek).stdout
    assert "x_of_a_test.py" in found
    assert "wheels" not in found
    assert run(roles, wheels).status == 0
    assert host.run("lpse-ops", "--version").status == 0
