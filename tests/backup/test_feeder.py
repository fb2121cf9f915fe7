"""Chunks and buffers, over a stand-in for the saver that only keeps what it is given."""

import hashlib
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpse_ops.backup.blobsaver import BlobSaver
from lpse_ops.backup.chunker import chunk_lengths
from lpse_ops.backup.feeder import Feeder, ReadInto
from lpse_ops.backup.treebuilder import Folder, PendingFile, TreeBuilder
from lpse_ops.backup.workerpool import Span
from lpse_ops.backup.workmemory import INPUT_BYTES, MAX_SPANS

NOISE = hashlib.shake_256(b"feeder").digest(3 * INPUT_BYTES)


class KeepingSaver(BlobSaver):
    """Two buffers at most are out at a time, as with a real pool of one worker."""

    def __init__(self) -> None:
        self.blobs: dict[bytes, bytes] = {}
        self.submitted: list[list[Span]] = []
        self._buffers: dict[int, bytearray] = {}

    def take_input(self) -> tuple[int, memoryview]:
        assert len(self._buffers) < 2
        number = len(self.submitted) + len(self._buffers)
        self._buffers[number] = bytearray(INPUT_BYTES)
        return number, memoryview(self._buffers[number])

    def submit(
        self, number: int, spans: list[Span], deliver: Callable[[Sequence[bytes]], None]
    ) -> None:
        buffer = self._buffers.pop(number)
        pieces = [bytes(buffer[start : start + length]) for start, length in spans]
        ids = [hashlib.sha256(piece).digest() for piece in pieces]
        self.blobs |= zip(ids, pieces, strict=True)
        self.submitted.append(spans)
        deliver(ids)


class Feeding:
    """A feeder with a folder for its files, and what became of them."""

    def __init__(self) -> None:
        self.saver = KeepingSaver()
        self.feeder = Feeder(self.saver)
        self._builder = TreeBuilder(lambda blob: hashlib.sha256(blob).digest())
        self._folder: Folder = self._builder.open_folder(None, b"", "")
        self._files: list[PendingFile] = []

    def new_file(self) -> PendingFile:
        self._files.append(PendingFile(self._builder, self._folder, b"%d" % len(self._files)))
        return self._files[-1]

    def contents(self) -> list[bytes]:
        self.feeder.flush()
        return [b"".join(self.saver.blobs[each] for each in file.ids) for file in self._files]

    def lengths(self) -> list[list[int]]:
        return [[len(self.saver.blobs[each]) for each in file.ids] for file in self._files]


def reader(content: bytes, piece: int = 1 << 20) -> ReadInto:
    position = 0

    def read_into(buffer: memoryview) -> int:
        nonlocal position
        assert len(buffer) > 0
        part = content[position : position + min(piece, len(buffer))]
        buffer[: len(part)] = part
        position += len(part)
        return len(part)

    return read_into


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.integers(0, len(NOISE)), min_size=1, max_size=3), st.integers(50_000, INPUT_BYTES)
)
def test_streams_are_cut_where_their_content_says_wherever_the_buffers_end(
    sizes: list[int], piece: int
) -> None:
    feeding = Feeding()
    for size in sizes:
        assert feeding.feeder.add_stream(feeding.new_file(), reader(NOISE[:size], piece)) == size
    assert feeding.contents() == [NOISE[:size] for size in sizes]
    expected = [chunk_lengths(memoryview(NOISE)[:size]) for size in sizes]
    assert feeding.lengths() == expected


@pytest.mark.parametrize("size", [INPUT_BYTES - 1, INPUT_BYTES, INPUT_BYTES + 1, 2 * INPUT_BYTES])
def test_a_stream_that_ends_with_a_buffer_loses_nothing(size: int) -> None:
    for content in (bytes(size), NOISE[:size]):
        feeding = Feeding()
        feeding.feeder.add_stream(feeding.new_file(), reader(content))
        assert feeding.contents() == [content]
        assert feeding.lengths() == [chunk_lengths(memoryview(content))]


def test_short_streams_share_a_buffer() -> None:
    feeding = Feeding()
    expected = [bytes([number]) * 1000 for number in range(100)]
    for content in expected:
        feeding.feeder.add_stream(feeding.new_file(), reader(content))
    assert feeding.contents() == expected
    assert len(feeding.saver.submitted) == 1


def test_a_buffer_is_handed_over_before_it_holds_more_blobs_than_it_may() -> None:
    feeding = Feeding()
    for _ in range(MAX_SPANS + 1):
        feeding.feeder.add_stream(feeding.new_file(), reader(b"x"))
    feeding.feeder.flush()
    assert len(feeding.saver.submitted) > 1
    assert max(map(len, feeding.saver.submitted)) <= MAX_SPANS
    assert sum(map(len, feeding.saver.submitted)) == MAX_SPANS + 1


def test_flushing_nothing_is_fine() -> None:
    feeding = Feeding()
    feeding.feeder.flush()
    feeding.feeder.add_stream(feeding.new_file(), reader(b""))
    feeding.feeder.flush()
    feeding.feeder.flush()
    assert feeding.contents() == [b""]


def test_an_error_while_reading_travels_on_and_later_files_are_whole() -> None:
    feeding = Feeding()

    def broken(_: memoryview) -> int:
        raise OSError("input/output error")

    with pytest.raises(OSError, match="input/output"):
        feeding.feeder.add_stream(feeding.new_file(), broken)
    feeding.feeder.add_stream(feeding.new_file(), reader(NOISE[:700_000]))
    assert feeding.contents()[1] == NOISE[:700_000]
