"""Text as Go writes it; the trees of a real restic are compared in ``test_tree.py``."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.gojson import go_quote, go_unquote, json_escape, json_text, quote_name
from tests.backup.hostile import FUZZ

GOLDEN_NAMES = {
    b"A&B.pdf": r"A\u0026B.pdf",
    b"<tag>": r"\u003ctag\u003e",
    b'a"b': r"a\\\"b",
    b"a\\b": r"a\\\\b",
    b"it's": "it's",
    b" two  blanks ": " two  blanks ",
    b"\x07\x08\x0c\n\r\t\x0b": r"\\a\\b\\f\\n\\r\\t\\v",
    b"\x01\x1f\x7f": r"\\x01\\x1f\\x7f",
    b"\xff": r"\\xff",
    b"half \xc3": r"half \\xc3",
    b"\xed\xa0\x80": r"\\xed\\xa0\\x80",
    b"\xf5\x80": r"\\xf5\\x80",
    "\u2028\u2029".encode(): r"\\u2028\\u2029",
    "\u00a0".encode(): r"\\u00a0",
    "\u00ad".encode(): r"\\u00ad",
    "\u202e".encode(): r"\\u202e",
    "\ue000".encode(): r"\\ue000",
    "\U0010ffff".encode(): r"\\U0010ffff",
    "\ufffd".encode(): "\ufffd",
    "é 日本 😀 e\u0301".encode(): "é 日本 😀 e\u0301",
}


@pytest.mark.parametrize(("name", "quoted"), GOLDEN_NAMES.items(), ids=repr)
def test_golden_names(name: bytes, quoted: str) -> None:
    assert quote_name(name) == quoted


@pytest.mark.parametrize("byte", range(256))
def test_every_single_byte_comes_back(byte: int) -> None:
    name = bytes([byte])
    quoted = quote_name(name)
    assert go_unquote(json.loads(f'"{quoted}"')) == name
    is_plain = 0x20 <= byte < 0x7F and byte not in b'"\\<>&'
    assert (quoted == chr(byte)) is is_plain


@FUZZ
@given(st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_any_name_comes_back(name: bytes) -> None:
    quoted = quote_name(name)
    assert quoted.isprintable() or not quoted.isascii()
    assert go_unquote(json.loads(f'"{quoted}"')) == name


@FUZZ
@given(st.binary())
def test_what_is_quoted_stays_the_same_when_quoted_again(name: bytes) -> None:
    assert go_quote(go_unquote(go_quote(name))) == go_quote(name)


@pytest.mark.parametrize(
    ("quoted", "name"),
    [
        (r"\101\000\377", b"A\x00\xff"),
        (r"\x4A\u00e9\U0001F600", "Jé😀".encode()),
        (r"\'\"\\", b"'\"\\"),
        ("é", "é".encode()),
        ("", b""),
    ],
)
def test_every_escape_of_go_is_read(quoted: str, name: bytes) -> None:
    assert go_unquote(quoted) == name


@pytest.mark.parametrize(
    "bad",
    [
        "\\",
        "\\x",
        "\\x1",
        "\\xgg",
        "\\z",
        "\\u12",
        "\\ud800",
        "\\U00110000",
        "\\Uffffffff",
        "\\400",
        "\\8",
        "a\\",
    ],
)
def test_what_go_does_not_know_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=r"escape|code|arg|byte|surrogates"):
        go_unquote(bad)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ('"\\/', r"\"\\/"),
        ("<>&", r"\u003c\u003e\u0026"),
        ("\n\r\t\b\f\x01\x1f", r"\n\r\t\b\f\u0001\u001f"),
        ("\u2028\u2029", r"\u2028\u2029"),
        ("\x7f\u00a0é😀\ufffd", "\x7f\u00a0é😀\ufffd"),
        ("\ud800", r"\ufffd"),
    ],
)
def test_json_escape(text: str, escaped: str) -> None:
    assert json_escape(text) == escaped


def test_bytes_that_are_not_utf8_are_replaced_one_by_one() -> None:
    assert json_text(b"a\xff\xed\xa0\x80") == r'"a\ufffd\ufffd\ufffd\ufffd"'


@FUZZ
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_json_text_is_json(text: str) -> None:
    assert json.loads(json_text(text.encode())) == text
