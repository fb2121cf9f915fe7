"""The link to the current release: read, switched, and never anything but a link replaced."""

import os
import threading
from pathlib import Path

import pytest

from lpse_ops.errors import ReleaseError
from lpse_ops.spse.currentrelease import Current, parse_target, read_current, switch_release
from lpse_ops.spse.package import Expected, open_package
from lpse_ops.spse.releaseunpack import Owners, unpack_release
from tests.spse.archives import good_tar, write


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    folder = tmp_path / "releases"
    with open_package(write(tmp_path, good_tar())) as package:
        for version in ("4.4", "4.5"):
            inspected = package.inspect(Expected(version=version))
            unpack_release(package, inspected, folder, Owners(os.getuid(), os.getgid()))
    return folder


@pytest.fixture
def link(tmp_path: Path) -> Path:
    (tmp_path / "appserv").mkdir()
    return tmp_path / "appserv" / "spse"


def test_switching_there_and_back(releases: Path, link: Path):
    assert read_current(link, releases) == Current("none")
    for version in ("4.4", "4.5", "4.4", "4.4"):
        switch_release(link, releases, version)
        target = str(releases / version)
        assert read_current(link, releases) == Current("release", version, target)
        assert (link / "spse4").is_file()
    assert os.listdir(link.parent) == ["spse"]


def test_at_no_moment_is_there_no_release(releases: Path, link: Path):
    switch_release(link, releases, "4.4")
    missing, over = [], threading.Event()

    def watch() -> None:
        while not over.is_set():
            if not os.path.exists(link / "spse4"):
                missing.append(1)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(50):
        switch_release(link, releases, ("4.4", "4.5")[number % 2])
    over.set()
    watcher.join()
    assert not missing


def test_what_else_may_stand_there(releases: Path, link: Path):
    link.symlink_to("/opt/lain/spse")
    assert read_current(link, releases) == Current("elsewhere", target="/opt/lain/spse")
    switch_release(link, releases, "4.5")
    link.unlink()
    gone = str(releases / "4.3")
    link.symlink_to(gone)
    assert read_current(link, releases) == Current("dangling", "4.3", gone)


def test_an_application_installed_by_hand_stays(releases: Path, link: Path):
    link.mkdir()
    (link / "spse4").write_bytes(b"")
    assert read_current(link, releases) == Current("folder")
    with pytest.raises(ReleaseError, match="installed by hand") as refused:
        switch_release(link, releases, "4.5")
    assert f"mv {link} {link}.lama" in refused.value.hint
    assert (link / "spse4").exists()


def test_a_file_in_its_place_stays(releases: Path, link: Path):
    link.write_bytes(b"")
    assert read_current(link, releases) == Current("other")
    with pytest.raises(ReleaseError, match="installed by hand"):
        switch_release(link, releases, "4.5")


def test_only_whole_releases_become_current(releases: Path, link: Path):
    switch_release(link, releases, "4.5")
    (releases / "4.6").mkdir()
    with pytest.raises(ReleaseError, match="cannot read"):
        switch_release(link, releases, "4.6")
    assert read_current(link, releases).version == "4.5"


def test_errors_say_what_to_look_at(releases: Path, link: Path):
    with pytest.raises(ReleaseError, match="cannot switch") as error:
        switch_release(link.parent / "none" / "spse", releases, "4.5")
    assert "ls -ld" in error.value.hint
    link.write_bytes(b"")
    with pytest.raises(ReleaseError, match="cannot read"):
        read_current(link / "x", releases)


def test_nothing_is_left_when_the_link_cannot_be_put_in_place(releases: Path, link: Path):
    """Somebody makes a folder there between the look and the rename."""
    link.mkdir()
    missing = link.with_name("spse2")

    class Racing(type(link)):  # type: ignore[misc]
        def lstat(self):
            raise FileNotFoundError(2, "No such file or directory")

    with pytest.raises(ReleaseError, match="cannot switch"):
        switch_release(Racing(link), releases, "4.5")
    assert os.listdir(link.parent) == ["spse"]
    assert not missing.exists()


@pytest.mark.parametrize(
    ("target", "version"),
    [
        ("/opt/spse/releases/4.5", "4.5"),
        ("/opt/spse/releases/4.5/", None),
        ("/opt/spse/releases/x", None),
        ("/opt/spse/releases/../4.5", None),
        ("4.5", None),
        ("/opt/spse/4.5", None),
    ],
)
def test_targets(target, version):
    assert parse_target(target, Path("/opt/spse/releases")) == version
