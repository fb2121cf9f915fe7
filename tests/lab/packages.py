"""A small apt archive of our own in every host: packages to install that need no network.

``lab-hello``    1.0 and 2.0: a program that prints its version, and a configuration file
``lab-world``    depends on ``lab-hello``, recommends ``lab-service``
``lab-service``  a systemd unit of that name, neither enabled nor started
"""

import hashlib
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Where the archive is in a host.
ARCHIVE = Path("/srv/lab-packages")


@dataclass(frozen=True)
class Package:
    """``files``: path -> text; what is below ``usr/bin`` is made executable."""

    name: str
    version: str
    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        return f"{self.name}_{self.version}_all.deb"

    def control(self) -> str:
        fields = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": "all",
            "Maintainer": "the lab <lab@example.org>",
            "Description": f"{self.name} for tests",
            **self.fields,
        }
        return "".join(f"{name}: {value}\n" for name, value in fields.items())


def _hello(version: str) -> Package:
    files = {
        "usr/bin/lab-hello": f"#!/bin/sh\necho hello {version}\n",
        "etc/lab-hello.conf": f"greeting=hello {version}\n",
    }
    return Package("lab-hello", version, files=files)


_UNIT = """[Unit]
Description=A service for tests

[Service]
ExecStart=/bin/sleep infinity
ExecReload=/bin/true

[Install]
WantedBy=multi-user.target
"""

PACKAGES = (
    _hello("1.0"),
    _hello("2.0"),
    Package("lab-world", "1.0", {"Depends": "lab-hello", "Recommends": "lab-service"}),
    Package("lab-service", "1.0", files={"lib/systemd/system/lab-service.service": _UNIT}),
)


def write_archive(root: Path) -> None:
    """Build the packages and their index, and name the archive in the host's sources."""
    archive = root / ARCHIVE.relative_to("/")
    archive.mkdir(parents=True)
    index = "\n".join(_index_entry(package, _build(package, archive)) for package in PACKAGES)
    (archive / "Packages").write_text(index)
    sources = f"deb [trusted=yes] file:{ARCHIVE} ./\n"
    (root / "etc/apt/sources.list.d/lab.list").write_text(sources)


def _build(package: Package, archive: Path) -> Path:
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch)
        tree.chmod(0o755)
        for name, text in package.files.items():
            file = tree / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o755 if name.startswith("usr/bin/") else 0o644)
        (tree / "DEBIAN").mkdir()
        (tree / "DEBIAN/control").write_text(package.control())
        configuration = [f"/{name}\n" for name in package.files if name.startswith("etc/")]
        (tree / "DEBIAN/conffiles").write_text("".join(configuration))
        deb = archive / package.file_name
        argv: list[str | Path] = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, deb]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return deb


def _index_entry(package: Package, deb: Path) -> str:
    content = deb.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    place = f"Filename: ./{deb.name}\nSize: {len(content)}\nSHA256: {sha256}\n"
    return package.control() + place
