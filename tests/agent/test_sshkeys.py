"""Keys of accounts are made by root in folders that are the accounts'."""

import os
import stat
import subprocess

import pytest

from lpse_ops.agent.context import Failed
from lpse_ops.agent.sshkeys import generate_key, key_path

UID, GID = 12345, 23456


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "home"
    path.mkdir()
    os.chown(path, UID, GID)
    return path


def generate(home, **args):
    args = {
        "name": "budi",
        "ssh_key_type": "ed25519",
        "ssh_key_file": None,
        "ssh_key_bits": None,
        "ssh_key_comment": "c",
        "ssh_key_passphrase": None,
        "force": False,
        **args,
    }
    generate_key(args, key_path(args, str(home)), UID, GID)


def looks(path):
    status = path.lstat()
    return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)


@pytest.mark.parametrize("passphrase", [None, "rahasia"])
def test_a_key_and_its_folder_are_the_accounts(home, passphrase):
    generate(home, ssh_key_passphrase=passphrase)
    folder = home / ".ssh"
    assert looks(folder) == (UID, GID, 0o700)
    assert looks(folder / "id_ed25519") == (UID, GID, 0o600)
    assert looks(folder / "id_ed25519.pub") == (UID, GID, 0o644)
    shown = subprocess.run(
        ["ssh-keygen", "-y", "-P", passphrase or "", "-f", folder / "id_ed25519"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert shown.stdout == (folder / "id_ed25519.pub").read_text()
    assert sorted(os.listdir(folder)) == ["id_ed25519", "id_ed25519.pub"]


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_that_is_a_link_is_refused(home, tmp_path, there):
    outside = tmp_path / "etc"
    if there:
        outside.mkdir()
    (home / ".ssh").symlink_to(outside)
    with pytest.raises(Failed, match="is a link or no folder"):
        generate(home)
    assert outside.exists() == there
    assert not there or not list(outside.iterdir())


def test_a_folder_of_somebody_else_is_refused(home):
    (home / ".ssh").mkdir()
    with pytest.raises(Failed, match="does not belong to the account"):
        generate(home)
    assert not list((home / ".ssh").iterdir())


def test_a_path_of_roots_that_the_task_names_is_taken(home, tmp_path):
    generate(home, ssh_key_file=str(tmp_path / "id"))
    assert looks(tmp_path / "id") == (UID, GID, 0o600)


def test_nothing_is_written_through_a_link_that_takes_the_keys_name(home, tmp_path):
    generate(home)
    (home / ".ssh/id_ed25519").unlink()
    (home / ".ssh/id_ed25519").symlink_to(tmp_path / "cron")
    with pytest.raises(Failed, match="is there already, and force is not set"):
        generate(home)
    generate(home, force=True)
    assert not (tmp_path / "cron").exists()
    assert looks(home / ".ssh/id_ed25519") == (UID, GID, 0o600)
