"""Keyrings of apt as files: added to, taken from, and refused."""

import shutil
import subprocess
from pathlib import Path

import pytest

from lpse_ops.agent.aptkeyrings import Keyrings
from lpse_ops.agent.context import Failed
from lpse_ops.agent.openpgp import is_armored, read_keys

KEY = (Path(__file__).parent / "modules/onhosts/lab-key.asc").read_bytes()
LONG_ID = "1BF55AF097739675"
OTHER = next(iter(sorted(Path("/usr/share/keyrings").glob("debian-archive-*stable*"))))


@pytest.fixture
def keyrings(tmp_path):
    (tmp_path / "trusted.gpg.d").mkdir()
    return Keyrings(folder=str(tmp_path))


def ids(keyrings):
    return [key.long_id for key in keyrings.read() if key.is_primary]


def test_a_key_is_added_to_what_is_there_and_taken_out_again(keyrings, tmp_path):
    keyrings.add(OTHER.read_bytes())
    others = ids(keyrings)
    keyrings.add(KEY)
    assert ids(keyrings) == [*others, LONG_ID]
    assert (tmp_path / "trusted.gpg").stat().st_mode & 0o777 == 0o644
    keyrings.remove(LONG_ID)
    assert ids(keyrings) == others


def test_a_keyring_without_keys_goes_away(keyrings, tmp_path):
    keyrings.add(KEY)
    keyrings.remove(LONG_ID)
    assert not (tmp_path / "trusted.gpg").exists()


def test_a_keyring_that_is_a_link_becomes_a_file(keyrings, tmp_path):
    package = tmp_path / "package.asc"
    package.write_bytes(KEY + OTHER.read_bytes() if is_armored(OTHER.read_bytes()) else KEY)
    (tmp_path / "trusted.gpg.d/a.asc").symlink_to(package)
    keyrings.remove(LONG_ID)
    assert LONG_ID not in ids(keyrings)
    assert LONG_ID in {key.long_id for key in read_keys(package.read_bytes())}


def test_gpg_reads_what_is_left_of_a_text(keyrings, tmp_path):
    path = tmp_path / "trusted.gpg.d/a.asc"
    Keyrings(str(path)).add(KEY)
    Keyrings(str(path)).add(OTHER.read_bytes())
    keyrings.remove(LONG_ID)
    assert is_armored(path.read_bytes())
    argv = ["gpg", "--homedir", str(tmp_path), "--show-keys", "--with-colons", str(path)]
    shown = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    assert LONG_ID not in shown
    assert ids(keyrings)[0] in shown


def test_a_keybox_is_refused_with_what_to_type(tmp_path):
    shutil.copy(OTHER, tmp_path / "trusted.gpg")
    (tmp_path / "trusted.gpg").write_bytes(b"\0\0\0\x20\1\1\0\0KBXf" + b"\0" * 20)
    with pytest.raises(Failed, match=r"--export >NEW"):
        Keyrings(folder=str(tmp_path)).read()
