"""The folder that the demo makes: what is in it, whose it is, and the settings it works with."""

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from lpse_ops.atomicfile import write_atomically
from lpse_ops.errors import OpsError, UsageError

_MARKER = ".lpse-ops-demo"
_OWN_NAMES = (
    "spse",
    "repository",
    "restored",
    "lpse-ops.yml",
    "backup.password",
    "recovery-sheet.txt",
)
_DATABASES = """\
  databases:
    - url: {url}
"""
_SETTINGS = """\
# The settings of the demo; `lpse-ops init DIR` lays out a file with every key explained.
site:
  name: LPSE Kabupaten Contoh
  slug: lpse-contoh
  time_zone: WITA

backup:
{databases}  paths: [spse]
  password_file: backup.password
  destinations:
    - name: folder
      location: repository
"""
_GONE = "# The PostgreSQL of the demo is gone, its database is in the snapshots.\n"


@dataclass(frozen=True)
class DemoFolder:
    """``root`` is absolute."""

    root: Path

    @property
    def source(self) -> Path:
        """The server's documents."""
        return self.root / "spse"

    @property
    def target(self) -> Path:
        """Where the restore puts what it restores, below its old absolute path."""
        return self.root / "restored"

    @property
    def restored(self) -> Path:
        return self.target / self.source.relative_to("/")

    @property
    def manifest(self) -> Path:
        return self.target / "lpse-ops" / "manifest.json"

    @property
    def settings(self) -> Path:
        return self.root / "lpse-ops.yml"

    def prepare(self) -> None:
        """Make the folder, or empty that of an earlier demo; any other is refused."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            if not (self.root / _MARKER).is_file() and any(self.root.iterdir()):
                raise UsageError(
                    f"{self.root} is not empty and not of an earlier demo",
                    hint="name a folder that does not exist yet: lpse-ops demo DIR",
                )
            self.remove_content()
            (self.root / _MARKER).write_text("Made by `lpse-ops demo`; it may overwrite it.\n")
            password = secrets.token_urlsafe(24) + "\n"
            write_atomically(self.root / "backup.password", password.encode(), mode=0o600)
        except OSError as error:
            raise OpsError(
                f"cannot make {error.filename or self.root}: {error.strerror}",
                hint="name a folder that you may write to: lpse-ops demo DIR",
            ) from error

    def remove_content(self) -> None:
        """Remove what a demo makes; what somebody else put there stays."""
        for name in _OWN_NAMES:
            path = self.root / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def remove(self) -> None:
        self.remove_content()
        (self.root / _MARKER).unlink(missing_ok=True)
        if not os.listdir(self.root):
            self.root.rmdir()

    def write_settings(self, url: str) -> None:
        text = _SETTINGS.format(databases=_DATABASES.format(url=url))
        write_atomically(self.settings, text.encode())

    def retire_database(self, url: str) -> None:
        """Leave settings that work without the server: its lines become comments."""
        lines = _DATABASES.format(url=url)
        comment = "".join(f"# {line}" for line in (_GONE[2:], *lines.splitlines(keepends=True)))
        text = self.settings.read_text(encoding="utf-8").replace(lines, comment)
        write_atomically(self.settings, text.encode())
