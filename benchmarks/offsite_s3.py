"""S3 for ``benchmarks.offsite``: a real server, raw uploads by boto3, and repositories in it."""

import contextlib
import hashlib
import io
import os
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lpse_ops.backup.blobsaver import REMOTE_WRITERS
from lpse_ops.backup.storage.backend import CONFIG, FileKind, file_name
from lpse_ops.backup.storage.s3 import S3Backend
from lpse_ops.backup.storage.s3location import parse_location
from tests.lab.s3 import ADMIN, S3Server, find_program, open_s3_server

_BUCKET = "benchmark"
_WARM_UP_BYTES = 1 << 20


class S3Place:
    """A running SeaweedFS; ``port`` of the methods is its own or that of a line to it."""

    name = "s3"
    raw_tool = "boto3"

    def __init__(self, server: S3Server) -> None:
        self._server = server

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def environment(self) -> dict[str, str]:
        return {**ADMIN.environment, "NO_PROXY": "127.0.0.1"}

    def location(self, port: int, name: str) -> str:
        return f"s3:http://127.0.0.1:{port}/{_BUCKET}/{name}"

    def open(self, port: int, name: str) -> S3Backend:
        return S3Backend(parse_location(self.location(port, name).removeprefix("s3:")))

    def upload_raw(self, port: int, packs: Sequence[bytes], name: str) -> None:
        """All bytes as one object: boto3's defaults then keep ten parts of 8 MiB on the way."""
        import boto3

        client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}")
        client.upload_fileobj(io.BytesIO(b"".join(packs)), _BUCKET, f"raw/{name}")

    def upload_ours(self, port: int, packs: Sequence[bytes], name: str) -> None:
        """Each pack as a file of a repository, as many at once as a backup has writers."""
        backend = self.open(port, name)

        def save(pack: bytes) -> None:
            backend.save(file_name(FileKind.PACK, hashlib.sha256(pack).hexdigest()), pack)

        with ThreadPoolExecutor(REMOTE_WRITERS) as threads:
            list(threads.map(save, packs))

    def clear(self, name: str) -> None:
        """Remove a repository or a raw upload, so that the disk does not fill up."""
        argv = [find_program("rclone"), "--config=/dev/null", "purge", f":s3:{_BUCKET}/{name}"]
        environment = {
            **os.environ,
            **self.environment,
            "RCLONE_S3_PROVIDER": "SeaweedFS",
            "RCLONE_S3_ENDPOINT": self._server.endpoint,
            "RCLONE_S3_ENV_AUTH": "true",
        }
        subprocess.run(argv, env=environment, check=True, capture_output=True)


@contextlib.contextmanager
def open_place(folder: Path) -> Iterator[S3Place]:
    with open_s3_server(folder / "seaweedfs", "seaweedfs") as server:
        place = S3Place(server)
        os.environ.update(place.environment)
        first = place.open(place.port, "first")
        first.prepare()
        first.save(CONFIG, os.urandom(_WARM_UP_BYTES))
        yield place
