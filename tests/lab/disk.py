"""A host's disk: the base's files, maybe templates', and what the host writes, in memory."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.lab.accounts import ACCOUNTS
from tests.lab.sshd import make_key


@dataclass(frozen=True)
class Disk:
    """``size_mb`` of 0 is as much as there is memory for."""

    base: Path
    folder: Path
    size_mb: int = 0
    templates: tuple[Path, ...] = ()

    @property
    def root(self) -> Path:
        """The host's root directory, between ``make`` and ``throw_away``."""
        return self.folder / "root"

    @property
    def upper(self) -> Path:
        """What the host has written."""
        return self.folder / "layers/upper"

    def make(self, name: str, public_key: str) -> None:
        """A fresh disk for a host of that name, which lets in the owner of the key."""
        self._mount_layers()
        (self.root / "etc/hostname").write_text(name + "\n")
        for kind in ("ed25519", "ecdsa"):
            make_key(self.root / f"etc/ssh/ssh_host_{kind}_key", kind)
        for home in ("root", *(f"home/{account.name}" for account in ACCOUNTS)):
            _let_in(self.root / home, public_key)

    def throw_away(self) -> None:
        for mount in ("root", "layers"):
            subprocess.run(["umount", "--lazy", self.folder / mount], check=True)
        shutil.rmtree(self.folder)

    def host_key(self) -> str:
        """Kind and base64 of the public key that ssh is shown first."""
        file = self.root / "etc/ssh/ssh_host_ed25519_key.pub"
        return " ".join(file.read_text().split()[:2])

    def write_names(self, lines: Iterable[str]) -> None:
        (self.root / "etc/hosts").write_text("".join(f"{line}\n" for line in lines))

    def _mount_layers(self) -> None:
        layers = self.folder / "layers"
        for folder in (self.root, layers):
            folder.mkdir(parents=True)
        size = f"{self.size_mb}m" if self.size_mb else "50%"
        _mount("tmpfs", layers, f"mode=0755,size={size}")
        for layer in ("upper", "work"):
            (layers / layer).mkdir()
        below = ":".join(map(str, (*self.templates, self.base)))
        below_and_above = f"lowerdir={below},upperdir={self.upper},workdir={layers}/work"
        _mount("overlay", self.root, below_and_above)


def _let_in(home: Path, public_key: str) -> None:
    folder = home / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / "authorized_keys"
    file.write_text(public_key)
    file.chmod(0o600)
    owner = home.stat()
    for path in (folder, file):
        os.chown(path, owner.st_uid, owner.st_gid)


def _mount(kind: str, target: Path, options: str) -> None:
    subprocess.run(["mount", "-t", kind, "-o", options, kind, target], check=True)
