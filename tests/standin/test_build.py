"""The archives: the same bytes each time, in the shapes of the field."""

import hashlib
import tarfile
from pathlib import Path

import pytest

from tests.standin.build import Package, build, main
from tests.standin.release import RELEASES, VERSIONS
from tests.standin.site import put_in_place
from tests.standin.toolchain import find_driver


def members(package: Package) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(package.archive) as archive:
        return {member.name: member for member in archive.getmembers()}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_another_build_gives_the_same_bytes(packages: dict[str, Package], tmp_path: Path) -> None:
    build(tmp_path, find_driver())
    for package in packages.values():
        assert (tmp_path / package.archive.name).read_bytes() == package.archive.read_bytes()
    assert len(list(tmp_path.iterdir())) == 2 * len(packages)


def test_every_name_is_that_of_its_release(packages: dict[str, Package]) -> None:
    assert list(packages) == [release.name for release in RELEASES]
    assert {f"spse-{version}" for version in VERSIONS} <= set(packages)


def test_only_the_tampered_archive_is_not_what_its_digest_says(
    packages: dict[str, Package],
) -> None:
    wrong = [
        name
        for name, package in packages.items()
        if hashlib.sha256(package.archive.read_bytes()).hexdigest() != package.sha256
    ]
    assert wrong == ["spse-4.5-tampered"]
    assert packages["spse-4.5-tampered"].sha256 == packages["spse-4.5"].sha256


def test_the_tampered_archive_differs_in_one_file(
    packages: dict[str, Package], tmp_path: Path
) -> None:
    for name in ("spse-4.5", "spse-4.5-tampered"):
        put_in_place(packages[name].archive, tmp_path / name)
    good, tampered = contents(tmp_path / "spse-4.5"), contents(tmp_path / "spse-4.5-tampered")
    assert good.keys() == tampered.keys()
    assert [name for name in good if good[name] != tampered[name]] == ["spse4"]


def test_the_layout_up_to_4_3(packages: dict[str, Package]) -> None:
    found = members(packages["spse-4.3"])
    assert "spse/webapp/conf/application.conf" in found
    assert "spse/framework" in found
    assert "spse/conf" not in found
    assert found["spse/spse4"].mode == 0o755


@pytest.mark.parametrize("version", ["4.4", "4.5"])
def test_the_layout_from_4_4_on(packages: dict[str, Package], version: str) -> None:
    found = members(packages[f"spse-{version}"])
    assert {"spse/conf/application.conf", "spse/lib", "spse/framework/play-lkpp.jar"} <= set(found)
    assert "spse/webapp" not in found
    assert found["spse/starter.sh"].mode == 0o755


def test_nothing_in_an_archive_is_hostile(packages: dict[str, Package]) -> None:
    for package in packages.values():
        for name, member in members(package).items():
            assert name == "spse" or name.startswith("spse/")
            assert member.isfile() or member.isdir()
            assert (member.uid, member.gid, member.mode & 0o7022) == (0, 0, 0)


def test_the_command_copies_archives_and_digests(
    packages: dict[str, Package], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([str(tmp_path / "out")])
    printed = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [path.name for path in printed] == [f"{name}.tar.gz" for name in packages]
    assert all(path.with_name(f"{path.name}.sha256").is_file() for path in printed)
