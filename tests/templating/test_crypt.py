"""The C library of the machine, through Perl's ``crypt``, must agree with us."""

import subprocess

import pytest

from lpse_ops.templating.crypt import sha256_crypt, sha512_crypt

_SETTINGS = {5: sha256_crypt, 6: sha512_crypt}


def library_crypt(password: str, setting: str) -> str:
    program = "print crypt($ARGV[0], $ARGV[1])"
    argv = ["perl", "-e", program, password, setting]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("ident", [5, 6])
@pytest.mark.parametrize("password", ["x", "p4ss wörd", "a" * 100])
@pytest.mark.parametrize(("salt", "rounds"), [("a", None), ("0./3456789abcdef", 1234)])
def test_the_hash_is_that_of_the_c_library(ident, password, salt, rounds):
    ours = _SETTINGS[ident](password.encode(), salt, rounds)
    spoken = f"rounds={rounds}$" if rounds else ""
    assert ours == library_crypt(password, f"${ident}${spoken}{salt}$")


def test_salt_and_rounds_are_kept_within_their_limits():
    # A vector of https://akkadia.org/drepper/SHA-crypt.txt
    assert sha512_crypt(b"the minimum number is still observed", "roundstoolow", 10) == (
        "$6$rounds=1000$roundstoolow$kUMsbe306n21p9R.FRkW3IGn.S9NPN0x50YhH1xhLsPuWGsUSklZt58jaTfF4ZEQpy"
        "UNGc0dqbpBYYBaHHrsX."
    )
    assert sha256_crypt(b"x", "a" * 20).startswith(f"$5${'a' * 16}$")
