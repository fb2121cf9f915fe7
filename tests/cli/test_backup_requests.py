"""How often a backup asks a place that is far: each question costs as long as the line is long."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backup.cheap_repository import init_cheaply
from tests.cli.commands import lpse_ops
from tests.lab.httpproxy import HttpProxy, open_http_proxy
from tests.lab.s3 import ADMIN, S3Server
from tests.lab.s3fixtures import open_bucket

pytestmark = pytest.mark.xdist_group("s3")

FOLDERS = 60


@pytest.fixture
def proxy(seaweedfs: S3Server) -> Iterator[HttpProxy]:
    with open_http_proxy(seaweedfs.port) as running:
        yield running


@pytest.fixture
def many_folders(tmp_path: Path) -> Path:
    for number in range(FOLDERS):
        folder = tmp_path / "many" / f"{number:03d}"
        folder.mkdir(parents=True)
        (folder / "berkas.pdf").write_bytes(os.urandom(2000))
    return tmp_path / "many"


def test_an_unchanged_run_asks_s3_no_more_than_it_must(
    seaweedfs: S3Server,
    proxy: HttpProxy,
    bucket: str,
    password: Path,
    many_folders: Path,
    tmp_path: Path,
) -> None:
    backend = open_bucket(seaweedfs, bucket, "repo")
    backend.prepare()
    root = init_cheaply(tmp_path / "cheap")
    for path in (*root.glob("keys/*"), root / "config"):
        backend.save(str(path.relative_to(root)), path.read_bytes())
    environment = {
        **ADMIN.environment,
        "NO_PROXY": "127.0.0.1",
        "LPSE_OPS_STATE": str(tmp_path / "state"),
        "LPSE_OPS_REPO": f"s3:{proxy.endpoint}/{bucket}/repo",
        "LPSE_OPS_PASSWORD_FILE": str(password),
    }

    def back_up() -> list[str]:
        """What was asked for, less the ids."""
        proxy.requests.clear()
        done = lpse_ops("backup", "run", "--no-cache", many_folders, env=environment)
        assert done.code == 0, done.stderr
        return [f"{method} {_what(path)}" for method, path in proxy.requests]

    first = back_up()
    # One pack of data for each worker, which are as many as cores.
    assert sum(each != "PUT data" for each in first) <= 17
    # What is above the folder may always change; here it does.
    os.utime(tmp_path)
    unchanged = back_up()
    # Looked for again only if the index took longer than a lock takes to settle.
    again = ["GET locks list"] if unchanged.count("GET locks list") > 4 else []
    assert sorted(unchanged) == sorted(
        [
            *again,
            "GET config", "GET keys list", "GET keys",
            # While the key is worked out: is there nothing yet?
            "GET snapshots list",
            # Before ours is written, after that, and when it has settled.
            "GET locks list", "PUT locks", "GET locks list", "GET locks list",
            "GET snapshots list", "GET snapshots", "GET index list", "GET index",
            # All folders of the snapshot before.
            "GET data",
            "GET uploads",
            # The folders above; the lock must still be there whenever something is named.
            "PUT data", "GET locks list", "PUT index", "PUT snapshots",
            "DELETE locks",
        ]
    )  # fmt: skip


def _what(path: str) -> str:
    """``keys list`` for a list, ``keys`` for one of them."""
    if "uploads" in path:
        return "uploads"
    if "prefix=" in path:
        return f"{path.partition('prefix=repo%2F')[2].partition('%2F')[0]} list"
    return path.partition("/repo/")[2].partition("/")[0]
