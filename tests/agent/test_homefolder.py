import os
import stat
from pathlib import Path

import pytest

from lpse_ops.agent.homefolder import make_home, read_umask


@pytest.mark.parametrize(
    ("text", "umask"),
    [
        ("UMASK\t027\n", "027"),
        ("UMASK 022\nHOME_MODE 0750\n", "27"),
        ("# UMASK 077\n", "022"),
        ("", "022"),
    ],
)
def test_the_umask_of_new_homes(tmp_path, text, umask):
    (tmp_path / "login.defs").write_text(text)
    assert read_umask(str(tmp_path / "login.defs")) == umask


def test_a_home_has_the_skeleton_and_belongs_to_its_account(tmp_path: Path):
    skeleton = tmp_path / "skel"
    (skeleton / ".config").mkdir(parents=True)
    (skeleton / ".bashrc").write_text("echo\n")
    (skeleton / "link").symlink_to("/etc/passwd")
    before = os.stat("/etc/passwd")
    owner = (54321, 54322) if os.geteuid() == 0 else (os.getuid(), os.getgid())
    home = tmp_path / "srv/homes/sari"
    make_home(str(home), *owner, skeleton=str(skeleton), umask="027")
    assert stat.S_IMODE(home.stat().st_mode) == 0o750
    for path in (home, home / ".config", home / ".bashrc", home / "link"):
        assert (path.lstat().st_uid, path.lstat().st_gid) == owner
    assert (home / ".bashrc").read_text() == "echo\n"
    # What a link leads to is not handed over.
    assert (os.stat("/etc/passwd").st_uid, home.parent.stat().st_uid) == (
        before.st_uid,
        os.getuid(),
    )


def test_a_home_without_a_skeleton(tmp_path: Path):
    make_home(str(tmp_path / "a/b"), os.getuid(), os.getgid(), skeleton="/nowhere", umask="077")
    assert stat.S_IMODE((tmp_path / "a/b").stat().st_mode) == 0o700
