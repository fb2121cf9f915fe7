import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.indexfile import encode_index, parse_index
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


def test_packs_come_back() -> None:
    assert list(parse_index(VALID, "x")) == PACKS


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
        assert "restic repair index" in damage.value.hint
