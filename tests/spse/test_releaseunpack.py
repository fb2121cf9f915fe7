"""Unpacking on a real disk, and what a kill leaves at every line of it."""

import os
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from lpse_ops.errors import PackageRefused, ReleaseError
from lpse_ops.spse import releaseunpack
from lpse_ops.spse.package import Expected, open_package
from lpse_ops.spse.release import Release, list_releases, load_release
from lpse_ops.spse.releasecompare import compare_release
from lpse_ops.spse.releaselock import locked_releases
from lpse_ops.spse.releaseunpack import Owners, unpack_release
from tests.spse.archives import (
    CONFIGURATION,
    NEW_LAYOUT,
    application,
    folder,
    good_tar,
    good_zip,
    hard_link,
    header,
    link,
    tar,
    write,
)

ME = Owners(os.getuid(), os.getgid())
MEMBERS = [
    folder("spse/logs"),
    *application(),
    link("spse/lib/tautan", "../spse4"),
    hard_link("spse/lib/kembar.jar", "spse/lib/driver.jar"),
    header("spse/server.pid", b"1"),
    header("BACA.txt", b"di luar"),
]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write(tmp_path, tar(MEMBERS))


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    return tmp_path / "opt" / "releases"


def unpack(
    archive: Path, releases: Path, owners: Owners = ME, version: str | None = None
) -> Release:
    with open_package(archive) as package:
        return unpack_release(package, package.inspect(Expected(version=version)), releases, owners)


def tree(root: Path) -> Iterator[tuple[str, int]]:
    for path in sorted(root.rglob("*")):
        yield str(path.relative_to(root)), stat.S_IMODE(path.lstat().st_mode)


def test_a_release_is_unpacked(archive: Path, releases: Path):
    release = unpack(archive, releases)
    root = releases / "4.5"
    assert dict(tree(root)) == {
        "conf": 0o755,
        "conf/application.conf": 0o640,
        "framework": 0o755,
        "framework/play-lkpp.jar": 0o644,
        "lib": 0o755,
        "lib/driver.jar": 0o644,
        "lib/kembar.jar": 0o644,
        "lib/tautan": 0o777,
        "logs": 0o1775,
        "spse4": 0o755,
    }
    assert {path: (root / path).read_bytes() for path in NEW_LAYOUT} == NEW_LAYOUT
    assert (root / "lib/kembar.jar").samefile(root / "lib/driver.jar")
    assert os.readlink(root / "lib/tautan") == "../spse4"
    assert stat.S_IMODE(root.stat().st_mode) == 0o1775
    assert load_release(releases, "4.5") == release
    assert compare_release(root, release) == []
    assert sorted(os.listdir(releases)) == [
        "4.5",
        "4.5.application.conf",
        "4.5.manifest.json",
        "4.5.start-script",
    ]
    defaults = releases / "4.5.application.conf"
    assert (defaults.read_bytes(), defaults.stat().st_mode & 0o777) == (CONFIGURATION, 0o640)


def test_zip_gives_the_same_release(tmp_path: Path, releases: Path):
    one = unpack(write(tmp_path, good_zip(), "spse-4.5.zip"), releases)
    two = unpack(write(tmp_path, good_tar(), "spse-4.5.tar"), releases.parent / "other")
    assert one.entries == two.entries


def test_the_application_gets_there_whatever_the_umask(archive: Path, releases: Path):
    before = os.umask(0o077)
    try:
        unpack(archive, releases)
    finally:
        os.umask(before)
    for above in (releases.parent, releases, releases / "4.5"):
        assert stat.S_IMODE(above.stat().st_mode) & 0o755 == 0o755


@pytest.mark.skipif(os.getuid() != 0, reason="run as root: owners are given away")
def test_the_release_belongs_to_whom_we_say(archive: Path, releases: Path):
    unpack(archive, releases, Owners(0, 4242))
    paths = [releases / "4.5", *(releases / "4.5").rglob("*"), releases / "4.5.application.conf"]
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in paths} == {(0, 4242)}


def test_nobody_looks_in_before_it_is_whole(archive: Path, releases: Path):
    seen = set()

    def look(frame: FrameType, event: str, arg: object) -> object:
        if frame.f_code.co_filename == releaseunpack.__file__:
            names = list(releases.glob(".*.tmp")) if releases.exists() else []
            seen.update(stat.S_IMODE(name.stat().st_mode) for name in names)
            return look
        return None

    before = sys.gettrace()
    sys.settrace(look)
    try:
        unpack(archive, releases)
    finally:
        sys.settrace(before)
    assert seen <= {0o700, 0o1775}
    assert 0o700 in seen


def test_all_is_flushed_before_it_has_its_name(archive: Path, releases: Path):
    calls = []

    def note(frame: FrameType, event: str, arg: object) -> None:
        name = getattr(arg, "__name__", "")
        if event == "c_call" and name in ("fsync", "rename"):
            calls.append(name)

    sys.setprofile(note)
    try:
        unpack(archive, releases)
    finally:
        sys.setprofile(None)
    last = len(calls) - 1 - calls[::-1].index("rename")
    # Five files, five folders with the one of all, two files beside it with the folder's names.
    assert calls[:last].count("fsync") >= 5 + 4 + 4
    assert calls[last:] == ["rename", "fsync"]


def test_unpacking_twice_changes_nothing(archive: Path, releases: Path):
    first = unpack(archive, releases)
    before = (releases / "4.5").stat().st_ino
    assert unpack(archive, releases) == first
    assert (releases / "4.5").stat().st_ino == before


def test_the_same_package_under_another_name_is_the_same(archive: Path, releases: Path):
    first = unpack(archive, releases)
    assert unpack(archive.rename(archive.with_name("baru-4.5.tar")), releases) == first


def test_a_configuration_of_the_site_is_no_change(archive: Path, releases: Path):
    unpack(archive, releases)
    root = releases / "4.5"
    (root / "conf/application.conf").write_bytes(b"http.port=9009\n")
    (root / "logs/application.log").write_bytes(b"x")
    (root / "server.pid").write_bytes(b"1")
    unpack(archive, releases)


def test_a_sites_paths_in_the_start_script_are_no_change(archive: Path, releases: Path):
    release = unpack(archive, releases)
    script = releases / "4.5/spse4"
    script.write_bytes(b"#!/bin/sh\nJAVA_HOME=/opt/jdk-21\n")
    assert unpack(archive, releases) == release
    for content in (b"#!/bin/sh\nJAVA_HOME=/opt/jdk-21\nid\n", b"#!/bin/sh\nJAVA_HOME=$(id)\n"):
        script.write_bytes(content)
        with pytest.raises(ReleaseError, match="'spse4' is changed"):
            unpack(archive, releases)


def test_a_changed_release_is_said(archive: Path, releases: Path):
    unpack(archive, releases)
    (releases / "4.5/lib/driver.jar").write_bytes(b"jahat")
    with pytest.raises(ReleaseError, match=r"was changed: 'lib/driver\.jar' is changed") as changed:
        unpack(archive, releases)
    assert f"mv {releases}/4.5 " in changed.value.hint


def test_what_is_added_to_a_release_is_found(archive: Path, releases: Path):
    release = unpack(archive, releases)
    root = releases / "4.5"
    os.mkfifo(root / "lib/pipa")
    (root / "baru").mkdir()
    (root / "framework/play-lkpp.jar").unlink()
    (root / "framework/play-lkpp.jar").symlink_to("/etc/passwd")
    assert [each.text for each in compare_release(root, release)] == [
        "'baru' is added",
        "'framework/play-lkpp.jar' is changed",
        "'lib/pipa' is added",
    ]
    with pytest.raises(ReleaseError, match="cannot read the release"):
        compare_release(root / "none", release)


def test_another_package_does_not_take_its_place(archive: Path, releases: Path, tmp_path: Path):
    unpack(archive, releases)
    other = write(tmp_path, good_tar(header("spse/baru", b"x")), "spse-4.5.tar.baru")
    with pytest.raises(ReleaseError, match="is there already, of another package") as there:
        unpack(other, releases)
    assert "--release" in there.value.hint
    assert unpack(other, releases, version="4.5.1").version == "4.5.1"
    assert list_releases(releases) == ["4.5", "4.5.1"]


def test_a_package_without_version_is_not_unpacked(tmp_path: Path, releases: Path):
    with pytest.raises(ReleaseError, match="does not tell its version"):
        unpack(write(tmp_path, good_tar(), "spse.tar"), releases)
    assert not releases.exists()


def test_what_changed_since_the_inspection_leaves_nothing(archive: Path, releases: Path):
    with open_package(archive) as package:
        inspected = package.inspect()
        content = archive.read_bytes()
        archive.write_bytes(content.replace(b"jarjar", b"jarJAR", 1))
        with pytest.raises(PackageRefused, match="it changed after it was inspected"):
            unpack_release(package, inspected, releases, ME)
    assert os.listdir(releases) == []


def test_a_link_that_comes_later_is_never_written_through(archive: Path, releases: Path):
    """The second reading meets another archive: nothing of it gets out of the folder."""
    hostile = tar([link("spse/lib", "/"), header("spse/lib/driver.jar", b"x"), *MEMBERS])
    with open_package(archive) as package:
        inspected = package.inspect()
        archive.write_bytes(hostile[: archive.stat().st_size])
        with pytest.raises(PackageRefused):
            unpack_release(package, inspected, releases, ME)
    assert os.listdir(releases) == []


def test_two_at_a_time_are_one_too_many(archive: Path, releases: Path):
    with open_package(archive) as package:
        inspected = package.inspect()
        with (
            locked_releases(releases),
            pytest.raises(ReleaseError, match="another process works in"),
        ):
            unpack_release(package, inspected, releases, ME)


def test_a_full_disk_is_said_before(archive: Path, releases: Path, tmp_path: Path):
    with open_package(archive) as package:
        inspected = package.inspect()
        huge = inspected.entries[1].__class__("spse/huge", "file", 1 << 60, "ab" * 32)
        inspected = inspected.__class__(
            **{**inspected.__dict__, "entries": (*inspected.entries, huge)}
        )
        with pytest.raises(ReleaseError, match="has room for") as full:
            unpack_release(package, inspected, releases, ME)
    assert "df -h" in full.value.hint


def test_a_folder_that_is_none_is_said(archive: Path, tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ReleaseError, match="cannot write into"):
        unpack(archive, tmp_path / "file" / "releases")


# --- killed at every line -----------------------------------------------------------------------


def unpack_to(line: int | None, archive: Path, releases: Path) -> list[tuple[str, int]]:
    """Unpack in this process, up to a line counted from the first; return the lines that ran."""
    lines = []

    def trace(frame: FrameType, event: str, arg: object) -> object:
        traced = ("releaseunpack.py", "releaselock.py", "atomicfile.py")
        if not frame.f_code.co_filename.endswith(traced):
            return None
        if event == "line":
            lines.append((frame.f_code.co_filename, frame.f_lineno))
            if len(lines) == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        unpack(archive, releases)
    finally:
        sys.settrace(before)
    return lines


def test_a_kill_at_any_line_leaves_nothing_half_made(archive: Path, tmp_path: Path):
    """Each line when it runs first, and the last of all."""
    lines = unpack_to(None, archive, tmp_path / "whole")
    first = {line: number for number, line in reversed(list(enumerate(lines, start=1)))}
    numbers = sorted({*first.values(), len(lines)})
    assert len(numbers) > 100
    there = []
    for number in numbers:
        releases = tmp_path / str(number)
        child = os.fork()
        if not child:
            try:
                unpack_to(number, archive, releases)
            finally:
                os._exit(1)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
        versions = list_releases(releases)
        assert (releases / "4.5").exists() == (versions == ["4.5"])
        if versions:
            there.append(number)
            assert compare_release(releases / "4.5", load_release(releases, "4.5")) == []
        assert unpack(archive, releases).version == "4.5"
        assert not list(releases.glob(".*"))
    # Once it is there, it stays.
    assert there
    assert there == numbers[-len(there) :]
