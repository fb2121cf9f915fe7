"""Small files in one batch, and the moment from which on a change would show."""

import os
import struct
from pathlib import Path

import pytest

from lpse_ops.agent.backupreads import Expected, outlast_tick, parse_items, read_batch, read_start


def expected(path: Path) -> Expected:
    status = path.lstat()
    return Expected(status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)


def test_what_looks_different_is_left_out(tmp_path: Path):
    paths = [tmp_path / str(number) for number in range(8)]
    for path in paths:
        path.write_bytes(path.name.encode() * 3)
    os.setxattr(paths[1], "user.x", b"y")
    items = [(os.fsencode(path), expected(path)) for path in paths]
    paths[2].write_bytes(b"longer than it was")
    paths[3].write_bytes(b"")
    paths[4].unlink()
    paths[5].unlink()
    paths[5].symlink_to(paths[0])
    os.utime(paths[6], (1, 1))
    batch = read_batch(items)
    assert batch.flags == "01222220"
    assert bytes(batch.content) == b"000111777"
    assert batch.xattrs.startswith(struct.pack(">HHH", 1, 1, 6) + b"user.x")


def test_a_request_is_taken_apart():
    item = struct.pack("<IQqqH", 5, 6, -7, 8, 2)
    assert parse_items((item + b"/a") * 2) == [(b"/a", Expected(5, 6, -7, 8))] * 2


def test_a_batch_that_is_too_large_is_refused():
    with pytest.raises(ValueError, match="a batch of"):
        read_batch([(b"/a", Expected(1 << 30, 0, 0, 0))])


def test_the_start_of_a_file_and_of_a_fifo_that_nobody_writes_to(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"header and more")
    os.mkfifo(tmp_path / "fifo")
    assert read_start(os.fsencode(tmp_path / "file"), 6) == b"header"
    assert read_start(os.fsencode(tmp_path / "fifo"), 6) == b""


@pytest.mark.parametrize(
    ("age_ms", "waited_ms"), [(0, [20]), (5, [15]), (21, []), (100_000, []), (-1, [])]
)
def test_a_file_that_changed_this_moment_is_waited_for(age_ms: int, waited_ms: list[int]):
    slept: list[float] = []
    outlast_tick(10**18, lambda: 1e9 + age_ms / 1000, slept.append)
    assert [round(each * 1000) for each in slept] == waited_ms
