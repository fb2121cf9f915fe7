"""The bytes of a value are decided by the value: RFC 8785's own examples, and what it forbids."""

import pytest

from lpse_ops.canonicaljson import encode_canonical, parse_canonical


def test_keys_are_ordered_by_their_utf16_units():
    # RFC 8785, section 3.2.3: U+1F600 is a surrogate pair, which comes before U+FB33.
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    ordered = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(parse_canonical(encode_canonical(dict.fromkeys(keys, 0)))) == ordered


def test_strings_are_escaped_as_little_as_the_rfc_says():
    # RFC 8785, section 3.2.2.2.
    text = '\u20ac$\x0f\nA\'B"\\\\"/\x7f'
    assert encode_canonical(text) == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f"'.encode()


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ({"b": [1, None, True], "a": {}}, b'{"a":{},"b":[1,null,true]}'),
        ((), b"[]"),
        (2**53 - 1, b"9007199254740991"),
        (-0, b"0"),
    ],
    ids=["mapping", "tuple", "largest", "zero"],
)
def test_values(value, encoded):
    assert encode_canonical(value) == encoded


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (1.0, "float has no place"),
        (2**53, "too many"),
        ({1: 2}, "not text"),
        ("\udc80", "lone surrogate"),
        (b"x", "bytes has no place"),
    ],
    ids=["float", "number", "key", "surrogate", "bytes"],
)
def test_what_has_no_canonical_form_is_refused(value, why):
    with pytest.raises(ValueError, match=why):
        encode_canonical(value)


def test_endless_nesting_is_refused():
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(ValueError, match="too deep"):
        encode_canonical(nested)
    with pytest.raises(ValueError, match="too deep"):
        parse_canonical(b"[" * 100_000)


@pytest.mark.parametrize(
    "content",
    [b'{"a":1,"a":1}', b'{"a": 1}', b'{"b":1,"a":1}', b"1.0", b"1e3", b'"\\u0041"', b"{", b"\xff"],
    ids=["double", "space", "order", "float", "exponent", "escape", "cut", "not-utf8"],
)
def test_other_bytes_for_a_value_are_refused(content):
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own words vary
        parse_canonical(content)
