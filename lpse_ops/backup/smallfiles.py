"""Small files, read in batches: a hundred thousand of them keep every core busy.

The main process only looks at each file (``lstat``) and sends its path; a worker, or the host
that has the file, reads it, and a worker answers with the hash.  What looks different by then
comes back and is read by ``filereader``, which knows what to do with files that somebody writes to.
"""

import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from lpse_ops.backup import workmemory as wm
from lpse_ops.backup.chunker import MIN_BYTES
from lpse_ops.backup.source import SmallReader
from lpse_ops.backup.treebuilder import Folder
from lpse_ops.backup.workerpool import Span

# Larger files are cut into chunks, which the main process does.
_MAX_BYTES = MIN_BYTES
_MAX_TIME_NS = (1 << 63) - 1
_MIN_TIME_NS = -(1 << 63)


class SmallFile(NamedTuple):
    """A file as it looked, and the folder that waits for its node."""

    folder: Folder
    name: bytes
    path: bytes
    status: os.stat_result
    is_new: bool


def is_small(status: os.stat_result) -> bool:
    """Whether a worker can be asked for the file; not with a time after the year 2262."""
    return status.st_size <= _MAX_BYTES and all(
        _MIN_TIME_NS <= each <= _MAX_TIME_NS for each in (status.st_mtime_ns, status.st_ctime_ns)
    )


class SmallFiles:
    """Fills requests; ``retry`` holds the files that the caller must read again.

    ``finish`` is told each file that was read, what the worker says of it, and its ids.
    """

    def __init__(
        self, reader: SmallReader, finish: Callable[[SmallFile, int, Sequence[bytes]], None]
    ) -> None:
        self._submit = reader.submit
        self._settle = reader.settle
        self._finish = finish
        self._files: list[SmallFile] = []
        self._request: list[bytes] = []
        self._spans: list[Span] = []
        self._fill = 0
        self._message_bytes = 0
        self.retry: deque[SmallFile] = deque()

    def add(self, small: SmallFile) -> None:
        """Read a file, some time; its folder waits for it from now on."""
        status, path = small.status, small.path
        size, length = status.st_size, len(path)
        message_bytes = self._message_bytes + wm.READ_ITEM.size + length
        # One spare byte at the end: a file that grew must not look whole.
        if (
            self._fill + size >= wm.INPUT_BYTES
            or len(self._files) >= wm.MAX_SPANS
            or message_bytes > wm.MAX_READ_MESSAGE
        ):
            self.flush()
            message_bytes = wm.READ_ITEM.size + length
        small.folder.expect(small.name)
        self._files.append(small)
        self._request.append(
            wm.READ_ITEM.pack(size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns, length)
        )
        self._request.append(path)
        self._message_bytes = message_bytes
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

        def deliver(flags: bytes, ids: Sequence[bytes]) -> None:
            for small, flag, blob_id in zip(files, flags, ids, strict=True):
                if flag == wm.READ_AGAIN:
                    self.retry.append(small)
                else:
                    content = (blob_id,) if small.status.st_size else ()
                    self._finish(small, flag, content)

        self._submit(request, spans, deliver)

    def settle(self) -> None:
        """Hand over the rest, until it is with the workers."""
        self.flush()
        self._settle()
