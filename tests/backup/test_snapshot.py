import contextlib
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given

from lpse_ops.backup.snapshot import Snapshot, encode_snapshot, parse_snapshot
from lpse_ops.errors import DamagedRepository
from tests.backup.hostile import FUZZ, deeply_nested, forged

WIB = timezone(timedelta(hours=7))
ID = "5e" * 32
FULL = Snapshot(
    time=datetime(2026, 3, 9, 23, 30, 0, 250_000, WIB),
    tree=bytes(range(32)),
    paths=("/lpse-ops", "/srv/spse & co"),
    hostname="lpse-contoh",
    username="root",
    uid=1000,
    gid=100,
    excludes=("*.tmp",),
    tags=("daily", "é"),
    parent="aa" * 32,
    original="bb" * 32,
    program_version="lpse-ops 0.1",
    summary={"files_new": 3, "data_added": 0},
    id=ID,
)
VALID = encode_snapshot(FULL)


def test_golden_in_the_field_order_of_restic() -> None:
    expected = {
        "time": "2026-03-09T23:30:00.25+07:00",
        "parent": "aa" * 32,
        "tree": bytes(range(32)).hex(),
        "paths": ["/lpse-ops", "/srv/spse & co"],
        "hostname": "lpse-contoh",
        "username": "root",
        "uid": 1000,
        "gid": 100,
        "excludes": ["*.tmp"],
        "tags": ["daily", "é"],
        "original": "bb" * 32,
        "program_version": "lpse-ops 0.1",
        "summary": {"files_new": 3, "data_added": 0},
    }
    assert json.dumps(expected, ensure_ascii=False, separators=(",", ":")).encode() == VALID


def test_what_is_empty_is_left_out_but_never_the_paths() -> None:
    content = encode_snapshot(Snapshot(FULL.time, FULL.tree, ()))
    assert list(json.loads(content)) == ["time", "tree", "paths"]
    assert json.loads(content)["paths"] == []


def test_a_snapshot_comes_back() -> None:
    assert parse_snapshot(VALID, ID) == FULL
    assert parse_snapshot(VALID, ID).short_id == "5e5e5e5e"


def test_the_offset_that_decides_the_day_comes_back() -> None:
    assert parse_snapshot(VALID, ID).time.date().isoformat() == "2026-03-09"


def test_a_path_that_is_not_utf8_is_written_as_restic_does() -> None:
    content = encode_snapshot(Snapshot(FULL.time, FULL.tree, ("/a\udcff\udcfe",)))
    assert parse_snapshot(content, ID).paths == ("/a\ufffd\ufffd",)


def test_nulls_of_other_writers_are_empty() -> None:
    raw = {**json.loads(VALID), "tags": None, "paths": None, "parent": None, "summary": None}
    found = parse_snapshot(json.dumps(raw).encode(), ID)
    assert (found.tags, found.paths, found.parent, found.summary) == ((), (), "", {})


@FUZZ
@given(forged(VALID))
def test_a_forged_snapshot_is_damage_or_possible(content: bytes) -> None:
    with contextlib.suppress(DamagedRepository):
        found = parse_snapshot(content, ID)
        assert len(found.tree) == 32
        assert found.time.utcoffset() is not None
        encode_snapshot(found)


@pytest.mark.parametrize(
    "change",
    [
        {"tree": None},
        {"tree": "aa"},
        {"time": "2026-03-09"},
        {"uid": float("inf")},
        {"gid": "x"},
        {"summary": [1]},
        {"paths": 5},
    ],
    ids=repr,
)
def test_a_snapshot_that_stock_restic_could_not_read_is_damage(change: dict[str, Any]) -> None:
    with pytest.raises(DamagedRepository, match="snapshot 5e5e5e5e cannot be read"):
        parse_snapshot(json.dumps({**json.loads(VALID), **change}).encode(), ID)


def test_a_missing_tree_and_deep_nesting_are_damage() -> None:
    for content in (b"{}", b"[]", b'{"time":"2026-01-01T00:00:00Z"}', deeply_nested()):
        with pytest.raises(DamagedRepository):
            parse_snapshot(content, ID)
