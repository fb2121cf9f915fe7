"""New content takes the place of the old in one step, or not at all."""

import os
import resource
import stat
import subprocess
from pathlib import Path

import pytest

from lpse_ops.agent.context import Failed
from lpse_ops.agent.replacing import backup, run_validation, write_atomically


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "f"
    path.write_text("old\n")
    return path


@pytest.fixture
def immutable(tmp_path):
    """A folder in which nothing can be made, not even by root, with a file that can be written."""
    folder = tmp_path / "fixed"
    folder.mkdir()
    (folder / "f").write_text("old\n")
    subprocess.run(["chattr", "+i", folder], check=True)
    yield folder
    subprocess.run(["chattr", "-i", folder], check=True)


def left_over(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".lpse-ops")]


def test_owner_mode_and_times_of_writing_are_a_new_files_but_the_old_ones_attributes(file):
    os.chown(file, 12345, 23456)
    file.chmod(0o4751)
    os.setxattr(file, "user.note", b"kept")
    before = file.stat().st_ino
    write_atomically(str(file), b"new\n")
    status = file.stat()
    assert file.read_text() == "new\n"
    assert status.st_ino != before
    assert (status.st_uid, status.st_gid) == (12345, 23456)
    assert stat.S_IMODE(status.st_mode) == 0o4751
    assert os.getxattr(file, "user.note") == b"kept"


def test_an_access_list_stays(file):
    subprocess.run(["setfacl", "-m", "u:12345:r", file], check=True)
    write_atomically(str(file), b"new\n")
    shown = subprocess.run(["getfacl", "-n", file], check=True, capture_output=True, text=True)
    assert "user:12345:r--" in shown.stdout


def test_a_new_file_has_the_mode_of_the_umask_or_the_one_asked_for(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(str(tmp_path / "a"), b"")
        write_atomically(str(tmp_path / "b"), b"", mode="u=rw,go=")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in "ab"]
    assert modes == [0o640, 0o600]


def test_a_file_that_is_refused_is_as_it_was(file, tmp_path):
    seen = []

    def refuse(path):
        seen.append(Path(path).read_text())
        raise Failed("refused")

    with pytest.raises(Failed, match="refused"):
        write_atomically(str(file), b"new\n", check=refuse)
    assert seen == ["new\n"]
    assert file.read_text() == "old\n"
    assert not left_over(tmp_path)


def test_a_full_disk_leaves_the_old_file(file, tmp_path):
    # A limit of the file size fails a write as a full disk does, and is there for everybody.
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            write_atomically(str(file), b"x" * 5000)
        except Failed as failed:
            os._exit(0 if str(failed).startswith(f"cannot write {file}: File too large") else 2)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert file.read_text() == "old\n"
    assert not left_over(tmp_path)


def test_what_cannot_be_replaced_says_what_to_type(immutable):
    with pytest.raises(Failed, match="unsafe_writes: true overwrites it where it is"):
        write_atomically(str(immutable / "f"), b"new\n")
    assert (immutable / "f").read_text() == "old\n"


def test_unsafe_writes_overwrites_what_cannot_be_replaced(immutable):
    before = (immutable / "f").stat().st_ino
    write_atomically(str(immutable / "f"), b"new\n", unsafe_writes=True)
    assert (immutable / "f").read_text() == "new\n"
    assert (immutable / "f").stat().st_ino == before


def replace_with(taken, target):
    """What the owner of a folder can do to a file in it."""
    taken.rename(taken.with_name("moved"))
    taken.symlink_to(target)


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text("root's\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("moment", ["written", "checked"])
@pytest.mark.parametrize("unsafe_writes", [False, True])
def test_a_link_put_in_the_place_of_the_new_file_changes_no_other_file(
    tmp_path, secret, moment, unsafe_writes
):
    folder = tmp_path / "home"
    folder.mkdir()
    old = folder / "f"
    old.write_text("old\n")
    old.chmod(0o644)
    os.chown(old, 12345, 23456)

    def swap():
        (taken,) = folder.glob(".lpse-ops-*")
        replace_with(taken, secret)

    def write(file):
        file.write(b"new\n")
        if moment == "written":
            swap()

    with pytest.raises(Failed):
        write_atomically(
            str(old),
            write,
            unsafe_writes=unsafe_writes,
            check=lambda _: swap() if moment == "checked" else None,
        )
    status = secret.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 0, 0o600)
    assert secret.read_text() == "root's\n"
    assert old.read_text() == "old\n"
    assert not old.is_symlink()


def test_a_file_given_away_by_its_descriptor_is_the_one_that_was_written(tmp_path, secret):
    """A file of the same folder, swapped in: it is no link, and it is another one all the same."""
    path = tmp_path / "f"

    def write(file):
        (taken,) = tmp_path.glob(".lpse-ops-*")
        taken.rename(tmp_path / "moved")
        secret.rename(taken)

    with pytest.raises(Failed, match="was replaced by somebody else while it was written"):
        write_atomically(str(path), write)
    assert not path.exists()


def test_the_new_file_can_be_run_by_its_check(tmp_path):
    path = str(tmp_path / "f")
    ran = []

    def check(name):
        ran.append(subprocess.run([name], stdout=subprocess.PIPE, check=True).stdout)

    write_atomically(path, b"#!/bin/sh\necho here\n", mode="0755", check=check)
    assert ran == [b"here\n"]


@pytest.mark.parametrize("name", ["plain", "with space", "quote'd"])
def test_a_validation_gets_the_file_as_one_word(tmp_path, name):
    (tmp_path / name).write_text("here\n")
    finished = run_validation("grep -c here %s", str(tmp_path / name))
    assert finished.rc == 0
    assert finished.stdout == "1\n"


def test_a_validation_that_cannot_start_is_a_failed_task(file):
    with pytest.raises(Failed, match="cannot run no-such-program"):
        run_validation("no-such-program %s", str(file))


def test_a_backup_is_a_copy_with_owner_mode_and_times(file):
    os.chown(file, 12345, 23456)
    file.chmod(0o640)
    os.utime(file, (10**9, 10**9))
    copied = backup(str(file))
    status = os.stat(copied)
    assert Path(copied).read_text() == "old\n"
    assert (status.st_uid, status.st_gid, status.st_mtime) == (12345, 23456, 10**9)
    assert stat.S_IMODE(status.st_mode) == 0o640


def test_two_backups_in_a_second_are_two_files(file):
    names = [backup(str(file)) for _ in range(3)]
    assert len(set(names)) == 3
    assert {Path(name).read_bytes() for name in names} == {file.read_bytes()}


def test_a_backup_is_made_whole_or_not_at_all(file):
    file.write_bytes(b"x" * 100_000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(Failed, match="Could not make backup of"):
            backup(str(file))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [each.name for each in file.parent.iterdir()] == ["f"]


def test_a_backup_that_cannot_be_made_is_a_failed_task(immutable):
    with pytest.raises(Failed, match="Could not make backup of"):
        backup(str(immutable / "f"))
