"""An apt archive of two suites, made here and put on hosts: what the lab's own lacks.

``lama`` is what a host takes by itself; ``baru`` only when it is asked for.
"""

import hashlib
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.lab import Host
from tests.lab.packages import Package

_ASKS_POLICY = """#!/bin/sh
status=none
if [ -e /usr/sbin/policy-rc.d ]; then
    /usr/sbin/policy-rc.d lab-asks start
    status=$?
fi
echo $status >/var/tmp/policy
"""
_SOURCE = """Package: lab-source
Binary: lab-two
Version: 1.0
Format: 1.0
Architecture: all
Maintainer: the lab <lab@example.org>
Build-Depends: lab-hello
Directory: .
Files:
 d41d8cd98f00b204e9800998ecf8427e 0 lab-source_1.0.dsc
Checksums-Sha256:
 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 lab-source_1.0.dsc
"""


@dataclass(frozen=True)
class Suite:
    name: str
    packages: Sequence[Package]
    release: str = ""
    scripts: dict[str, str] = field(default_factory=dict)


SUITES = (
    Suite(
        "lama",
        (
            Package("build-essential", "1.0"),
            Package("lab-two", "1.0"),
            Package("lab-two", "1.1"),
            Package("lab-a", "1.0", {"Provides": "lab-several"}),
            Package("lab-b", "1.0", {"Provides": "lab-several"}),
            Package("lab-c", "1.0", {"Provides": "lab-single"}),
            Package("lab-enemy", "1.0", {"Conflicts": "lab-a"}),
            Package("lab-asks", "1.0"),
            Package("lab-broken", "1.0"),
            Package("lab-unfulfilled", "1.0", {"Depends": "lab-nowhere"}),
        ),
        scripts={
            "lab-asks": _ASKS_POLICY,
            "lab-broken": "#!/bin/sh\necho cannot be set up >&2\nexit 3\n",
        },
    ),
    Suite("baru", (Package("lab-two", "2.0"),), "NotAutomatic: yes\n"),
)
# Files that no archive names.
LOOSE = (
    Package("lab-loose", "1.0"),
    Package("lab-loose", "2.0", {"Depends": "lab-c", "Recommends": "lab-b"}),
    Package("lab-lost", "1.0", {"Depends": "lab-nowhere"}),
)


def put_archive(hosts: Sequence[Host]) -> None:
    """Have ``/srv/SUITE`` with sources that name it, and loose files in ``/srv/loose``."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        sources = "".join(_write_suite(root, suite) for suite in SUITES)
        (root / "loose").mkdir()
        for package in LOOSE:
            _build(package, root / "loose", "")
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive:
            archive.add(root, "srv")
    for host in hosts:
        argv = host.ssh_argv("tar -x -C / --no-same-owner && chmod 755 /srv")
        subprocess.run(argv, input=content.getvalue(), check=True)
        host.run("tee", "/etc/apt/sources.list.d/suites.list", stdin=sources)


def _write_suite(root: Path, suite: Suite) -> str:
    folder = root / suite.name
    folder.mkdir()
    entries = []
    for package in suite.packages:
        deb = _build(package, folder, suite.scripts.get(package.name, ""))
        entries.append(package.control() + _place(deb))
    (folder / "Packages").write_text("\n".join(entries))
    (folder / "Sources").write_text(_SOURCE)
    release = f"Suite: {suite.name}\nCodename: {suite.name}\nOrigin: Lab\n{suite.release}"
    hashes = "".join(
        f" {hashlib.sha256((folder / name).read_bytes()).hexdigest()} "
        f"{(folder / name).stat().st_size} {name}\n"
        for name in ("Packages", "Sources")
    )
    date = "Date: Sat, 21 Nov 2026 00:00:00 UTC\n"
    (folder / "Release").write_text(f"{release}{date}SHA256:\n{hashes}")
    place = f"[trusted=yes] file:/srv/{suite.name} ./\n"
    return f"deb {place}deb-src {place}"


def _build(package: Package, folder: Path, postinst: str) -> Path:
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch)
        tree.chmod(0o755)
        (tree / "DEBIAN").mkdir()
        (tree / "DEBIAN/control").write_text(package.control())
        if postinst:
            (tree / "DEBIAN/postinst").write_text(postinst)
            (tree / "DEBIAN/postinst").chmod(0o755)
        deb = folder / package.file_name
        argv: list[str | Path] = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, deb]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return deb


def _place(deb: Path) -> str:
    content = deb.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return f"Filename: ./{deb.name}\nSize: {len(content)}\nSHA256: {digest}\n"
