"""The record of a disk: what we wrote is read, what anybody else wrote is refused."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.backup.diskrecord import (
    NAME,
    DiskRecord,
    RecordUnusable,
    encode_record,
    load_record,
    parse_record,
)

RECORD = DiskRecord(
    name="disk-a",
    uuid="1b2c-0001",
    made=datetime(2026, 3, 4, 12, 0, tzinfo=UTC),
    label="Disk A (mérah)",
    repository_id="4f0c" * 16,
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "lpse").mkdir()
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("record", [RECORD, DiskRecord("a", "b", RECORD.made)], ids=["all", "few"])
def test_what_was_written_is_read(record: DiskRecord) -> None:
    assert parse_record(encode_record(record)) == record


def changed(**fields: Any) -> bytes:
    return json.dumps({**json.loads(encode_record(RECORD)), **fields}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"schema": "lpse-ops/disk/1"}',
        changed(schema="lpse-ops/disk/2"),
        changed(name=5),
        changed(name=""),
        changed(name="a\x1b[2J"),
        changed(name="a" * 501),
        changed(uuid=None),
        changed(label=["a"]),
        changed(repository_id="4f0c"),
        changed(repository_id=7),
        changed(made="2026-03-04T12:00:00"),
        changed(made="yesterday"),
    ],
)
def test_a_record_of_somebody_else_is_refused(content: bytes) -> None:
    with pytest.raises(RecordUnusable) as refused:
        parse_record(content)
    assert "lpse-ops backup disk init" in refused.value.hint


def test_a_disk_without_a_record(folder: int, tmp_path: Path) -> None:
    assert load_record(folder) is None
    (tmp_path / "lpse").rmdir()
    assert load_record(folder) is None


def test_a_record_is_loaded(folder: int, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(encode_record(RECORD))
    assert load_record(folder) == RECORD


def test_neither_a_link_nor_a_fifo_nor_a_huge_file_is_followed_waited_for_or_read(
    folder: int, tmp_path: Path
) -> None:
    place = tmp_path / NAME
    (tmp_path / "elsewhere").write_bytes(encode_record(RECORD))
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecordUnusable):
        load_record(folder)
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(RecordUnusable):
        load_record(folder)
    place.unlink()
    place.write_bytes(b" " * (1 << 20) + encode_record(RECORD))
    with pytest.raises(RecordUnusable):
        load_record(folder)
