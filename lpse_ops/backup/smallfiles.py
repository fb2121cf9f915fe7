"""Small files, read by the workers themselves: a hundred thousand of them keep every core busy.

The main process only looks at each file (``lstat``) and sends its path; a worker opens it, reads
it into a shared buffer and answers with the hash.  What looks different by then comes back and is
read by ``filereader``, which knows what to do with files that somebody writes to.
"""

import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from lpse_ops.backup import workmemory as wm
from lpse_ops.backup.blobsaver import BlobSaver
from lpse_ops.backup.chunker import MIN_BYTES
from lpse_ops.backup.treebuilder import PendingFile
from lpse_ops.backup.workerpool import Span

# Larger files are cut into chunks, which the main process does.
_MAX_BYTES = MIN_BYTES
_MAX_TIME_NS = (1 << 63) - 1


class SmallFile(NamedTuple):
    """``done`` is called with whether the file has extended attributes, once its id is known."""

    file: PendingFile
    path: bytes
    status: os.stat_result
    done: Callable[[bool], None]
    is_new: bool


def is_small(status: os.stat_result) -> bool:
    """Whether a worker can be asked for the file; not with a time after the year 2262."""
    return status.st_size <= _MAX_BYTES and status.st_mtime_ns <= _MAX_TIME_NS


class SmallFiles:
    """Fills requests; ``retry`` holds the files that the caller must read again."""

    def __init__(self, saver: BlobSaver) -> None:
        self._saver = saver
        self._files: list[SmallFile] = []
        self._request: list[bytes] = []
        self._spans: list[Span] = []
        self._fill = 0
        self._message_bytes = 0
        self.retry: deque[SmallFile] = deque()

    def add(self, small: SmallFile) -> None:
        status, path = small.status, small.path
        size = status.st_size
        item = wm.READ_ITEM.pack(
            size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, len(path)
        )
        # One spare byte at the end: a file that grew must not look whole.
        if (
            self._fill + size >= wm.INPUT_BYTES
            or len(self._files) >= wm.MAX_SPANS
            or self._message_bytes + len(item) + len(path) > wm.MAX_READ_MESSAGE
        ):
            self.flush()
        self._files.append(small)
        self._request += (item, path)
        self._message_bytes += len(item) + len(path)
        self._spans.append((self._fill, size))
        self._fill += size

    def flush(self) -> None:
        """Hand over what was collected."""
        if not self._files:
            return
        files, self._files = self._files, []
        request, self._request = b"".join(self._request), []
        spans, self._spans = self._spans, []
        self._fill = self._message_bytes = 0
        number, _ = self._saver.take_input()

        def deliver(flags: bytes, ids: Sequence[bytes]) -> None:
            for small, flag, blob_id in zip(files, flags, ids, strict=True):
                self._deliver(small, flag, blob_id)

        self._saver.submit_reads(number, request, spans, deliver)

    def _deliver(self, small: SmallFile, flag: int, blob_id: bytes) -> None:
        if flag == wm.READ_AGAIN:
            self.retry.append(small)
            return
        if small.status.st_size:
            small.file.put(small.file.expect_blob(), blob_id)
        small.done(flag == wm.HAS_XATTRS)
