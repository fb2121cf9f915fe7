import pytest
from spse_steps.masking import (
    make_mask,
    secrets_of_configuration,
    secrets_of_passfile,
    shorten,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("db.pass = rahasia", "db.pass = ********"),
        ("password: 'a b' x", "password: ******** x"),
        ("PGPASSWORD=abc psql", "PGPASSWORD=******** psql"),
        ("postgres://epns:abc@host/db", "postgres://epns:********@host/db"),
        ("the word kunci-utama here", "the word ******** here"),
        ("short abc stays", "short abc stays"),
    ],
)
def test_secrets_do_not_get_through(text, expected):
    assert make_mask(["kunci-utama", "abc"])(text) == expected


def test_without_known_secrets_what_looks_like_one_is_masked():
    assert make_mask([])("secret=x1") == "secret=********"


def test_the_longest_secret_first():
    assert make_mask(["abcd", "abcdef"])("abcdef") == "********"


def test_secrets_of_the_files_of_the_site():
    text = 'db=postgres://epns:sandi%40@h/d\ndb.pass="dua kata"\nhttp.port=9090\n# a=b\n'
    assert secrets_of_configuration(text) >= {"sandi%40", "dua kata"}
    passfile = "# h:1:d:u:no\nh:1:d:u:p\\:w\\\\d\nbroken\n"
    assert secrets_of_passfile(passfile) == {"p:w\\d"}


def test_the_end_of_an_output_is_kept_without_control_characters():
    assert shorten(" a\x1b[31mb\r\nc\td ") == "a?[31mb\nc\td"
    assert shorten("x" * 50 + "end", 10) == "... xxxend"
