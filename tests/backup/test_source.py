"""What every source promises, on this machine's files: read directly, and through an agent."""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lpse_ops.backup.hostsource import HostSource
from lpse_ops.backup.localsource import LocalSource, owner_text, read_xattrs
from lpse_ops.backup.source import Source, SourceFile
from tests.backup.directagent import DirectAgent
from tests.backup.nasty_tree import make_nasty_tree

FIELDS = [
    "st_mode",
    "st_ino",
    "st_dev",
    "st_nlink",
    "st_uid",
    "st_gid",
    "st_size",
    "st_mtime_ns",
    "st_ctime_ns",
    "st_rdev",
]
SOURCES: dict[str, Callable[[], Source]] = {
    "local": LocalSource,
    "host": lambda: HostSource(DirectAgent()),
    "host told little at once": lambda: HostSource(DirectAgent(), entries_at_once=3),
}


@pytest.fixture(params=SOURCES.values(), ids=SOURCES)
def source(request: pytest.FixtureRequest) -> Source:
    return request.param()


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    root = tmp_path_factory.mktemp("source") / "nasty"
    make_nasty_tree(root)
    return os.fsencode(root)


@contextlib.contextmanager
def another_user() -> Iterator[None]:
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def fields(status: os.stat_result | OSError) -> list[object]:
    assert not isinstance(status, OSError)
    return [getattr(status, name) for name in FIELDS] + list(status[:7])


def walk(source: Source, folder: bytes) -> Iterator[tuple[bytes, os.stat_result | OSError]]:
    """Every entry in the order of a backup."""
    names = source.list_names(folder)
    for start in range(0, len(names), 100):
        some = names[start : start + 100]
        for name, status in zip(some, source.look_at(folder, some), strict=True):
            path = os.path.join(folder, name)
            yield path, status
            if not isinstance(status, OSError) and stat.S_ISDIR(status.st_mode):
                yield from walk(source, path)


def read(file: SourceFile) -> bytes:
    file.start()
    buffer = memoryview(bytearray(70_000))
    found = b""
    while count := file.readinto(buffer):
        found += buffer[:count]
    return found


def read_whole(source: Source, path: bytes) -> bytes:
    with contextlib.closing(source.open_file(path)) as file:
        return read(file)


def test_a_whole_tree_is_as_the_kernel_tells(source: Source, nasty: bytes):
    found = dict(walk(source, nasty))
    expected = [
        os.path.join(folder, name)
        for folder, folders, files in os.walk(nasty)
        for name in folders + files
    ]
    assert sorted(found) == sorted(expected)
    assert len(found) > 700
    for path, status in found.items():
        assert fields(status) == fields(os.lstat(path))


def test_names_come_in_the_order_of_their_bytes(source: Source, tmp_path: Path):
    names = [b"b", b"B", b"a-", b"a", b"\xff", "é".encode(), b"a.b", b"a/b"]
    for name in names[:-1]:
        (tmp_path / os.fsdecode(name)).mkdir()
    (tmp_path / "a" / "b").touch()
    assert source.list_names(os.fsencode(tmp_path)) == sorted(names[:-1])
    assert source.list_plain(os.fsencode(tmp_path)) == (sorted(names[:-1]), set())
    paths = [
        path.removeprefix(os.fsencode(tmp_path) + b"/") for path, _ in walk(source, bytes(tmp_path))
    ]
    assert paths == [b"B", b"a", b"a/b", b"a-", b"a.b", b"b", "é".encode(), b"\xff"]


def test_attributes_and_targets_come_with_the_entries(source: Source, nasty: bytes):
    with_some = 0
    for path, status in walk(source, nasty):
        assert not isinstance(status, OSError)
        if not stat.S_ISSOCK(status.st_mode):
            found = source.read_xattrs(path)
            assert found == read_xattrs(path)
            with_some += bool(found)
        if stat.S_ISLNK(status.st_mode):
            assert source.read_link(path) == os.readlink(path)
    assert with_some >= 5


def test_what_is_gone_is_an_error_and_the_others_are_told(source: Source, tmp_path: Path):
    (tmp_path / "file").write_bytes(b"abc")
    file, gone = source.look_at(os.fsencode(tmp_path), [b"file", b"gone"])
    assert fields(file) == fields((tmp_path / "file").lstat())
    assert isinstance(gone, FileNotFoundError)


def test_a_folder_that_became_a_link_is_not_looked_into(source: Source, tmp_path: Path):
    (tmp_path / "folder").symlink_to("/etc")
    found = source.look_at(os.fsencode(tmp_path / "folder"), [b"passwd", b"group"])
    assert [type(each) for each in found] == [NotADirectoryError] * 2


def test_a_folder_that_is_none_cannot_be_listed(source: Source, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        source.list_names(os.fsencode(tmp_path / "file"))
    with pytest.raises(FileNotFoundError):
        source.list_names(os.fsencode(tmp_path / "gone"))


def test_one_path_is_looked_at_as_it_is_or_through_links(source: Source, tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "file").touch()
    link = os.fsencode(tmp_path / "link")
    assert fields(source.lstat(link)) == fields(os.lstat(link))
    assert fields(source.stat_folder(link)) == fields(os.stat(link))
    assert source.read_link(link) == b"folder"
    assert source.read_xattrs(link) == ()
    assert [source.exists(link), source.exists(link + b"s")] == [True, False]
    with pytest.raises(NotADirectoryError):
        source.stat_folder(os.fsencode(tmp_path / "file"))
    with pytest.raises(FileNotFoundError):
        source.lstat(link + b"s")


def test_marks_and_their_first_bytes(source: Source, tmp_path: Path):
    (tmp_path / "mark").write_bytes(b"header and more")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    here = os.fsencode(tmp_path)
    source.list_names(here)
    assert source.has_mark(here, b"mark", b"")
    assert source.has_mark(here, b"mark", b"header")
    assert source.has_mark(here, b"folder", b"")
    assert source.has_mark(here, b"folder/../mark", b"")
    assert not source.has_mark(here, b"mark", b"other")
    assert not source.has_mark(here, b"folder", b"x")
    assert not source.has_mark(here, b"missing", b"")
    assert not source.has_mark(here, b"missing/mark", b"")


def test_owners_have_the_names_that_the_machine_knows(source: Source, tmp_path: Path):
    (tmp_path / "root").touch()
    (tmp_path / "nobody").touch()
    os.chown(tmp_path / "nobody", 65534, 54321)
    for _, status in walk(source, os.fsencode(tmp_path)):
        assert not isinstance(status, OSError)
        owner = (status.st_uid, status.st_gid)
        assert source.owner_text(*owner) == owner_text(*owner)


@pytest.mark.parametrize("size", [0, 1, 69_999, 70_000, 3_000_001])
def test_a_file_is_read_as_often_as_one_wants(source: Source, tmp_path: Path, size: int):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    os.utime(path, (0, 0))
    os.setxattr(path, "user.x", b"y")
    with contextlib.closing(source.open_file(os.fsencode(path))) as file:
        for _ in range(2):
            assert read(file) == path.read_bytes()
            before, after = file.finish()
            assert fields(before) == fields(after) == fields(path.stat())
    assert source.read_xattrs(os.fsencode(path)) == ((b"user.x", b"y"),)
    path = tmp_path / "other"
    path.write_bytes(b"x")
    os.utime(path, (0, 0))
    assert read_whole(source, os.fsencode(path)) == b"x"
    assert path.stat().st_atime == 0


@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "gone"])
def test_what_is_no_file_is_not_read(source: Source, tmp_path: Path, kind: str):
    path = tmp_path / kind
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(OSError, match=r"symbolic links|regular file|No such file"):
        read_whole(source, os.fsencode(path))


def test_what_may_not_be_read_is_an_error(source: Source, tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "file").write_bytes(b"x")
    closed.chmod(0o700)
    tmp_path.chmod(0o755)
    with contextlib.chdir(tmp_path), another_user():
        for ask in (source.list_names, source.read_xattrs, source.lstat):
            with pytest.raises(PermissionError):
                ask(b"closed/file" if ask != source.list_names else b"closed")
        with pytest.raises(PermissionError):
            read_whole(source, b"closed/file")
        assert not source.exists(b"closed/file")
