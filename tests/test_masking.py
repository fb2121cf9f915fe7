import json

import pytest

from lpse_ops.masking import MASK, Masker

KEY = "-----BEGIN KEY-----\nabcdefghijkl\nmn\n-----END KEY-----\n"


@pytest.mark.parametrize(
    ("secrets", "text", "shown"),
    [
        ((), "anything", "anything"),
        (("rahasia",), "user=a password=rahasia;", f"user=a password={MASK};"),
        (("rahasia", "rahasia-2"), "rahasia-2 rahasia", f"{MASK} {MASK}"),
        (("a.c*",), "abc a.c*", f"abc {MASK}"),
        (("yes", "80"), "yes, port 80", "yes, port 80"),
        (("",), "nothing", "nothing"),
        (("  sandi\n",), "sandi", MASK),
        ((KEY,), f"<{KEY}>", f"<{MASK}\n>"),
        ((KEY,), "+abcdefghijkl", f"+{MASK}"),
        ((KEY,), "mn is too short", "mn is too short"),
        (('say "é"',), json.dumps({"x": 'say "é"'}), f'{{"x": "{MASK}"}}'),
        (('say "é"',), json.dumps({"x": 'say "é"'}, ensure_ascii=False), f'{{"x": "{MASK}"}}'),
        ((KEY,), json.dumps([KEY]), f'["{MASK}\\n"]'),
    ],
)
def test_secrets_are_masked_in_every_form(secrets, text, shown):
    assert Masker(lambda: frozenset(secrets))(text) == shown


def test_what_becomes_a_secret_later_is_masked_from_then_on():
    known = [frozenset[str]()]
    mask = Masker(lambda: known[0])
    assert mask("rahasia") == "rahasia"
    known[0] = frozenset({"rahasia"})
    assert mask("rahasia") == MASK
