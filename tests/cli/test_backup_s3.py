"""``lpse-ops backup`` with a real S3 server, judged by restic and rclone."""

import json
import os
import re
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.errors import StorageRefused
from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.cli.commands import PROGRAM, Ended, clean_environment, lpse_ops
from tests.lab.s3 import ADMIN, APPENDER, Key, S3Server, find_program
from tests.lab.s3fixtures import open_bucket, write_profiles
from tests.restic_binaries import Restic

pytestmark = pytest.mark.xdist_group("s3")

README = Path(__file__).parents[2] / "README.md"


class Site:
    """Runs the tool on one repository, with one key at a time."""

    def __init__(self, server: S3Server, bucket: str, folder: Path, password: Path) -> None:
        self.repo = f"s3:{server.endpoint}/{bucket}/lpse/repo"
        self._state = folder / "state"
        self._password = password

    def environment(self, key: Key = ADMIN) -> dict[str, str]:
        return {
            **key.environment,
            "NO_PROXY": "127.0.0.1",
            "LPSE_OPS_STATE": str(self._state),
            "LPSE_OPS_REPO": self.repo,
            "LPSE_OPS_PASSWORD_FILE": str(self._password),
        }

    def run(self, *args: str | Path, key: Key = ADMIN) -> Ended:
        return lpse_ops("backup", *args, env=self.environment(key))

    def must(self, *args: str | Path, key: Key = ADMIN) -> Ended:
        done = self.run(*args, key=key)
        assert done.code == 0, done.stderr
        return done

    def restic(self, restic: Restic, *args: str | Path) -> bytes:
        return restic.run(*args, repo=self.repo, password=PASSWORD, env=self.environment()).stdout


@pytest.fixture
def site(seaweedfs: S3Server, bucket: str, tmp_path: Path, password: Path) -> Site:
    return Site(seaweedfs, bucket, tmp_path, password)


def init_cheaply_in(server: S3Server, bucket: str, scratch: Path) -> None:
    """A repository that opens without costing time."""
    backend = open_bucket(server, bucket, "lpse/repo")
    backend.prepare()
    root = init_cheaply(scratch / "cheap")
    for path in (*root.glob("keys/*"), root / "config"):
        backend.save(str(path.relative_to(root)), path.read_bytes())


@pytest.fixture
def ready(site: Site, seaweedfs: S3Server, bucket: str, tmp_path: Path) -> Site:
    init_cheaply_in(seaweedfs, bucket, tmp_path)
    return site


@pytest.mark.parametrize(
    ("server_name", "restic_name"), [("seaweedfs", "restic_old"), ("rclone_s3", "restic_new")]
)
def test_restic_uses_what_we_wrote_and_we_what_restic_wrote(
    request: pytest.FixtureRequest,
    server_name: str,
    restic_name: str,
    bucket: str,
    docs: Path,
    password: Path,
    tmp_path: Path,
) -> None:
    server: S3Server = request.getfixturevalue(server_name)
    restic: Restic = request.getfixturevalue(restic_name)
    site = Site(server, bucket, tmp_path, password)
    init_cheaply_in(server, bucket, tmp_path)
    site.must("run", docs)
    site.restic(restic, "check", "--read-data")
    (docs / "three.pdf").write_bytes(b"new " * 5000)
    site.restic(restic, "backup", str(docs))
    site.must("check", "--read-data")
    site.must("restore", "latest", "--target", tmp_path / "ours")
    site.restic(restic, "restore", "latest", "--target", str(tmp_path / "theirs"))
    for restored in ("ours", "theirs"):
        argv = ["diff", "-r", docs, tmp_path / restored / docs.relative_to("/")]
        subprocess.run(argv, check=True)
    # Both have packs, index and snapshots there now; what one removes, the other can do without.
    site.must("forget", "--keep-last", "1", "--group-by", "", "--prune")
    site.restic(restic, "check", "--read-data")


def test_a_repository_of_restic_is_ours_too(site: Site, restic: Restic, docs: Path) -> None:
    site.restic(restic, "init", "--repository-version", "2")
    site.restic(restic, "backup", str(docs))
    site.must("run", docs)
    site.must("check", "--read-data")


def test_a_bucket_that_somebody_emptied_is_read_as_it_was(
    site: Site, seaweedfs: S3Server, bucket: str, docs: Path, tmp_path: Path, restic_old: Restic
) -> None:
    open_bucket(seaweedfs, bucket, retention=timedelta(days=1)).prepare()
    init_cheaply_in(seaweedfs, bucket, tmp_path)
    site.must("run", docs)
    time.sleep(1.1)
    moment = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    time.sleep(1.1)
    rclone(seaweedfs, "delete", f":s3:{bucket}/lpse")
    assert site.run("snapshots").code == 10
    rclone(
        seaweedfs, "copy", "--s3-version-at", moment, f":s3:{bucket}/lpse/repo", tmp_path / "back"
    )
    restic_old.run("check", "--read-data", repo=tmp_path / "back", password=PASSWORD)


def rclone(server: S3Server, *args: str | Path) -> str:
    """What another client of S3 says."""
    environment = {
        **os.environ,
        **ADMIN.environment,
        "TZ": "UTC",
        "RCLONE_S3_PROVIDER": "SeaweedFS",
        "RCLONE_S3_ENDPOINT": server.endpoint,
        "RCLONE_S3_ENV_AUTH": "true",
    }
    argv = [find_program("rclone"), "--config=/dev/null", *map(str, args)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_another_client_lists_the_same_objects(
    ready: Site, seaweedfs: S3Server, bucket: str, docs: Path
) -> None:
    ready.must("run", docs)
    names = rclone(seaweedfs, "lsf", "-R", "--files-only", f":s3:{bucket}/lpse/repo").splitlines()
    shape = re.compile(
        r"config|(?:index|keys|snapshots)/[0-9a-f]{64}|data/([0-9a-f]{2})/\1[0-9a-f]{62}"
    )
    assert all(shape.fullmatch(name) for name in names)
    kinds = {name.partition("/")[0] for name in names}
    assert kinds == {"config", "data", "index", "keys", "snapshots"}


def test_a_profile_of_the_settings_and_its_retention(
    seaweedfs: S3Server, bucket: str, docs: Path, tmp_path: Path, password: Path
) -> None:
    settings = tmp_path / "lpse-ops.yml"
    settings.write_text(
        "site: {name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}\n"
        f"backup:\n  paths: [{docs}]\n  password_file: {password}\n  destinations:\n"
        f"  - name: offsite\n    location: 's3:{seaweedfs.endpoint}/{bucket}/repo'\n"
        "    s3: {profile: admin, retention: 30d}\n"
    )
    write_profiles(tmp_path / "credentials")
    environment = {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "NO_PROXY": "127.0.0.1",
        "LPSE_OPS_STATE": str(tmp_path / "state"),
        "LPSE_OPS_SETTINGS": str(settings),
    }

    def must(*args: str | Path) -> Ended:
        done = lpse_ops("backup", *args, env=environment)
        assert done.code == 0, done.stderr
        return done

    must("init", "--sheet", tmp_path / "sheet.txt")
    must("run")
    (docs / "one.pdf").unlink()
    must("run")
    done = must("forget", "--keep-last", "1", "--prune")
    assert f"bucket {bucket} keeps what is deleted as old versions, under Object Lock until" in (
        done.stderr
    )
    must("check", "--read-data")
    assert len(json.loads(must("snapshots", "--format", "json").stdout)["snapshots"]) == 1


def append_only_policy(bucket: str) -> str:
    """The policy that the README shows, for a bucket."""
    blocks = re.findall(r"^```json\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    [text] = [block for block in blocks if "NothingButLocksIsDeleted" in block]
    return text.replace("arn:aws:s3:::lpse-contoh/", f"arn:aws:s3:::{bucket}/")


def test_an_append_only_key_backs_up_and_removes_nothing(
    ready: Site, seaweedfs: S3Server, bucket: str, docs: Path, restic_new: Restic
) -> None:
    backend = open_bucket(seaweedfs, bucket, "lpse/repo")
    backend._client.call("put_bucket_policy", Bucket=bucket, Policy=append_only_policy(bucket))
    ready.must("run", docs, key=APPENDER)
    (docs / "one.pdf").write_bytes(os.urandom(4000))
    ready.must("run", docs, key=APPENDER)
    assert ready.must("check", key=APPENDER)
    before = ready.must("snapshots", "--format", "json").stdout
    forgotten = ready.run("forget", "--keep-last", "1", "--prune", key=APPENDER)
    assert forgotten.code == 1
    assert re.search(r"1 of 1 snapshots were not removed \([0-9a-f]{8}\): cannot delete snapshots/",
                     forgotten.stderr)  # fmt: skip
    assert "append-only key" in forgotten.stderr
    pruned = ready.run("prune", key=APPENDER)
    assert pruned.code == 1
    assert "cannot delete index/" in pruned.stderr
    removed = ready.run("key", "remove", "0" * 8, key=APPENDER)
    assert removed.code == 1
    assert ready.must("snapshots", "--format", "json").stdout == before
    # No lock was left behind, and nobody is in the way of a stranger.
    ready.restic(restic_new, "check", "--read-data")


def test_the_policy_also_fits_a_repository_that_is_the_whole_bucket(
    seaweedfs: S3Server, bucket: str
) -> None:
    """As in the settings that ``lpse-ops init`` writes; locks that stay would block everybody."""
    admin = open_bucket(seaweedfs, bucket, "")
    admin.prepare()
    admin._client.call("put_bucket_policy", Bucket=bucket, Policy=append_only_policy(bucket))
    backend = open_bucket(seaweedfs, bucket, "", "appender")
    names = [file_name(kind, "ab" * 32) for kind in (FileKind.LOCK, FileKind.PACK)]
    for name in names:
        backend.save(name, b"content")
    backend.remove(names[0])
    with pytest.raises(StorageRefused):
        backend.remove(names[1])
    assert [backend.exists(name) for name in names] == [False, True]


def test_packs_that_a_server_refuses_to_delete_are_named_with_the_reason(
    ready: Site, seaweedfs: S3Server, bucket: str, docs: Path, restic_new: Restic
) -> None:
    ready.must("run", docs)
    for each in docs.iterdir():
        each.write_bytes(os.urandom(50_000))
    ready.must("run", docs)
    statement = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject",
        "Resource": f"arn:aws:s3:::{bucket}/*/data/*",
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    backend = open_bucket(seaweedfs, bucket, "lpse/repo")
    backend._client.call("put_bucket_policy", Bucket=bucket, Policy=policy)
    refused = ready.run("forget", "--keep-last", "1", "--prune")
    assert refused.code == 1
    assert "cannot delete data/" in refused.stderr
    ready.restic(restic_new, "check", "--read-data")


def test_a_server_killed_in_the_middle_is_waited_for_and_nothing_is_lost(
    ready: Site, seaweedfs: S3Server, bucket: str, docs: Path, restic_new: Restic
) -> None:
    running = start_storing(ready, seaweedfs, bucket, docs)
    seaweedfs.kill()
    time.sleep(0.5)
    seaweedfs.start()
    _, stderr = running.communicate(timeout=120)
    assert running.returncode == 0, stderr
    ready.restic(restic_new, "check", "--read-data")


def test_a_backup_killed_with_its_server_is_taken_up_by_the_next(
    ready: Site, seaweedfs: S3Server, bucket: str, docs: Path, restic_old: Restic
) -> None:
    running = start_storing(ready, seaweedfs, bucket, docs)
    running.kill()
    seaweedfs.kill()
    running.communicate()
    seaweedfs.start()
    ready.must("run", docs)
    ready.restic(restic_old, "check", "--read-data")


def start_storing(
    site: Site, server: S3Server, bucket: str, docs: Path
) -> "subprocess.Popen[bytes]":
    """Add documents to a repository, and return while a run stores them."""
    site.must("run", docs)
    for number in range(12):
        (docs / f"large-{number}.zip").write_bytes(os.urandom(8 << 20))
    running = subprocess.Popen(
        [*PROGRAM, "backup", "run", str(docs)],
        env=clean_environment() | site.environment(),
        cwd="/",
        stderr=subprocess.PIPE,
    )
    backend = open_bucket(server, bucket, "lpse/repo")
    while len(list(backend.files(FileKind.PACK))) < 3:
        assert running.poll() is None, "it was over too soon"
        time.sleep(0.01)
    return running


def test_without_a_bucket_there_is_no_repository_and_init_is_what_to_type(site: Site) -> None:
    done = site.run("snapshots")
    assert done.code == 10
    assert f"lpse-ops backup init --repo {site.repo}" in done.stderr
