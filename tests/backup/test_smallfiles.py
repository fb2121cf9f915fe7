"""How small files are put together to requests: as many as fit, in order, and none twice."""

import os
import stat
from collections.abc import Sequence
from itertools import chain

import pytest

from lpse_ops.backup import workmemory as wm
from lpse_ops.backup.chunker import MIN_BYTES
from lpse_ops.backup.smallfiles import Batch, Origin, SmallFiles
from lpse_ops.backup.source import DeliverSmall, Found, Span
from lpse_ops.backup.treebuilder import Folder

LONG_AGO = 1_600_000_000_000_000_000
LAST_NS = (1 << 63) - 1


class Requests:
    """A ``SmallReader`` that keeps what it gets, until a test delivers it."""

    def __init__(self) -> None:
        self.requests: list[list[bytes]] = []
        self.messages: list[bytes] = []
        self.spans: list[list[Span]] = []
        self.deliver: list[DeliverSmall] = []
        self.settled = 0

    def submit(self, request: bytes, spans: list[Span], deliver: DeliverSmall) -> None:
        paths, position = [], 0
        while position < len(request):
            length = wm.READ_ITEM.unpack_from(request, position)[-1]
            position += wm.READ_ITEM.size + length
            paths.append(request[position - length : position])
        self.requests.append(paths)
        self.messages.append(request)
        self.spans.append(spans)
        self.deliver.append(deliver)

    def settle(self) -> None:
        self.settled += 1


class Finished:
    """What ``finish`` was told."""

    def __init__(self) -> None:
        self.batches: list[tuple[Batch, bytes, Sequence[bytes]]] = []

    def __call__(self, batch: Batch, flags: bytes, ids: Sequence[bytes]) -> None:
        self.batches.append((batch, flags, ids))


def found(
    name: bytes, size: int = 1, mode: int = stat.S_IFREG, mtime: int = LONG_AGO, ctime: int = 0
) -> Found:
    times = {"st_mtime_ns": mtime, "st_ctime_ns": ctime or LONG_AGO}
    return name, os.stat_result((mode | 0o644, 7, 1, 1, 0, 0, size, 0, 0, 0), times)


def begin(prefix: bytes = b"/d/") -> tuple[SmallFiles, Requests, Origin]:
    reader = Requests()
    origin = Origin(Folder(None, b"d", "", None), prefix, is_new=True)
    return SmallFiles(reader, Finished()), reader, origin


def many(count: int, size: int) -> list[Found]:
    return [found(b"%06d" % i, size) for i in range(count)]


def test_a_request_holds_so_many_files_and_no_more() -> None:
    small, reader, origin = begin()
    files = many(2 * wm.MAX_SPANS + 1, 1)
    assert small.take(origin, files[: wm.MAX_SPANS]) == []
    assert reader.requests == []
    assert small.take(origin, files[wm.MAX_SPANS :]) == []
    small.settle()
    assert [len(each) for each in reader.requests] == [wm.MAX_SPANS, wm.MAX_SPANS, 1]
    asked = list(chain.from_iterable(reader.requests))
    assert asked == [b"/d/" + name for name, _ in files]
    assert origin.folder.waiting == len(files)
    assert reader.settled == 1


def test_a_request_fills_a_buffer_to_its_end() -> None:
    small, reader, origin = begin()
    fit = wm.INPUT_BYTES // MIN_BYTES
    small.take(origin, many(fit + 1, MIN_BYTES))
    small.settle()
    assert [len(each) for each in reader.spans] == [fit, 1]
    assert sum(reader.spans[0][-1]) == wm.INPUT_BYTES
    assert reader.spans[0] == [(i * MIN_BYTES, MIN_BYTES) for i in range(fit)]
    assert reader.spans[1] == [(0, MIN_BYTES)]


@pytest.mark.parametrize("spare", [0, 1])
def test_a_request_is_no_longer_than_a_message(spare: int) -> None:
    path_bytes = 4 * 1024 - wm.READ_ITEM.size - spare
    small, reader, origin = begin(b"/" + b"d" * (path_bytes - 8) + b"/")
    fit = wm.MAX_READ_MESSAGE // (4 * 1024)
    small.take(origin, many(fit, 1))
    assert reader.messages == []
    small.take(origin, many(1, 1))
    small.settle()
    assert [len(each) for each in reader.requests] == [fit, 1]
    assert len(reader.messages[0]) == wm.MAX_READ_MESSAGE - fit * spare


def test_what_a_request_cannot_name_is_given_back() -> None:
    small, reader, origin = begin()
    others = [
        found(b"large", MIN_BYTES + 1),
        found(b"folder", mode=stat.S_IFDIR),
        found(b"link", mode=stat.S_IFLNK),
        found(b"fifo", mode=stat.S_IFIFO),
        found(b"written after 2262", mtime=LAST_NS + 1),
        found(b"changed after 2262", ctime=LAST_NS + 1),
        found(b"written before 1677", mtime=-LAST_NS - 2),
        found(b"changed before 1677", ctime=-LAST_NS - 2),
    ]
    ours = [
        found(b"empty", 0),
        found(b"just small", MIN_BYTES),
        found(b"in 2262", mtime=LAST_NS, ctime=LAST_NS),
        found(b"in 1677", mtime=-LAST_NS - 1, ctime=-LAST_NS - 1),
    ]
    mixed = [ours[0], *others[:3], *ours[1:3], *others[3:], ours[3]]
    assert small.take(origin, mixed) == others
    small.settle()
    assert reader.requests == [[b"/d/" + name for name, _ in ours]]
    assert origin.folder.waiting == len(ours)
    assert list(origin.folder.entries) == [name for name, _ in ours]


def test_nothing_is_asked_where_nothing_is_small() -> None:
    small, reader, origin = begin()
    assert small.take(origin, []) == []
    small.settle()
    assert (reader.requests, reader.settled) == ([], 1)


def test_what_workers_say_of_a_batch_is_told_with_it() -> None:
    reader, finish = Requests(), Finished()
    small = SmallFiles(reader, finish)
    one = Origin(Folder(None, b"a", "", None), b"/a/", is_new=True)
    other = Origin(Folder(None, b"b", "", None), b"/b/", is_new=False)
    small.take(one, [found(b"1"), found(b"2")])
    small.take(other, [found(b"3"), found(b"4")])
    small.settle()
    flags = bytes([wm.READ_AGAIN, wm.PLAIN, wm.HAS_XATTRS, wm.READ_AGAIN])
    ids = [bytes([i]) * 32 for i in range(4)]
    reader.deliver[0](flags, ids)
    batch, told, told_ids = finish.batches[0]
    assert (told, told_ids) == (flags, ids)
    assert batch.origins == [one, one, other, other]
    assert [name for name, _ in batch.found] == [b"1", b"2", b"3", b"4"]
