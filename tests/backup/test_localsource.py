import contextlib
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpse_ops.backup.localsource import (
    list_names,
    list_plain,
    look_at,
    open_file,
    outlast_tick,
    owner_text,
    read_xattrs,
    stat_folder,
)
from lpse_ops.backup.source import is_same_version


@contextlib.contextmanager
def another_user() -> Iterator[None]:
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_entries_come_in_the_order_of_their_bytes(tmp_path: Path) -> None:
    names = [b"b", b"B", b"a-", b"a", b"\xff", "é".encode(), b"a.b"]
    for name in names:
        (tmp_path / os.fsdecode(name)).touch()
    assert list_names(os.fsencode(tmp_path)) == sorted(names)


def test_plain_files_are_told_from_everything_else(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("a")
    os.mkfifo(tmp_path / "fifo")
    names, plain = list_plain(os.fsencode(tmp_path))
    assert names == [b"a", b"b", b"fifo", b"folder", b"link"]
    assert plain == {b"a", b"b"}


def test_links_are_looked_at_themselves_and_what_is_gone_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("/etc/passwd")
    folder = os.fsencode(tmp_path)
    file, link = look_at(folder, [b"file", b"link"])
    assert file == (tmp_path / "file").lstat()
    assert link == (tmp_path / "link").lstat()
    file, gone, link = look_at(folder, [b"file", b"gone", b"link"])
    assert (file, link) == ((tmp_path / "file").lstat(), (tmp_path / "link").lstat())
    assert isinstance(gone, FileNotFoundError)


def test_a_folder_that_became_a_link_is_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "folder").symlink_to("/etc")
    found = look_at(os.fsencode(tmp_path / "folder"), [b"passwd", b"group"])
    assert [type(each) for each in found] == [NotADirectoryError] * 2


def test_reading_does_not_count_as_use(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    os.utime(path, (0, 0))
    descriptor = open_file(os.fsencode(path))
    assert os.read(descriptor, 10) == b"x"
    os.close(descriptor)
    assert path.stat().st_atime == 0


def test_a_file_of_another_owner_is_read_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    tmp_path.chmod(0o755)
    # By its name alone: the folders above are closed to others.
    with contextlib.chdir(tmp_path), another_user():
        os.close(open_file(b"file"))


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic links"):
        open_file(os.fsencode(tmp_path / "link"))


def test_a_fifo_does_not_make_us_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    start = time.monotonic()
    os.close(open_file(os.fsencode(tmp_path / "fifo")))
    assert time.monotonic() - start < 5


def test_attributes_of_files_and_links(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    os.setxattr(path, "user.x", b"\0\xff")
    os.setxattr(path, os.fsdecode("user.é".encode()), b"")
    (tmp_path / "link").symlink_to(path)
    assert dict(read_xattrs(os.fsencode(path))) == {b"user.x": b"\0\xff", "user.é".encode(): b""}
    assert read_xattrs(os.fsencode(tmp_path / "link")) == ()


@pytest.mark.parametrize("path", [b"/nowhere", b"/proc/self/stat", b"/dev/null"])
def test_where_there_are_no_attributes_there_are_none(path: bytes) -> None:
    assert read_xattrs(path) == ()


def test_attributes_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    tmp_path.chmod(0o700)
    with another_user(), pytest.raises(PermissionError):
        read_xattrs(os.fsencode(tmp_path / "file"))


def test_owners_have_names_where_the_machine_knows_them() -> None:
    assert owner_text(0, 0) == ',"uid":0,"gid":0,"user":"root","group":"root"'
    assert owner_text(54321, 65432) == ',"uid":54321,"gid":65432'


def test_any_change_makes_another_version(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    before = path.stat()
    assert is_same_version(before, path.stat())
    path.write_bytes(b"more")
    assert not is_same_version(before, path.stat())
    path.write_bytes(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not is_same_version(before, path.stat())


def test_a_folder_is_seen_through_links(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    assert stat.S_ISDIR(stat_folder(os.fsencode(tmp_path / "link")).st_mode)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        stat_folder(os.fsencode(tmp_path / "file"))


@pytest.mark.parametrize(
    ("age_ms", "waited"),
    [(0, [0.02]), (5, [0.015]), (20, []), (100_000, []), (-1, [])],
)
def test_a_file_that_changed_this_moment_is_waited_for(age_ms: int, waited: list[float]):
    slept: list[float] = []
    outlast_tick(10**18, lambda: 10**18 + age_ms * 10**6, slept.append)
    assert slept == waited
