"""Passwords beside what a server keeps of them; the verifier is one that a server made."""

import pytest

from lpse_ops.agent.pgpasswords import fits_scram, is_same, md5_of, prepare

# Of the password "pencil", see RFC 7677, section 3.
PENCIL = (
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)


def test_scram_of_the_rfc():
    assert fits_scram("pencil", PENCIL)
    assert not fits_scram("pensil", PENCIL)
    assert not fits_scram("pencil", PENCIL.replace("wfPL", "wfP="))


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("biasa", "biasa"),
        # RFC 4013, section 3.
        ("I\u00adX", "IX"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        # What nobody may use is used as it is, as the server does.
        ("\u0007", "\u0007"),
        ("\u0627\u0031", "\u0627\u0031"),
        ("", ""),
    ],
)
def test_preparation(text, prepared):
    assert prepare(text) == prepared


@pytest.mark.parametrize(
    ("password", "kept", "same"),
    [
        ("", None, True),
        ("", PENCIL, False),
        ("x", None, False),
        ("pencil", PENCIL, True),
        (PENCIL, PENCIL, True),
        (PENCIL, "md5" + "0" * 32, False),
        ("md5" + "0" * 32, "md5" + "0" * 32, True),
        ("x", md5_of("x", "sari"), False),
    ],
)
def test_the_same(password, kept, same):
    found = is_same(password, kept, "sari", encrypted=True, server_makes="scram-sha-256")
    assert found == same


def test_an_md5_hash_where_the_server_makes_such():
    kept = md5_of("x", "sari")
    assert is_same("x", kept, "sari", encrypted=True, server_makes="md5")
    assert not is_same("y", kept, "sari", encrypted=True, server_makes="md5")
