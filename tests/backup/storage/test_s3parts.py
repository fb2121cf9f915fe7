import io
from itertools import pairwise

import pytest

from lpse_ops.backup.storage.s3parts import MULTIPART_BYTES, MemoryBody, plan_parts

MIB = 1 << 20


@pytest.mark.parametrize(
    "size", [1, 16 * MIB, 16 * MIB + 1, MULTIPART_BYTES + 1, 500 * MIB + 7, 200 << 30, 5 << 40]
)
def test_parts_cover_the_content_one_behind_the_other(size: int) -> None:
    parts = plan_parts(size)
    assert len(parts) <= 10_000
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert parts[0].offset == 0
    assert all(a.offset + a.size_bytes == b.offset for a, b in pairwise(parts))
    assert parts[-1].offset + parts[-1].size_bytes == size
    assert all(part.size_bytes >= 16 * MIB for part in parts[:-1])


def test_a_body_is_held_up_only_when_it_is_sent() -> None:
    told: list[int] = []
    body = MemoryBody(memoryview(bytes(MIB)), told.append)
    assert len(body.read(16384)) == MIB
    assert told == []
    sent = body.sent()
    while sent.read(16384):
        pass
    assert sum(told) == MIB
    assert max(told) == 16384


def test_a_body_is_read_in_large_views_however_little_is_asked_for() -> None:
    content = bytes(range(256)) * 8192 + b"end"
    body = MemoryBody(memoryview(content))
    pieces = []
    while piece := body.read(16384):
        pieces.append(piece)
    assert [len(piece) for piece in pieces] == [MIB, MIB, 3]
    assert b"".join(pieces) == content
    assert pieces[0].obj is content


def test_a_body_can_be_sent_again() -> None:
    body = MemoryBody(memoryview(b"abcdef"))
    assert len(body) == 6
    assert (body.read(), body.tell()) == (b"abcdef", 6)
    assert (body.seek(0), body.read(0), body.read(-1)) == (0, b"", b"abcdef")
    assert (body.seek(-2, io.SEEK_END), body.read()) == (4, b"ef")
    assert body.read() == b""
