"""Real S3 servers on loopback: SeaweedFS, which has versions and Object Lock, and rclone's.

SeaweedFS takes some three seconds to start and a moment more until it stores something; rclone is
there at once.  Neither survives who started it.  Stopped they are by SIGKILL, as a power cut
would: SeaweedFS takes its time over anything gentler, and it is what a backup has to stand.
"""

import contextlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.leash import Leash, start_leashed
from tests.lab.sshd import free_port

_PATIENCE_SECONDS = 90.0
_PORTS = ("master", "volume", "filer", "s3")


@dataclass(frozen=True)
class Key:
    """A key pair, and what SeaweedFS lets its holder do."""

    id: str
    secret: str
    actions: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": self.id,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            # Nobody asks the network who this machine is.
            "AWS_EC2_METADATA_DISABLED": "true",
        }


ADMIN = Key("AKIAADMINOFTESTS", "admin-secret-of-tests", ("Admin",))
READER = Key("AKIAREADEROFTEST", "reader-secret-of-tests", ("Read", "List"))
# What it may do, a bucket's policy says.
APPENDER = Key("AKIAAPPENDERTEST", "appender-secret-of-tests", ("Read", "List", "Write"))
KEYS = {"admin": ADMIN, "reader": READER, "appender": APPENDER}


class S3Server:
    """A server with its data in ``folder``; it may be killed and started again."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._folder = folder
        self._ports = {part: free_port() for part in (*_PORTS, *(f"{p}.grpc" for p in _PORTS))}
        self._leash: Leash | None = None

    @property
    def port(self) -> int:
        return self._ports["s3"]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return once the server answers."""
        argv = self._weed_argv() if self.name == "seaweedfs" else self._rclone_argv()
        # SeaweedFS puts its sockets into the temporary folder.
        environment = {**os.environ, "TMPDIR": str(self._folder)}
        with (self._folder / "server.log").open("ab") as log:
            self._leash = start_leashed(argv, stderr=log, environment=environment, cwd=self._folder)
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while not self._answers():
            if not self._leash.is_alive or time.monotonic() > give_up:
                raise RuntimeError(f"{self.name} did not start: {self._log()}")
            time.sleep(0.02)

    def kill(self) -> None:
        if self._leash is not None:
            self._leash.end()
            self._leash = None

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(self.endpoint, timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
            return error.code != 503
        except OSError:
            return False
        return True

    def _log(self) -> str:
        return (self._folder / "server.log").read_text(errors="replace")[-3000:]

    def _weed_argv(self) -> list[str]:
        data, settings = self._folder / "data", self._folder / "s3.json"
        data.mkdir(exist_ok=True)
        settings.write_text(json.dumps(weed_settings(KEYS)))
        # Read from the working folder: each bucket has volumes of its own, usually seven.
        (self._folder / "master.toml").write_text("[master.volume_growth]\ncopy_1 = 1\n")
        options = {
            **{f"{part.replace('.grpc', '')}.port" + (".grpc" if "grpc" in part else ""): port
               for part, port in self._ports.items()},
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "dir": data,
            "volume.max": 500,
            "master.volumeSizeLimitMB": 1024,
            # The defaults make a second start take twenty seconds.
            "master.electionTimeout": "1s",
            "master.resumeState": "false",
            "volume.preStopSeconds": 0,
            "filer": "true",
            "filer.localSocket": self._folder / "filer.sock",
            "s3": "true",
            "s3.config": settings,
            "s3.localSocket": self._folder / "s3.sock",
            "s3.autoCreateBucket": "false",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "master.telemetry": "false",
        }  # fmt: skip
        words = [f"-{name}={value}" for name, value in options.items()]
        return [find_program("weed"), "-logtostderr=true", "server", *words]

    def _rclone_argv(self) -> list[str]:
        data = self._folder / "data"
        data.mkdir(exist_ok=True)
        key = f"{ADMIN.id},{ADMIN.secret}"
        address = f"127.0.0.1:{self.port}"
        # Its own memory of folders would hide what another process has changed.
        return [find_program("rclone"), "serve", "s3", "--config=/dev/null", f"--auth-key={key}",
                f"--addr={address}", "--vfs-cache-mode=off", str(data)]  # fmt: skip


def weed_settings(keys: Mapping[str, Key]) -> dict[str, object]:
    """The file of SeaweedFS's ``-s3.config``."""
    return {
        "identities": [
            {
                "name": name,
                "credentials": [{"accessKey": key.id, "secretKey": key.secret}],
                "actions": list(key.actions),
            }
            for name, key in keys.items()
        ]
    }


def find_program(name: str) -> str:
    """A program of the environment that runs the tests; nobody needs to have activated it."""
    return str(Path(sys.executable).with_name(name))


@contextlib.contextmanager
def open_s3_server(folder: Path, name: str) -> Iterator[S3Server]:
    """``seaweedfs`` or ``rclone``, with its files in ``folder``, which is made."""
    folder.mkdir(mode=0o700)
    server = S3Server(folder, name)
    try:
        server.start()
        yield server
    finally:
        server.kill()
