"""Builds the stand-in's archives: the same bytes each time, in a few seconds, then from a cache.

``python -m tests.standin.build [FOLDER]`` prints where they are, or copies them to a folder: for
each release ``NAME.tar.gz`` and ``NAME.tar.gz.sha256``, the digest that its maker gave.
"""

import hashlib
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from tests.cached import cache_folder, locked
from tests.standin.archive import tar_gz
from tests.standin.release import RELEASES, Release, Variant, release_entries
from tests.standin.toolchain import compile_java, find_driver, java_version

_HERE = Path(__file__).parent
_SOURCES = ("java", "migrations", "conf", "scripts", "release.py", "archive.py", "build.py")
_KEPT_SECONDS = 86_400


@dataclass(frozen=True)
class Package:
    """``sha256`` is what the maker says; of a tampered archive it is not true."""

    release: Release
    archive: Path
    sha256: str

    @property
    def version(self) -> str:
        return self.release.version


def find_packages() -> dict[str, Package]:
    """Name -> package of all releases; built when the cache has none of this making."""
    cache = cache_folder("standin")
    driver = find_driver()
    with locked(cache):
        folder = cache / _fingerprint(driver)
        if not folder.is_dir():
            _remove_old(cache)
            with tempfile.TemporaryDirectory(dir=cache) as scratch:
                built = Path(scratch) / "built"
                built.mkdir()
                build(built, driver)
                built.rename(folder)
        os.utime(folder)
    return {release.name: _read_package(folder, release) for release in RELEASES}


def build(folder: Path, driver: Path) -> None:
    """Write the archives and digests of all releases."""
    classes = compile_java(_HERE / "java")
    for release in RELEASES:
        content = tar_gz(release_entries(release, classes, driver.read_bytes()))
        meant = content
        if release.variant is Variant.TAMPERED:
            good = Release(release.version)
            meant = tar_gz(release_entries(good, classes, driver.read_bytes()))
        archive = _archive(folder, release)
        archive.write_bytes(content)
        digest = hashlib.sha256(meant).hexdigest()
        _digest_file(archive).write_text(f"{digest}  {archive.name}\n")


def _read_package(folder: Path, release: Release) -> Package:
    archive = _archive(folder, release)
    return Package(release, archive, _digest_file(archive).read_text().split()[0])


def _archive(folder: Path, release: Release) -> Path:
    return folder / f"{release.name}.tar.gz"


def _digest_file(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.sha256")


def _fingerprint(driver: Path) -> str:
    """A hash of everything that the archives are made of and with."""
    made_of = hashlib.sha256(java_version().encode())
    sources = [f for name in _SOURCES for f in (_HERE / name, *(_HERE / name).rglob("*"))]
    for file in sorted(source for source in sources if source.is_file()):
        made_of.update(f"\0{file.relative_to(_HERE)}\0".encode())
        made_of.update(file.read_bytes())
    made_of.update(files("lpse_ops.spse").joinpath("sample_schema.sql").read_bytes())
    made_of.update(driver.read_bytes())
    return made_of.hexdigest()[:16]


def _remove_old(cache: Path) -> None:
    """Remove what nobody has used for a day; other checkouts build their own."""
    for folder in cache.iterdir():
        if folder.is_dir() and folder.stat().st_mtime < time.time() - _KEPT_SECONDS:
            shutil.rmtree(folder)


def main(argv: list[str]) -> None:
    packages = find_packages().values()
    target = Path(argv[0]) if argv else None
    for package in packages:
        archive = package.archive
        if target is not None:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(_digest_file(archive), target)
            archive = Path(shutil.copy2(archive, target))
        print(archive)


if __name__ == "__main__":
    main(sys.argv[1:])
