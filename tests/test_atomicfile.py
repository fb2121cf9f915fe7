import errno
import os
import stat

import pytest

from lpse_ops.atomicfile import (
    TEMPORARY_SUFFIX,
    open_atomically,
    sync_folder,
    sync_if_possible,
    write_atomically,
)


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask_027():
    old = os.umask(0o027)
    yield
    os.umask(old)


def test_the_file_is_there_with_content_and_mode(tmp_path):
    path = tmp_path / "a"
    write_atomically(path, b"new", mode=0o640)
    assert (path.read_bytes(), mode_of(path)) == (b"new", 0o640)


def test_the_mode_is_private_unless_asked_otherwise(tmp_path):
    write_atomically(tmp_path / "a", memoryview(b"new"))
    assert mode_of(tmp_path / "a") == 0o600


def test_an_exact_mode_ignores_the_umask(tmp_path, umask_027):
    write_atomically(tmp_path / "a", b"", mode=0o666)
    assert mode_of(tmp_path / "a") == 0o666


def test_without_a_mode_a_new_file_gets_what_the_umask_leaves(tmp_path, umask_027):
    write_atomically(tmp_path / "a", b"", mode=None)
    assert mode_of(tmp_path / "a") == 0o640


def test_without_a_mode_the_old_mode_stays(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o604)
    write_atomically(path, b"new", mode=None)
    assert (path.read_bytes(), mode_of(path)) == (b"new", 0o604)


def test_without_a_mode_the_old_owner_stays(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("run as root: only root may give files away")
    path = tmp_path / "a"
    path.write_bytes(b"old")
    os.chown(path, 1234, 2345)
    write_atomically(path, b"new", mode=None)
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


def write_half(path, error):
    with open_atomically(path) as stream:
        stream.write(b"half")
        raise error


def test_a_failure_keeps_the_old_file_and_leaves_nothing_behind(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        write_half(path, KeyboardInterrupt())
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_until_the_end_only_a_temporary_name_is_seen(tmp_path):
    with open_atomically(tmp_path / "a") as stream:
        stream.write(b"half")
        (name,) = os.listdir(tmp_path)
        assert name.startswith(".a.")
        assert name.endswith(TEMPORARY_SUFFIX)
    assert os.listdir(tmp_path) == ["a"]


def test_the_longest_name_can_be_written(tmp_path):
    write_atomically(tmp_path / ("a" * 255), b"new")
    assert (tmp_path / ("a" * 255)).read_bytes() == b"new"


def test_a_link_is_replaced_and_its_target_stays(tmp_path):
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "target").read_bytes() == b"old"
    assert not (tmp_path / "link").is_symlink()


def test_a_missing_folder_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "none" / "a", b"")


def test_a_folder_can_be_synced_and_a_missing_one_not(tmp_path):
    sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "none")


def test_what_cannot_be_synced_is_no_error():
    # fsync of a pipe answers EINVAL, as some network file systems do for folders.
    reader, writer = os.pipe()
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
            os.fsync(writer)
        sync_if_possible(writer)
    finally:
        os.close(reader)
        os.close(writer)


def test_a_real_failure_to_sync_is_an_error():
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        sync_if_possible(writer)
