"""A machine of its own is backed up from here: an account with sudo, and a PostgreSQL that looks
which account asks (``peer``)."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.postgres.installation import Installation
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.cli.commands import Ended, lpse_ops
from tests.lab.accounts import DEBIAN, OPERATOR
from tests.lab.installing import install_program
from tests.lab.lab import Host, Lab
from tests.postgres.conftest import bundled_installation
from tests.restic_binaries import Restic

__all__ = ["bundled_installation"]

pytestmark = pytest.mark.xdist_group("lab")

DOCUMENTS = "/home/file/file_prod"
PREPARE = f"""\
set -eu
umask 077
mkdir -p {DOCUMENTS}
head -c 300000 /dev/urandom >{DOCUMENTS}/1.rhs
echo rahasia >{DOCUMENTS}/2.rhs
chown -R www-data /home/file
useradd --system --home-dir /var/lib/postgresql --create-home postgres
install -d -o postgres -g postgres /var/run/postgresql
cd /var/lib/postgresql
as() {{ runuser -u postgres -- "$@"; }}
programs=$1
as "$programs/initdb" --auth=peer --no-sync --pgdata=data >/dev/null
as "$programs/pg_ctl" --pgdata=data --wait --log=log \\
    --options="-k /var/run/postgresql -c listen_addresses= -c fsync=off" start >/dev/null
as "$programs/psql" --host=/var/run/postgresql --dbname=postgres --quiet \\
    --command="CREATE DATABASE epns_prod"
as "$programs/psql" --host=/var/run/postgresql --dbname=epns_prod --quiet \\
    --command="CREATE TABLE peserta AS SELECT generate_series(1, 500) AS id"
"""


@pytest.fixture(scope="module")
def machine(lab: Lab, bundled_installation: Installation) -> Iterator[Host]:
    """With documents of another account, and the PostgreSQL of the wheel."""
    [host] = lab.up("pulled")
    host.run("sh", "-c", PREPARE, "sh", copy_wheel(host, bundled_installation, "/opt"))
    yield host
    host.remove()


def copy_wheel(host: Host, installation: Installation, folder: str) -> str:
    """Have the PostgreSQL of the wheel on a host; gives the folder of its programs."""
    version = installation.folder.parent
    wheel = version.parent
    names = [f"{wheel.name}/{version.name}", f"{wheel.name}/__init__.py", f"{wheel.name}.libs"]
    argv = ["tar", "--create", f"--directory={wheel.parent}", "--exclude=include", *names]
    host.run("mkdir", "-p", folder)
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as packing:
        unpack = host.ssh_argv("tar", "--extract", f"--directory={folder}")
        subprocess.run(unpack, check=True, stdin=packing.stdout)
    return f"{folder}/{names[0]}/bin"


def pull(folder: Path, host: Host, user: str, *words: str, **variables: Any) -> Ended:
    inventory = folder / "hosts.json"
    known = {**host.ansible_variables(user=user), **variables}
    inventory.write_text(json.dumps({"all": {"hosts": {"spse-1": known}}}))
    password = folder / "password"
    password.touch(0o600)
    password.write_text(PASSWORD)
    repository = ("--repo", folder / "repo", "--password-file", password)
    return lpse_ops("backup", "--host", "spse-1", "-i", inventory, *repository, *words)


@pytest.mark.parametrize(
    ("user", "secret"), [(DEBIAN.name, None), (OPERATOR.name, OPERATOR.password)]
)
def test_sudo_reads_every_document_and_postgres_lets_its_own_account_in(
    machine: Host, tmp_path: Path, restic_new: Restic, user: str, secret: str | None
):
    repo = init_cheaply(tmp_path / "repo")
    become = {"ansible_become": True} | ({"ansible_become_password": secret} if secret else {})
    words = (DOCUMENTS, "--database", "postgresql:///epns_prod", "--format", "json")
    ended = pull(tmp_path, machine, user, *words, **become)
    assert ended.code == 0, ended.stderr
    [facts] = ended.json()["databases"]
    assert facts["row_counts"]["tables"] == {"public.peserta": 500}
    restic_new.run("check", "--read-data", repo=repo, password=PASSWORD)
    stored = restic_new.run("dump", "latest", f"{DOCUMENTS}/1.rhs", repo=repo, password=PASSWORD)
    there = machine.run("sha256sum", f"{DOCUMENTS}/1.rhs").stdout.split()[0]
    done = subprocess.run(["sha256sum"], input=stored.stdout, capture_output=True, check=True)
    assert done.stdout.decode().split()[0] == there
    [node] = [
        each
        for each in restic_new.json_lines("ls", "latest", repo=repo, password=PASSWORD)
        if each.get("path") == f"{DOCUMENTS}/2.rhs"
    ]
    assert node["uid"] == int(machine.run("id", "-u", "www-data").stdout)
    left = machine.run("pgrep", "-fc", "zlib.decompress", check=False).stdout
    assert left == "0\n"


def test_without_sudo_what_cannot_be_read_is_listed(machine: Host, tmp_path: Path):
    init_cheaply(tmp_path / "repo")
    machine.run("chmod", "711", "/home/file", DOCUMENTS)
    machine.run("chmod", "755", DOCUMENTS)
    ended = pull(tmp_path, machine, DEBIAN.name, DOCUMENTS)
    assert ended.code == 3, ended.stderr
    assert f"cannot read {DOCUMENTS}/1.rhs: permission denied" in ended.stderr.lower()
    refused = pull(tmp_path, machine, DEBIAN.name, "--database", "postgresql:///epns_prod")
    assert refused.code == 1
    assert 'role "debian" does not exist' in refused.stderr


SETTINGS = {
    "site": {"name": "LPSE Contoh", "slug": "lpse-contoh", "time_zone": "WITA"},
    "backup": {
        "host": "spse-1",
        "paths": [DOCUMENTS],
        "databases": [{"url": "postgresql:///epns_prod"}],
        "password_file": "backup.password",
        "destinations": [{"name": "disk-a", "location": "/mnt/disk-a/repo"}],
    },
}
START = """\
set -eu
umask 077
mkdir -p /root/.ssh /mnt/disk-a /etc/lpse-ops/inventory
cat >/root/.ssh/id_ed25519
echo rahasia >/etc/lpse-ops/backup.password
lpse-ops --settings /etc/lpse-ops/lpse-ops.yml backup init --sheet /root/sheet.txt
lpse-ops --settings /etc/lpse-ops/lpse-ops.yml backup schedule install
systemctl start lpse-ops-backup.service
"""


def test_the_timer_fetches_from_inside_its_fence(
    machine: Host, lab: Lab, bundled_installation: Installation
):
    [controller] = lab.up("controller")
    install_program(controller)
    copy_wheel(controller, bundled_installation, "/usr/local/lib/python3.11/dist-packages")
    known = {"ansible_host": machine.address, "ansible_user": DEBIAN.name, "ansible_become": True}
    for path, text in {
        "/etc/lpse-ops/lpse-ops.yml": json.dumps(SETTINGS),
        "/etc/lpse-ops/inventory/hosts.json": json.dumps({"all": {"hosts": {"spse-1": known}}}),
        "/root/.ssh/known_hosts": lab.known_hosts.read_text(),
    }.items():
        write = 'mkdir -p "${1%/*}"; cat >"$1"'
        controller.run("sh", "-c", write, "sh", path, stdin=text)
    done = controller.run("sh", "-c", START, stdin=lab.key_file.read_text(), check=False)
    log = controller.run("journalctl", "--no-pager", "--unit=lpse-ops-backup.service").stdout
    assert done.status == 0, done.stderr + log
    settings = ("--settings", "/etc/lpse-ops/lpse-ops.yml", "--format", "json")
    [snapshot] = json.loads(controller.run("lpse-ops", "backup", "snapshots", *settings).stdout)[
        "snapshots"
    ]
    assert snapshot["hostname"] == "lpse-contoh"
    controller.remove()
