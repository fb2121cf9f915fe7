"""Modes are set on the file that was looked at, whoever moves files in its folder meanwhile."""

import os
import stat
import subprocess
import sys

import pytest

from lpse_ops.agent.context import Context
from lpse_ops.agent.fileattributes import apply_file_arguments

# Puts two things in each other's place, until it is killed.
SWAP = """
import ctypes, os, sys
one, other = map(os.fsencode, sys.argv[1:])
exchange = ctypes.CDLL(None, use_errno=True).renameat2
while True:
    if exchange(-100, one, -100, other, 2):
        raise OSError(ctypes.get_errno(), "renameat2")
"""


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text("")
    path.chmod(0o600)
    return path


def test_a_link_that_takes_the_place_of_a_file_is_not_followed(tmp_path, secret):
    path = tmp_path / "f"
    path.write_text("")
    link = tmp_path / "l"
    link.symlink_to(secret)
    swapper = subprocess.Popen([sys.executable, "-c", SWAP, path, link])
    try:
        while not path.is_symlink():
            assert swapper.poll() is None
        for turn in range(10000):
            apply_file_arguments(str(path), {"mode": ("0644", "0640")[turn % 2]}, Context())
        assert swapper.poll() is None
    finally:
        swapper.kill()
        swapper.wait()
    assert mode_of(secret) == 0o600


def test_a_link_has_no_mode(tmp_path, secret):
    link = tmp_path / "l"
    link.symlink_to(secret)
    assert not apply_file_arguments(str(link), {"mode": "0644"}, Context())
    assert mode_of(secret) == 0o600


def test_a_mode_can_be_set_on_what_cannot_be_read(tmp_path):
    """A pipe that nobody writes to would hold up whoever opens it."""
    os.mkfifo(tmp_path / "pipe", 0o200)
    assert apply_file_arguments(str(tmp_path / "pipe"), {"mode": "0640"}, Context())
    assert mode_of(tmp_path / "pipe") == 0o640
