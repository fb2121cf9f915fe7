"""Public keys read without gpg, and gpg's own word on them."""

import subprocess
from pathlib import Path

import pytest

from lpse_ops.agent.openpgp import (
    KeyProblem,
    armored,
    dearmored,
    is_armored,
    read_keys,
    without_key,
)

KEY = Path(__file__).parent / "modules/onhosts/lab-key.asc"
FINGERPRINTS = [
    "6AC96EBE20DCE51E27280F551BF55AF097739675",
    "A2CC770A2959CA12F059024C69955CFD9F2BC246",
]
SYSTEM_KEYS = sorted(Path("/usr/share/keyrings").glob("debian-archive-*.*"))


def test_a_key_and_its_subkey():
    keys = read_keys(KEY.read_bytes())
    assert [key.fingerprint for key in keys] == FINGERPRINTS
    assert [key.is_primary for key in keys] == [True, False]
    assert keys[0].long_id == FINGERPRINTS[0][-16:]


def test_armor_comes_off_and_on_again():
    raw = dearmored(KEY.read_bytes())
    assert not is_armored(raw)
    assert armored(raw) == KEY.read_bytes()


def test_keys_that_follow_each_other_are_one_keyring(tmp_path):
    both = dearmored(KEY.read_bytes() + b"\n" + KEY.read_bytes())
    assert len(read_keys(both)) == 4
    assert without_key(both, FINGERPRINTS[0][-16:]) == b""
    assert without_key(both, "0" * 16) == both


def test_gpg_reads_the_same(tmp_path):
    assert SYSTEM_KEYS
    for path in [*SYSTEM_KEYS, KEY]:
        argv = ["gpg", "--homedir", str(tmp_path), "--show-keys", "--with-colons"]
        argv += ["--with-subkey-fingerprint", str(path)]
        done = subprocess.run(argv, check=True, capture_output=True, text=True)
        theirs = [line.split(":")[9] for line in done.stdout.splitlines() if line[:4] == "fpr:"]
        assert [key.fingerprint for key in read_keys(path.read_bytes())] == theirs


@pytest.mark.parametrize(
    "content",
    [b"<html>not found</html>", b"\x99\x00\xff\x04", b"\x99", b"\xc6\xe1x", b"\xff\xff"],
    ids=["a page", "too short", "a header only", "in parts", "no length"],
)
def test_what_is_no_key_is_a_problem(content):
    with pytest.raises(KeyProblem):
        read_keys(content)


def test_damaged_armor_is_a_problem():
    with pytest.raises(KeyProblem, match="damaged"):
        read_keys(KEY.read_bytes().replace(b"mDME", b"m*ME"))
