"""Attributes for everything below a folder, which may be somebody else's."""

import os
import stat
import subprocess
import sys

import pytest

from tests.agent.thishost import run_task

# Puts two things in each other's place, until it is killed.
SWAP = """
import ctypes, os, sys
one, other = map(os.fsencode, sys.argv[1:])
exchange = ctypes.CDLL(None, use_errno=True).renameat2
while True:
    if exchange(-100, one, -100, other, 2):
        raise OSError(ctypes.get_errno(), "renameat2")
"""


@pytest.fixture
def secret(tmp_path):
    """A file outside of the tree."""
    path = tmp_path / "etc/secret"
    path.parent.mkdir()
    path.write_text("")
    path.chmod(0o600)
    return path


@pytest.fixture
def tree(tmp_path, secret):
    """A folder with files, links to the outside and links to nowhere."""
    folder = tmp_path / "home"
    (folder / "d/e").mkdir(parents=True)
    (folder / "d/e/f").write_text("")
    (folder / "to_file").symlink_to(secret)
    (folder / "d/to_folder").symlink_to(secret.parent)
    (folder / "dead").symlink_to("nowhere")
    return folder


def recurse(folder, **args):
    args = {"path": str(folder), "state": "directory", "recurse": True, **args}
    return run_task("file", args, folder)


def test_what_links_lead_to_outside_stays_as_it_is(tree, secret):
    os.utime(secret, (10**9, 10**9))
    result = recurse(tree, owner="12345", mode="u=rwX,go=rX", modification_time="now")
    assert result["changed"]
    assert (tree / "d/e/f").stat().st_uid == 12345
    assert (tree / "to_file").lstat().st_uid == 12345
    status = secret.stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode), status.st_mtime) == (0, 0o600, 10**9)
    assert secret.parent.stat().st_uid == 0
    assert not recurse(tree, owner="12345", mode="u=rwX,go=rX")["changed"]


def test_links_are_followed_if_the_task_says_so(tree, secret):
    recurse(tree, owner="12345", follow=True)
    assert secret.stat().st_uid == 12345
    assert secret.parent.stat().st_uid == 12345


def test_flags_are_set_below(tree):
    recurse(tree / "d/e", attributes="+d")
    shown = subprocess.run(["lsattr", tree / "d/e/f"], check=True, capture_output=True, text=True)
    assert "d" in shown.stdout.split()[0]


def test_errors_say_the_path_that_people_know(tree):
    file = tree / "d/e/f"
    subprocess.run(["chattr", "+i", file], check=True)
    try:
        result = recurse(tree, mode="u=rwX,go=")
    finally:
        subprocess.run(["chattr", "-i", file], check=True)
    assert result["failed"]
    assert result["path"] == str(file)
    assert "/proc/" not in str(result)


def test_a_folder_that_becomes_a_link_on_the_way_is_not_left(tree, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    for number in range(100):
        for folder in (tree / "d/e", outside):
            (folder / str(number)).write_text("")
    link = tree / "d/other"
    link.symlink_to(outside)
    swapper = subprocess.Popen([sys.executable, "-c", SWAP, tree / "d/e", link])
    try:
        while not (tree / "d/e").is_symlink():
            assert swapper.poll() is None
        for turn in range(50):
            recurse(tree, owner=str(12345 + turn), mode=("0755", "0775")[turn % 2])
        assert swapper.poll() is None
    finally:
        swapper.kill()
        swapper.wait()
    assert {path.stat().st_uid for path in outside.iterdir()} == {0}
