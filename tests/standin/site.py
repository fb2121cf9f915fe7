"""A release of the stand-in on this machine: unpacked, configured, started, asked, stopped."""

import contextlib
import os
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from tests.lab.waiting import is_running, wait_until
from tests.standin.build import Package
from tests.standin.release import TOP, Release
from tests.unpacking import unpack


@dataclass(frozen=True)
class Said:
    """What a command of ``spse4`` printed, and how it ended."""

    status: int
    out: str
    error: str


@dataclass(frozen=True)
class Page:
    status: int
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()


@dataclass(frozen=True)
class Site:
    """``home`` is the tree with ``spse4``, ``storage`` the folder file_prod."""

    home: Path
    storage: Path
    port: int
    release: Release

    @property
    def application(self) -> Path:
        return self.home / self.release.application

    @property
    def settings(self) -> Path:
        return self.application / "conf/application.conf"

    @property
    def log(self) -> str:
        file = self.application / self.release.log
        return file.read_text() if file.exists() else ""

    @property
    def pid(self) -> int | None:
        """What server.pid says, when it says something."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            return int((self.application / "server.pid").read_text())
        return None

    def run(self, verb: str, *, script: str = "spse4", timeout_seconds: float = 60) -> Said:
        """Run the script to its end.

        Into files: the application keeps its caller's stderr open, and a pipe would wait for it.
        """
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
            done = subprocess.run(
                [self.home / script, verb],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=error,
                timeout=timeout_seconds,
            )
            texts = []
            for file in (out, error):
                file.seek(0)
                texts.append(file.read().decode())
        return Said(done.returncode, *texts)

    def migrate(self) -> Said:
        return self.run("migration")

    def start(self, *, timeout_seconds: float = 60) -> None:
        """Start the application and wait until it listens."""
        said = self.run("start")
        assert said.status == 0, said
        begun = wait_until(
            lambda: "Listening for HTTP" in self.log, timeout_seconds=timeout_seconds
        )
        assert begun, f"{said}\n{self.log}\n{self.system_out}"

    def stop(self) -> Said:
        """Stop it, and wait until its process is gone: the script does not."""
        pid = self.pid
        said = self.run("stop")
        assert pid is None or wait_until(lambda: not is_running(pid))
        return said

    @property
    def system_out(self) -> str:
        file = self.application / "logs/system.out"
        return file.read_text() if file.exists() else ""

    def get(self, path: str = "", *, timeout_seconds: float = 30) -> Page:
        """Ask for a page below /eproc4."""
        return self._ask(urllib.request.Request(self._url(path)), timeout_seconds)

    def upload(self, content: bytes, *, bidder: int = 1, title: str = "Surat Penawaran") -> Page:
        """Hand in a bid document; the answer is its number."""
        query = urlencode({"psr": bidder, "judul": title})
        request = urllib.request.Request(self._url(f"/dokumen?{query}"), content, method="POST")
        return self._ask(request, 30)

    def processes(self) -> list[int]:
        """All processes of this tree's application, also those that no server.pid names."""
        tree = self.application.resolve()
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (folder / "cwd").readlink() == tree and _is_application(folder):
                    found.append(int(folder.name))
        return found

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/eproc4{path}"

    @staticmethod
    def _ask(request: urllib.request.Request, timeout_seconds: float) -> Page:
        # Not through a proxy that the environment may name.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout_seconds) as answer:
                return Page(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Page(error.code, error.read())


def _is_application(process: Path) -> bool:
    return b"standin.Main" in (process / "cmdline").read_bytes().split(b"\0")


@contextlib.contextmanager
def open_site(
    package: Package, home: Path, storage: Path, port: int, database: str
) -> Iterator[Site]:
    """Unpack a package as ``home`` and configure it; at the end no process of it is left.

    ``database`` is as in application.conf: ``postgres://user:password@host:port/name``.
    """
    put_in_place(package.archive, home)
    site = Site(home, storage, port, package.release)
    change_settings(
        site.settings,
        {
            "http.port": str(port),
            "http.address": "127.0.0.1",
            "db": database,
            "attachments.path": str(storage),
        },
    )
    try:
        yield site
    finally:
        for pid in site.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def put_in_place(archive: Path, home: Path) -> None:
    """Unpack an archive so that its top folder becomes ``home``."""
    with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
        unpack(archive, Path(scratch))
        (Path(scratch) / TOP).rename(home)


def change_settings(file: Path, values: Mapping[str, str]) -> None:
    """Give keys of an application.conf other values, in their place or at the end."""
    left = dict(values)
    lines = []
    for line in file.read_text().splitlines():
        key = line.partition("=")[0]
        lines.append(f"{key}={left.pop(key)}" if key in left else line)
    lines += [f"{key}={value}" for key, value in left.items()]
    file.write_text("".join(f"{line}\n" for line in lines))
