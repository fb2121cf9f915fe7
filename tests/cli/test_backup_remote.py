"""A disk, an SFTP server and an S3 server in one run; what is remote is kept in a cache."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backup.cheap_repository import ID, PASSWORD, init_cheaply
from tests.backup.storage.sftpservers import SftpServer, sftp_server
from tests.cli.commands import Ended, lpse_ops
from tests.cli.test_backup_everywhere import files
from tests.lab.s3 import ADMIN, S3Server, open_s3_server
from tests.restic_binaries import Restic

__all__ = ["sftp_server"]

NAMES = ["disk-a", "server", "offsite"]


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with open_s3_server(tmp_path_factory.mktemp("rclone") / "server", "rclone") as server:
        yield server


class Remote:
    """Settings with all three kinds of places."""

    def __init__(self, folder: Path, password: Path, docs: Path, place: str, ssh: str) -> None:
        self.folder = folder
        self.settings = folder / "lpse-ops.yml"
        self.cache = folder / "state/cache" / ID
        self.env = {
            **ADMIN.environment,
            "NO_PROXY": "127.0.0.1",
            "LPSE_OPS_STATE": str(folder / "state"),
        }
        self.settings.write_text(
            f"""\
site: {{name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}}
backup:
  password_file: {password}
  paths: [{docs}]
  destinations:
    - {{name: disk-a, location: {folder}/disk-a, repository_id: {ID}}}
    - name: server
      location: 'sftp:quick:{folder}/server'
      sftp: {{ssh_options: '-F {ssh}'}}
    - {{name: offsite, location: '{place}', limit: 80MiB/s}}
"""
        )

    def backup(self, *args: str) -> Ended:
        return lpse_ops("backup", *args, "--settings", self.settings, env=self.env)


@pytest.fixture
def remote(
    tmp_path: Path, password: Path, docs: Path, s3: S3Server, sftp_server: SftpServer
) -> Remote:
    init_cheaply(tmp_path / "disk-a")
    place = f"s3:{s3.endpoint}/{tmp_path.name.replace('_', '-').lower()}/repo"
    return Remote(tmp_path, password, docs, place, str(sftp_server.sshd.ssh_config))


def test_a_disk_an_sftp_server_and_a_bucket_are_clones(
    remote: Remote, restic_old: Restic, restic_new: Restic
) -> None:
    # Clones of what is there, in two empty places.
    first = remote.backup("sync", "server", "offsite")
    assert (first.code, first.stderr) == (0, "")
    assert remote.settings.read_text().count(ID) == 3
    done = remote.backup("run", "--format", "json")
    assert (done.code, done.stderr) == (0, "")
    assert {each["status"] for each in done.json()["destinations"].values()} == {"written"}
    assert files(remote.folder / "server") == files(remote.folder / "disk-a")
    place = next(line for line in remote.settings.read_text().splitlines() if "s3:" in line)
    location = place.partition("'")[2].partition("'")[0]
    for restic in (restic_old, restic_new):
        check = ("check", "--read-data", "--no-cache")
        restic.run(*check, repo=location, password=PASSWORD, env=ADMIN.environment)
    again = remote.backup("sync", "--format", "json").json()
    assert {each["missing_files"] for each in again["destinations"].values()} == {0}


def test_a_bucket_that_is_gone_for_a_day_catches_up(remote: Remote) -> None:
    assert remote.backup("sync", "server", "offsite").code == 0
    (remote.folder / "disk-a").rename(remote.folder / "away")
    # The server leads, and its parent's trees come over the line.
    done = remote.backup("run", "--format", "json")
    assert done.code == 0, done.stderr
    statuses = {name: each["status"] for name, each in done.json()["destinations"].items()}
    assert statuses == {"disk-a": "away", "server": "written", "offsite": "written"}
    (remote.folder / "away").rename(remote.folder / "disk-a")
    assert remote.backup("sync").code == 0
    assert files(remote.folder / "disk-a") == files(remote.folder / "server")


def test_what_is_read_of_a_remote_place_is_kept_but_check_asks_the_place_itself(
    remote: Remote,
) -> None:
    assert remote.backup("sync", "server").code == 0
    assert remote.backup("run", "--destination", "server", "--no-cache").code == 0
    assert remote.backup("check", "--destination", "server").code == 0
    assert not remote.cache.exists()
    assert remote.backup("ls", "latest", "--destination", "server").code == 0
    kept = {path.name for path in remote.cache.iterdir()} - {"CACHEDIR.TAG"}
    assert kept == {"index", "snapshots", "data"}
    # Packs of trees, and nothing of the documents.
    assert max(path.stat().st_size for path in (remote.cache / "data").iterdir()) < 20_000
    [index] = (remote.folder / "server/index").iterdir()
    os.chmod(index, 0o600)
    index.write_bytes(b"?" + index.read_bytes()[1:])
    assert remote.backup("check", "--destination", "server").code == 1


def test_a_run_keeps_the_trees_that_it_saves(remote: Remote) -> None:
    assert remote.backup("sync", "offsite").code == 0
    assert remote.backup("run", "--destination", "offsite").code == 0
    assert {"data", "index", "snapshots"} <= {path.name for path in remote.cache.iterdir()}
    assert max(path.stat().st_size for path in (remote.cache / "data").iterdir()) < 20_000
