"""Fixtures for tests that need an S3 server; give such tests ``xdist_group("s3")``.

``seaweedfs``, ``rclone_s3``  the servers, one of each in a process
``aws_profiles``              the keys of ``tests.lab.s3`` as profiles, for this process too
``bucket``                    the name of a new bucket of SeaweedFS, for this test alone
``seaweedfs_repositories``    opens an empty place of the server for a path that is no other test's
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.backup.storage.s3 import S3Backend
from lpse_ops.backup.storage.s3client import S3Client
from lpse_ops.backup.storage.s3location import S3Options, parse_location
from tests.lab.s3 import ADMIN, KEYS, Key, S3Server, open_s3_server

OpenS3 = Callable[[Path], S3Backend]
_SHARED_BUCKET = "shared"


def write_profiles(path: Path) -> None:
    """A credentials file with the keys of the tests, and one with a wrong secret."""
    keys = {**KEYS, "wrong": Key(ADMIN.id, "not-the-secret-of-that-key", ())}
    sections = [
        f"[{name}]\naws_access_key_id = {key.id}\naws_secret_access_key = {key.secret}\n"
        for name, key in keys.items()
    ]
    path.touch(0o600)
    path.write_text("".join(sections))


@pytest.fixture(scope="session")
def aws_profiles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("aws")
    write_profiles(folder / "credentials")
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
        environment.setenv("AWS_CONFIG_FILE", str(folder / "config"))
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        environment.setenv("NO_PROXY", "127.0.0.1")
        yield folder / "credentials"


@pytest.fixture(scope="session")
def seaweedfs(aws_profiles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with open_s3_server(tmp_path_factory.mktemp("seaweedfs") / "server", "seaweedfs") as server:
        _wait_until_it_stores(server)
        yield server


@pytest.fixture(scope="session")
def rclone_s3(aws_profiles: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with open_s3_server(tmp_path_factory.mktemp("rclone") / "server", "rclone") as server:
        _wait_until_it_stores(server)
        yield server


def _wait_until_it_stores(server: S3Server) -> None:
    """What answers need not be able to store yet; also makes the shared bucket."""
    backend = open_bucket(server, _SHARED_BUCKET, "first")
    backend.prepare()
    backend.save("config", b"it stores")


def open_bucket(
    server: S3Server,
    bucket: str,
    prefix: str = "repo",
    profile: str = "admin",
    *,
    endpoint: str = "",
    notice: Callable[[str], None] = lambda _text: None,
    **options: Any,
) -> S3Backend:
    """A backend with the key of a profile; ``endpoint`` of who stands before the server."""
    location = parse_location(f"{endpoint or server.endpoint}/{bucket}/{prefix}")
    return S3Backend(location, S3Options(profile=profile, **options), notice=notice)


@pytest.fixture(scope="session")
def seaweedfs_repositories(seaweedfs: S3Server) -> OpenS3:
    return _opener(seaweedfs)


@pytest.fixture(scope="session")
def rclone_repositories(rclone_s3: S3Server) -> OpenS3:
    return _opener(rclone_s3)


def _opener(server: S3Server) -> OpenS3:
    options = S3Options(profile="admin")
    place = f"{server.endpoint}/{_SHARED_BUCKET}"
    # To make one takes a seventh of a second.
    client = S3Client(parse_location(place), options, lambda: datetime.now(UTC))

    def open_for(path: Path) -> S3Backend:
        prefix = hashlib.sha256(os.fsencode(path)).hexdigest()
        return S3Backend(parse_location(f"{place}/tests/{prefix}"), options, client=client)

    return open_for


@pytest.fixture
def bucket() -> str:
    """Nobody makes it before the test does."""
    return f"b{secrets.token_hex(8)}"
