"""Small files, read in batches: a hundred thousand of them keep every core busy.

The main process only looks at each file (``lstat``) and sends its path; a worker, or the host
that has the file, reads it, and a worker answers with the hash.  What looks different by then
comes back and is read by ``filereader``, which knows what to do with files that somebody writes to.
"""

import os
import stat
from collections.abc import Callable, Sequence
from typing import NamedTuple

from lpse_ops.backup import workmemory as wm
from lpse_ops.backup.chunker import MIN_BYTES
from lpse_ops.backup.source import Found, SmallReader
from lpse_ops.backup.treebuilder import Folder
from lpse_ops.backup.workerpool import Span

# Larger files are cut into chunks, which the main process does.
_MAX_BYTES = MIN_BYTES
_MAX_TIME_NS = (1 << 63) - 1
_MIN_TIME_NS = -(1 << 63)


class Origin(NamedTuple):
    """Where files come from: the folder that waits for their nodes, and its path with a slash."""

    folder: Folder
    prefix: bytes
    is_new: bool


class Batch(NamedTuple):
    """Files that were read together, each with the folder it lies in."""

    origins: list[Origin]
    found: list[Found]


class SmallFiles:
    """Fills requests; ``finish`` is told of each batch what the workers say of its files.

    Those are a flag of each (``workmemory``), and an id.
    """

    def __init__(
        self, reader: SmallReader, finish: Callable[[Batch, bytes, Sequence[bytes]], None]
    ) -> None:
        self._submit = reader.submit
        self._settle = reader.settle
        self._finish = finish
        self._begin()

    def _begin(self) -> None:
        self._origins: list[Origin] = []
        self._found: list[Found] = []
        self._request: list[bytes] = []
        self._spans: list[Span] = []
        self._fill = 0
        self._message_bytes = 0

    def take(self, origin: Origin, found: Sequence[Found]) -> Sequence[Found]:
        """Read those that are small, some time; return the others.

        Their folder waits for them from now on.  Written for speed: a first backup of many files
        spends much of its time here.
        """
        small = [each for each in found if _is_small(each[1])]
        origin.folder.expect([name for name, _ in small])
        items = [_describe(origin.prefix + name, status) for name, status in small]
        begin = 0
        while begin < len(small):
            end = self._find_room(small, items, begin)
            self._origins += [origin] * (end - begin)
            self._found += small[begin:end]
            self._request += items[begin:end]
            if end < len(small):
                self.flush()
            begin = end
        return [each for each in found if not _is_small(each[1])]

    def _find_room(self, small: Sequence[Found], items: Sequence[bytes], begin: int) -> int:
        """Give spans to as many files as one request holds; return the place behind the last."""
        spans, fill, message_bytes = self._spans, self._fill, self._message_bytes
        for place in range(begin, min(len(small), begin + wm.MAX_SPANS - len(spans))):
            size = small[place][1].st_size
            item_bytes = len(items[place])
            if fill + size > wm.INPUT_BYTES or message_bytes + item_bytes > wm.MAX_READ_MESSAGE:
                break
            spans.append((fill, size))
            fill += size
            message_bytes += item_bytes
            begin = place + 1
        self._fill, self._message_bytes = fill, message_bytes
        return begin

    def flush(self) -> None:
        """Hand over what was collected."""
        if not self._found:
            return
        batch, request, spans = Batch(self._origins, self._found), self._request, self._spans
        self._begin()

        def deliver(flags: bytes, ids: Sequence[bytes]) -> None:
            self._finish(batch, flags, ids)

        self._submit(b"".join(request), spans, deliver)

    def settle(self) -> None:
        """Hand over the rest, until it is with the workers."""
        self.flush()
        self._settle()


def _is_small(status: os.stat_result) -> bool:
    """Whether a request can name the file: not with a time after the year 2262."""
    return (
        status.st_size <= _MAX_BYTES
        and stat.S_ISREG(status.st_mode)
        and _MIN_TIME_NS <= status.st_mtime_ns <= _MAX_TIME_NS
        and _MIN_TIME_NS <= status.st_ctime_ns <= _MAX_TIME_NS
    )


def _describe(path: bytes, status: os.stat_result) -> bytes:
    times = status.st_mtime_ns, status.st_ctime_ns
    return wm.READ_ITEM.pack(status.st_size, status.st_ino, *times, len(path)) + path
