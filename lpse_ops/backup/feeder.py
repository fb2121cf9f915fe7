"""Cuts streams and large files into chunks and fills input buffers with them.

Several share a buffer; the last, unfinished chunk in a full one moves on to the next.
"""

from collections.abc import Callable, Sequence

from lpse_ops.backup.blobsaver import BlobSaver
from lpse_ops.backup.chunker import MAX_BYTES, chunk_lengths
from lpse_ops.backup.treebuilder import PendingFile
from lpse_ops.backup.workerpool import Span
from lpse_ops.backup.workmemory import MAX_SPANS

# Fills a buffer from its start and says how many bytes; 0 is the end.
ReadInto = Callable[[memoryview], int]


class Feeder:
    def __init__(self, saver: BlobSaver) -> None:
        self._saver = saver
        self._number = -1
        self._view = memoryview(b"")
        self._fill = 0
        self._spans: list[Span] = []
        self._takers: list[tuple[PendingFile, int]] = []

    def add_stream(self, file: PendingFile, read_into: ReadInto) -> int:
        """Read to the end, chunk by chunk; return the number of bytes."""
        total = unfinished = 0
        while True:
            if len(self._view) == self._fill + unfinished or len(self._spans) >= MAX_SPANS // 2:
                self._move_on(unfinished)
            count = read_into(self._view[self._fill + unfinished :])
            total += count
            unfinished += count
            if not count:
                self._cut(file, unfinished, at_end=True)
                return total
            if self._fill + unfinished == len(self._view):
                unfinished = self._cut(file, unfinished, at_end=False)

    def _cut(self, file: PendingFile, size: int, *, at_end: bool) -> int:
        """Add the chunks among the next ``size`` bytes; return how many are left over."""
        lengths = chunk_lengths(self._view[self._fill : self._fill + size])
        left = 0
        if lengths and not at_end and lengths[-1] < MAX_BYTES:
            left = lengths.pop()  # its end is where the buffer ends, not where its content says
        for length in lengths:
            self._add_blob(file, length)
        return left

    def _add_blob(self, file: PendingFile, size: int) -> None:
        self._spans.append((self._fill, size))
        self._takers.append((file, file.expect_blob()))
        self._fill += size

    def _move_on(self, unfinished: int) -> None:
        """Go on in a fresh buffer, with the unfinished chunk at its start."""
        rest = self._view[self._fill : self._fill + unfinished]
        # The old buffer may not be given away before its rest is copied.
        number, view = self._saver.take_input()
        view[:unfinished] = rest
        self.flush()
        self._number, self._view, self._fill = number, view, 0

    def flush(self) -> None:
        """Hand over what was collected."""
        if self._number < 0:
            return
        takers, self._takers = self._takers, []
        spans, self._spans = self._spans, []
        number, self._number = self._number, -1
        self._view, self._fill = memoryview(b""), 0
        self._saver.submit(number, spans, _deliver_to(takers))


def _deliver_to(takers: list[tuple[PendingFile, int]]) -> Callable[[Sequence[bytes]], None]:
    def deliver(ids: Sequence[bytes]) -> None:
        for (file, place), blob_id in zip(takers, ids, strict=True):
            file.put(place, blob_id)

    return deliver
