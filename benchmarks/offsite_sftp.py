"""SFTP for ``benchmarks.offsite``: a real sshd, raw uploads by ``sftp -b put``, and repositories.

Ours syncs each file and its folder on the server and compares its size, as ``put`` does not.
Both log in anew for each upload.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lpse_ops.backup.blobsaver import REMOTE_WRITERS
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.backup.storage.sftp import SftpBackend, open_sftp
from lpse_ops.cli.sftp_access import sftp_dialler
from tests.lab.sshd import Sshd, open_sshd


class SftpPlace:
    """A running sshd; ``port`` of the methods is its own or that of a line to it."""

    name = "sftp"
    raw_tool = "sftp put"

    def __init__(self, folder: Path, sshd: Sshd) -> None:
        self._folder = folder
        self._sshd = sshd
        self._config = folder / "home" / ".ssh" / "config"

    @property
    def port(self) -> int:
        return self._sshd.port

    @property
    def environment(self) -> dict[str, str]:
        """Ours looks into ``HOME``; ``ssh``, which restic starts, does not: it gets a wrapper."""
        return {
            "HOME": str(self._folder / "home"),
            "PATH": os.pathsep.join((str(self._folder / "bin"), os.environ["PATH"])),
        }

    def write_files(self) -> None:
        self._config.parent.mkdir(parents=True)
        sshd = self._sshd
        text = sshd.ssh_config.read_text().replace(f"  Port {sshd.port}\n", "")
        # The same key at whatever port a line has.
        self._config.write_text(text.replace("Host *\n", "  HostKeyAlias quick\nHost *\n"))
        sshd.known_hosts.write_text(f"quick {sshd.host_key}\n")
        wrapper = self._folder / "bin" / "ssh"
        wrapper.parent.mkdir()
        wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {self._config} "$@"\n')
        wrapper.chmod(0o755)

    def location(self, port: int, name: str) -> str:
        return f"sftp://quick:{port}/{self._folder / 'data' / name}"

    def open(self, port: int, name: str) -> SftpBackend:
        rest = self.location(port, name).removeprefix("sftp:")
        return open_sftp(rest, {"dial": sftp_dialler(f"-F {self._config}")})

    def upload_raw(self, port: int, packs: Sequence[bytes], name: str) -> None:
        """All packs in one session; it reads them from files, which are written here first."""
        target = self._folder / "data" / "raw" / name
        target.mkdir(parents=True, exist_ok=True)
        files = self._write_packs(packs)
        lines = "".join(f"put {file} {target / file.name}\n" for file in files)
        options = ["-q", "-F", str(self._config), "-P", str(port), "-b", "-"]
        subprocess.run(
            ["sftp", *options, "quick"],
            input=lines.encode(),
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def upload_ours(self, port: int, packs: Sequence[bytes], name: str) -> None:
        """Each pack as a file of a repository, as many at once as a backup has writers."""
        # Only so that both pay for it.
        self._write_packs(packs)
        with contextlib.closing(self.open(port, name)) as backend:

            def save(pack: bytes) -> None:
                backend.save(file_name(FileKind.PACK, hashlib.sha256(pack).hexdigest()), pack)

            with ThreadPoolExecutor(REMOTE_WRITERS) as threads:
                list(threads.map(save, packs))

    def clear(self, name: str) -> None:
        """Remove a repository or the raw uploads, so that the disk does not fill up."""
        shutil.rmtree(self._folder / "data" / name, ignore_errors=True)
        for file in (self._folder / "packs").iterdir():
            file.unlink()

    def _write_packs(self, packs: Sequence[bytes]) -> list[Path]:
        files = [self._folder / "packs" / f"{number}" for number in range(len(packs))]
        for file, pack in zip(files, packs, strict=True):
            file.write_bytes(pack)
        return files


@contextlib.contextmanager
def open_place(folder: Path) -> Iterator[SftpPlace]:
    own = folder / "sftp"
    (own / "data").mkdir(parents=True)
    (own / "packs").mkdir()
    with open_sshd(own / "sshd") as sshd:
        place = SftpPlace(own, sshd)
        place.write_files()
        yield place
