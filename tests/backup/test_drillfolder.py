import fcntl
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from lpse_ops.backup.drillfolder import (
    Protected,
    Room,
    find_data_folders,
    open_scratch,
    read_free,
    refuse_protected,
    refuse_without_room,
    remove_leftovers,
    remove_tree,
)
from lpse_ops.errors import OpsError, UsageError
from tests.postgres.conftest import folder

__all__ = ["folder"]

KILLED = """
import os, sys
from pathlib import Path
from lpse_ops.backup.drillfolder import open_scratch
with open_scratch(Path(sys.argv[1])) as scratch:
    (scratch / "files").mkdir()
    print(scratch, flush=True)
    os.kill(os.getpid(), 9)
"""


def test_the_folder_is_private_and_gone_at_the_end(tmp_path: Path):
    with open_scratch(tmp_path) as scratch:
        assert scratch.stat().st_mode & 0o777 == 0o700
        (scratch / "file").write_text("x")
        assert len(list(tmp_path.iterdir())) == 2
    assert list(tmp_path.iterdir()) == []


def test_it_is_gone_also_after_an_error_and_with_keep(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt), open_scratch(tmp_path, keep=True):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_what_is_kept_is_no_leftover(tmp_path: Path):
    with open_scratch(tmp_path, keep=True) as scratch:
        pass
    assert remove_leftovers(tmp_path) == []
    assert list(tmp_path.iterdir()) == [scratch]


def test_a_killed_drill_is_cleaned_up_by_the_next(tmp_path: Path):
    argv = [sys.executable, "-c", KILLED, tmp_path]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False)
    left = Path(done.stdout.strip())
    assert (done.returncode, left.is_dir()) == (-9, True)
    with open_scratch(tmp_path) as scratch:
        assert not left.exists()
        assert scratch.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_a_drill_that_lives_is_left_alone(tmp_path: Path):
    with open_scratch(tmp_path) as first, open_scratch(tmp_path) as second:
        assert remove_leftovers(tmp_path) == []
        assert first.is_dir()
        assert second.is_dir()


@pytest.mark.parametrize(
    "name", ["lpse-ops-drill-0123456.lock", "lpse-ops-drill-x.lock", "other.lock", "a.lock"]
)
def test_foreign_names_are_left_alone(tmp_path: Path, name: str):
    (tmp_path / name).touch()
    (tmp_path / name.removesuffix(".lock")).mkdir()
    assert remove_leftovers(tmp_path) == []
    assert (tmp_path / name.removesuffix(".lock")).is_dir()


def test_a_mark_that_is_a_link_removes_nothing(tmp_path: Path):
    (tmp_path / "target").touch()
    (tmp_path / "lpse-ops-drill-01234567.lock").symlink_to("target")
    (tmp_path / "lpse-ops-drill-01234567").mkdir()
    assert remove_leftovers(tmp_path) == []


def test_a_folder_that_is_a_link_is_not_followed(tmp_path: Path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    (tmp_path / "lpse-ops-drill-01234567.lock").touch()
    (tmp_path / "lpse-ops-drill-01234567").symlink_to("precious")
    remove_leftovers(tmp_path)
    assert (tmp_path / "precious" / "file").exists()


def test_removing_never_follows_a_link_to_change_what_is_elsewhere(tmp_path: Path):
    below = tmp_path / "precious" / "below"
    below.mkdir(parents=True)
    below.chmod(0o755)
    (tmp_path / "link").symlink_to("precious")
    with pytest.raises(OpsError, match="cannot remove"):
        remove_tree(tmp_path / "link")
    assert below.stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a folder of somebody else")
def test_a_folder_of_somebody_else_beside_a_mark_of_ours_is_left_alone(tmp_path: Path):
    (tmp_path / "lpse-ops-drill-01234567.lock").touch()
    foreign = tmp_path / "lpse-ops-drill-01234567"
    foreign.mkdir()
    os.chown(foreign, pwd.getpwnam("nobody").pw_uid, -1)
    assert remove_leftovers(tmp_path) == []
    assert foreign.is_dir()


def test_a_mark_whose_folder_is_gone_is_removed(tmp_path: Path):
    (tmp_path / "lpse-ops-drill-01234567.lock").touch()
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_folders_without_the_right_to_write_are_removed_by_a_plain_user(folder: Path):
    nobody = pwd.getpwnam("nobody")
    tmp_path = folder / "home"
    tmp_path.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir(0o500)
    deep = tmp_path / "tree" / "one" / "two"
    deep.mkdir(parents=True)
    (deep / "file").touch()
    (deep / "link").symlink_to(outside)
    for path in (outside, tmp_path, tmp_path / "tree", deep.parent, deep):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    for path in (deep, deep.parent):
        path.chmod(0o000)
    _as_nobody(nobody, lambda: remove_tree(tmp_path / "tree"))
    assert not (tmp_path / "tree").exists()
    assert outside.stat().st_mode & 0o777 == 0o500


def _as_nobody(nobody, action) -> None:
    child = os.fork()
    if not child:
        status = 1
        try:
            os.chdir("/")
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            action()
            status = 0
        finally:
            os._exit(status)
    os.waitpid(child, 0)


def test_a_folder_that_cannot_be_written_is_an_error_with_a_hint(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(OpsError) as failed, open_scratch(tmp_path / "file"):
        pass
    assert "--folder DIR" in failed.value.hint


def test_room_is_asked_for_bytes_and_for_names(tmp_path: Path):
    free = read_free(tmp_path)
    assert free.size_bytes > 0
    refuse_without_room(tmp_path, Room(5, 5), Room(5, 5), formatted="")
    with pytest.raises(OpsError, match="6 B needed, 5 B free"):
        refuse_without_room(tmp_path, Room(6, 5), Room(5, 5), formatted="6 B needed, 5 B free")
    with pytest.raises(OpsError, match="room for 5 more files, the drill makes 6"):
        refuse_without_room(tmp_path, Room(5, 6), Room(5, 5), formatted="")


def test_no_drill_in_a_protected_folder_however_it_is_called(tmp_path: Path):
    source = tmp_path / "source"
    (source / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to(source)
    protected = [Protected(source, "which is backed up")]
    for place in (source, source / "below", tmp_path / "link", tmp_path / "link" / "below"):
        with pytest.raises(UsageError, match="which is backed up"):
            refuse_protected(place, protected)
    refuse_protected(tmp_path, protected)


def test_data_folders_are_recognised_from_within(tmp_path: Path):
    (tmp_path / "pg" / "base").mkdir(parents=True)
    (tmp_path / "pg" / "PG_VERSION").write_text("15\n")
    (tmp_path / "repo" / "keys").mkdir(parents=True)
    (tmp_path / "repo" / "config").touch()
    (tmp_path / "repo" / "data").mkdir()
    assert [each.folder for each in find_data_folders(tmp_path / "pg" / "base")] == [
        tmp_path / "pg"
    ]
    assert [each.folder for each in find_data_folders(tmp_path / "repo" / "data")] == [
        tmp_path / "repo"
    ]
    assert find_data_folders(tmp_path) == []


def test_a_mark_is_locked_as_long_as_the_drill_lives(tmp_path: Path):
    with (
        open_scratch(tmp_path) as scratch,
        open(f"{scratch}.lock") as file,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
