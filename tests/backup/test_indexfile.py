import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.indexfile import (
    PackList,
    columns_of_packs,
    encode_index,
    parse_columns,
    parse_index,
)
from lpse_ops.backup.pack import MAX_BLOB_BYTES, BlobType, PackEntry
from lpse_ops.errors import DamagedRepository
from tests.backup.hostile import FUZZ, deeply_nested, forged

PACKS = [
    (
        b"\x11" * 32,
        [
            PackEntry(BlobType.DATA, b"\xaa" * 32, 0, 112, 511),
            PackEntry(BlobType.DATA, b"\xbb" * 32, 112, 33, 0),
        ],
    ),
    (b"\x22" * 32, [PackEntry(BlobType.TREE, b"\xcc" * 32, 0, 50, 200)]),
]
VALID = encode_index(PACKS)


def test_golden() -> None:
    blob = {"id": "aa" * 32, "type": "data", "offset": 0, "length": 112}
    raw = {"id": "bb" * 32, "type": "data", "offset": 112, "length": 33}
    tree = {"id": "cc" * 32, "type": "tree", "offset": 0, "length": 50}
    packs = [
        {"id": "11" * 32, "blobs": [{**blob, "uncompressed_length": 511}, raw]},
        {"id": "22" * 32, "blobs": [{**tree, "uncompressed_length": 200}]},
    ]
    assert json.dumps({"packs": packs}, separators=(",", ":")).encode() + b"\n" == VALID


# A value that JSON does not have and msgspec refuses: ``json`` takes it, as a field unknown to us.
SLOW = b'{"odd":NaN,'


def the_slow_way(content: bytes) -> bytes:
    """The same index in a form that only the second decoder reads."""
    return content.replace(b"{", SLOW, 1)


def test_packs_come_back() -> None:
    for content in (VALID, the_slow_way(VALID)):
        assert list(parse_index(content, "x")) == PACKS
        columns = parse_columns(content, "x")
        assert columns == columns_of_packs(PACKS)
        assert list(columns.pack_lists()) == PACKS
        for _, entries in parse_index(content, "x"):
            assert {type(entry) for entry in entries} == {PackEntry}
            assert {type(entry.type) for entry in entries} == {BlobType}


def test_columns_have_a_row_for_each_blob() -> None:
    columns = parse_columns(VALID, "x")
    assert columns.packs == [(b"\x11" * 32, 2), (b"\x22" * 32, 1)]
    assert columns.ids == b"\xaa" * 32 + b"\xbb" * 32 + b"\xcc" * 32
    assert list(columns.kinds) == [BlobType.DATA, BlobType.DATA, BlobType.TREE]
    assert [list(each) for each in columns[3:]] == [[0, 112, 0], [112, 33, 50], [511, 0, 200]]


@FUZZ
@given(forged(VALID))
def test_both_decoders_and_both_forms_read_the_same(content: bytes) -> None:
    found: list[object] = []
    for each in (content, the_slow_way(content)):
        packs: list[PackList] | None = None
        with contextlib.suppress(DamagedRepository):
            packs = list(parse_index(each, "x"))
        found.append(packs)
        if packs is None:
            with pytest.raises(DamagedRepository):
                parse_columns(each, "x")
        else:
            assert list(parse_columns(each, "x").pack_lists()) == packs
    # Bytes that are not UTF-8, in a field that is unknown, are passed over by the first, as by Go.
    assert found[0] == found[1] or not (content.startswith(b"{") and is_utf8(content))


def is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ({"id": "AA" * 32}, b"\xaa" * 32),
        ({"id": " " + "aa" * 32}, b"\xaa" * 32),
        ({"id": "aa" * 31 + "  aa"}, b"\xaa" * 32),
        ({"id": "aa" * 31 + "  "}, None),
        ({"id": "aa" * 31 + "zz"}, None),
        ({"id": "aa" * 33}, None),
        ({"id": "é" * 64}, None),
        ({"type": "TREE"}, None),
        ({"length": 31}, None),
        ({"length": True}, None),
        ({"offset": 1.0}, None),
        ({"uncompressed_length": None}, None),
    ],
    ids=repr,
)
def test_odd_blobs_are_read_or_damage(stored: dict[str, Any], read: bytes | None) -> None:
    document = json.loads(VALID)
    document["packs"][0]["blobs"][0] |= stored
    for content in (json.dumps(document).encode(), the_slow_way(json.dumps(document).encode())):
        if read is None:
            with pytest.raises(DamagedRepository, match="index file x cannot be read"):
                parse_columns(content, "x")
        else:
            assert parse_columns(content, "x").ids[:32] == read


def test_unknown_fields_and_empty_lists_are_passed_over() -> None:
    more = json.loads(VALID) | {"supersedes": ["x"], "packs_to_delete": []}
    more["packs"][0] |= {"time": "x", "blobs": None}
    content = json.dumps(more).encode()
    assert list(parse_index(content, "x")) == [(b"\x11" * 32, []), PACKS[1]]
    assert list(parse_index(b'{"packs":null}', "x")) == []


@FUZZ
@given(forged(VALID))
def test_a_forged_index_is_damage_or_possible(content: bytes) -> None:
    with contextlib.suppress(DamagedRepository):
        for pack_id, entries in parse_index(content, "x"):
            assert len(pack_id) == 32
            for entry in entries:
                assert len(entry.id) == 32
                assert 32 <= entry.length <= MAX_BLOB_BYTES
                assert 0 <= entry.uncompressed_length <= MAX_BLOB_BYTES
                assert 0 <= entry.offset < 1 << 32


@FUZZ
@given(
    st.sampled_from(["offset", "length", "uncompressed_length"]), st.integers(-(1 << 70), 1 << 70)
)
def test_numbers_out_of_range_are_damage(field: str, number: int) -> None:
    document = json.loads(VALID)
    document["packs"][0]["blobs"][0][field] = number
    is_possible = {
        "offset": 0 <= number < 1 << 32,
        "length": 32 <= number <= MAX_BLOB_BYTES,
        "uncompressed_length": 0 <= number <= MAX_BLOB_BYTES,
    }[field]
    content = json.dumps(document).encode()
    with contextlib.nullcontext() if is_possible else pytest.raises(DamagedRepository):
        list(parse_index(content, "x"))


def test_deep_nesting_is_damage() -> None:
    for content in (deeply_nested(), b'{"packs":' + deeply_nested()):
        with pytest.raises(
            DamagedRepository, match="index file 0123456789 cannot be read"
        ) as damage:
            list(parse_index(content, "0123456789abcdef"))
        with pytest.raises(DamagedRepository):
            parse_columns(content, "0123456789abcdef")
        assert "lpse-ops backup repair index" in damage.value.hint
