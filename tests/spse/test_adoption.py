"""An application that was installed by hand becomes a release, and nothing of it is lost."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

import pytest

from lpse_ops.errors import ReleaseError
from lpse_ops.spse.adoption import adopt_application
from lpse_ops.spse.currentrelease import Current, read_current, switch_release
from lpse_ops.spse.package import open_package
from lpse_ops.spse.release import list_releases, load_release
from lpse_ops.spse.releasecompare import compare_release
from lpse_ops.spse.releaseunpack import Owners, unpack_release
from tests.spse.archives import NEW_LAYOUT, OLD_LAYOUT, good_tar, write

SITE = {**OLD_LAYOUT, "webapp/logs/spse4.3.log": b"x", "webapp/server.pid": b"1", "lib/a.jar": b"a"}


def lay_out(root: Path, layout=SITE) -> Path:
    for path, content in layout.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    (root / "spse4").chmod(0o4755)
    (root / "tautan").symlink_to("lib")
    return root


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    return tmp_path / "opt" / "releases"


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return lay_out(tmp_path / "appserv" / "spse")


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def test_it_becomes_the_current_release(link: Path, releases: Path):
    release = adopt_application(link, releases, "4.3")
    assert contents(releases / "4.3") == SITE
    assert read_current(link, releases) == Current("release", "4.3", str(releases / "4.3"))
    assert (release.layout.name, release.package_name) == ("4.3", "")
    assert load_release(releases, "4.3") == release
    assert compare_release(releases / "4.3", release) == []
    assert [each.path for each in release.entries] == [
        "framework",
        "framework/play.jar",
        "lib",
        "lib/a.jar",
        "spse4",
        "tautan",
        "webapp",
        "webapp/conf",
    ]
    assert release.entries[4].mode == 0o4755


def test_there_is_a_way_back_from_the_first_upgrade(link: Path, releases: Path, tmp_path: Path):
    adopt_application(link, releases, "4.3")
    with open_package(write(tmp_path, good_tar())) as package:
        unpack_release(package, package.inspect(), releases, Owners(os.getuid(), os.getgid()))
    switch_release(link, releases, "4.5")
    assert contents(link) == dict(NEW_LAYOUT)
    switch_release(link, releases, "4.3")
    assert contents(link) == SITE


def test_it_is_adopted_once(link: Path, releases: Path):
    adopt_application(link, releases, "4.3")
    with pytest.raises(ReleaseError, match="is no application that was installed by hand"):
        adopt_application(link, releases, "4.3")


def test_its_place_must_be_free(link: Path, releases: Path):
    (releases / "4.3").mkdir(parents=True)
    with pytest.raises(ReleaseError, match="is there already"):
        adopt_application(link, releases, "4.3")
    assert contents(link) == SITE


def test_two_file_systems_are_said(link: Path):
    releases = Path("/dev/shm") / f"lpse-ops-{os.getpid()}"
    try:
        with pytest.raises(ReleaseError, match="are on two file systems") as apart:
            adopt_application(link, releases, "4.3")
    finally:
        releases.rmdir()
    assert f"df {link.parent}" in apart.value.hint
    assert contents(link) == SITE


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda link: (link / "spse4").unlink(), "is no SPSE 4"),
        (lambda link: lay_out(link, NEW_LAYOUT), "at two places"),
        (lambda link: os.mkfifo(link / "lib/pipa"), "holds 'lib/pipa', which is no file"),
        (lambda link: (link / "lib" / os.fsdecode(b"a\xff")).touch(), "a name that is not UTF-8"),
    ],
)
def test_what_cannot_be_a_release_stays_where_it_is(link: Path, releases: Path, change, why: str):
    def shape(root: Path) -> set[str]:
        return {str(path) for path in root.rglob("*")}

    link.joinpath("tautan").unlink()
    change(link)
    before = shape(link)
    with pytest.raises(ReleaseError, match=why) as refused:
        adopt_application(link, releases, "4.3")
    assert str(link) in refused.value.hint
    assert shape(link) == before
    assert list_releases(releases) == []


def adopt_to(line: int | None, link: Path, releases: Path) -> int:
    """Adopt in this process, up to a line of the module; return how many ran."""
    lines = 0

    def trace(frame: FrameType, event: str, arg: object) -> object:
        nonlocal lines
        if not frame.f_code.co_filename.endswith(("adoption.py", "currentrelease.py")):
            return None
        if event == "line":
            lines += 1
            if lines == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        adopt_application(link, releases, "4.3")
    finally:
        sys.settrace(before)
    return lines


def test_killed_at_any_line_it_is_finished_by_running_it_again(tmp_path: Path):
    total = adopt_to(None, lay_out(tmp_path / "whole" / "spse"), tmp_path / "whole" / "releases")
    for number in range(1, total + 1):
        link = lay_out(tmp_path / str(number) / "spse")
        releases = tmp_path / str(number) / "releases"
        child = os.fork()
        if not child:
            try:
                adopt_to(number, link, releases)
            finally:
                os._exit(1)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
        if read_current(link, releases).state != "release":
            adopt_application(link, releases, "4.3")
        assert contents(releases / "4.3") == SITE
        assert read_current(link, releases).version == "4.3"
