"""JSON that is changed in one place, and otherwise keeps its bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.gojson import MALFORMED
from lpse_ops.backup.rawjson import (
    SNAPSHOT_FIELDS,
    TREE_FIELDS,
    encode_raw,
    parse_raw,
    with_field,
)
from lpse_ops.backup.tree import encode_nodes
from tests.backup.hostile import FUZZ, forged
from tests.backup.repositories import file_node, link_node

NASTY = [
    file_node("a&b<c>\u2028\u2029.pdf".encode(), [b"\1" * 32], size=5, user="ä", group="<g>"),
    file_node(b'b\xff\x00\x7f\n"\\'[:1] + b'\xff\x7f\n"\\', size=1),
    link_node(b"c", b"t\xffx & y\x1f\t"),
]


def test_a_tree_as_restic_writes_it_keeps_its_bytes():
    blob = encode_nodes(NASTY)
    assert encode_raw(parse_raw(blob)) + b"\n" == blob


@pytest.mark.parametrize("text", ["\\ufffd", "\ufffd", "\\\\ufffd", "x\\\\\\ufffd\\ufffdy"])
def test_a_replaced_byte_and_the_replacement_character_stay_apart(text):
    blob = f'{{"linktarget":"{text}"}}'.encode()
    assert encode_raw(parse_raw(blob)) == blob


def test_fields_that_nobody_knows_survive():
    text = b'{"nodes":[{"name":"x","new_in_2030":{"b":1,"a":[1.5,null,true]}}],"more":"\\u003c"}'
    assert encode_raw(parse_raw(text)) == text


@pytest.mark.parametrize(
    ("raw", "value", "expected"),
    [
        ({"name": "x", "size": 1, "content": []}, 7, ["name", "size", "content"]),
        ({"name": "x", "size": 1, "content": []}, None, ["name", "content"]),
        ({"name": "x", "content": []}, None, ["name", "content"]),
        ({"name": "x", "gid": 0, "links": 2, "content": []}, 7, ["name", "gid", "size", "links"]),
        ({"name": "x", "unknown": 1}, 7, ["name", "unknown", "size"]),
    ],
)
def test_a_field_is_set_at_its_place(raw, value, expected):
    before = dict(raw)
    changed = with_field(raw, "size", value, TREE_FIELDS)
    assert list(changed)[: len(expected)] == expected
    assert changed.get("size") == value
    assert raw == before


def test_a_snapshot_gets_its_fields_in_order():
    raw = {"time": "t", "tree": "x", "paths": [], "program_version": "p"}
    for name, value in (("original", "o"), ("tags", ["a"]), ("hostname", "h")):
        raw = with_field(raw, name, value, SNAPSHOT_FIELDS)
    wanted = ["time", "tree", "paths", "hostname", "tags", "original", "program_version"]
    assert list(raw) == wanted


def test_half_a_surrogate_becomes_what_go_makes_of_it():
    assert encode_raw(parse_raw(b'{"a":"\\ud800"}')) == b'{"a":"\\ufffd"}'


def test_bytes_that_are_no_utf_8_read_as_in_go():
    assert parse_raw(b'{"a":"\xff\x80"}') == {"a": "\ufffd\ufffd"}


@pytest.mark.parametrize(
    "text", [b"[]", b"1", b'{"a":NaN}', b'{"a":-Infinity}', b"{", b"\xff", b"\xef\xbb\xbf{}"]
)
def test_what_is_no_object_is_refused(text):
    with pytest.raises(MALFORMED):
        parse_raw(text)


@FUZZ
@given(data=st.data())
def test_forged_text_is_refused_or_means_the_same_afterwards(data):
    text = data.draw(forged(encode_nodes(NASTY)))
    try:
        raw = parse_raw(text)
        encoded = encode_raw(raw)
    except MALFORMED:
        return
    if text.isascii() and b"\\ud" not in text.lower() and b"\\uf" not in text.lower():
        assert json.loads(encoded) == raw
