"""The nodes of small files that workers read.  Written for speed: there may be millions."""

import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from lpse_ops.backup.filereader import ArchiveCounts
from lpse_ops.backup.gojson import quote_name
from lpse_ops.backup.progress import Progress
from lpse_ops.backup.smallfiles import Batch
from lpse_ops.backup.smallnames import Group
from lpse_ops.backup.source import OwnerText
from lpse_ops.backup.treebuilder import Folder, TreeBuilder, render_regular
from lpse_ops.backup.workmemory import HAS_XATTRS, READ_AGAIN, Looked, finish_node


class SmallFile(NamedTuple):
    """A file that has to be read again."""

    folder: Folder
    name: bytes
    path: bytes
    is_new: bool


class SmallNodes:
    """Puts nodes into their folders; ``retry`` holds the files that the caller must read."""

    def __init__(
        self,
        builder: TreeBuilder,
        counts: ArchiveCounts,
        progress: Progress,
        owner_text: OwnerText,
        xattrs_text: Callable[[bytes], str],
    ) -> None:
        self._builder = builder
        self._counts = counts
        self._progress = progress
        self._owner_text = owner_text
        self._xattrs_text = xattrs_text
        self.retry: deque[SmallFile] = deque()

    def finish_batch(self, batch: Batch, flags: bytes, ids: Sequence[bytes]) -> None:
        """Workers found files as the main process had looked, or not."""
        owner_text, child_done = self._owner_text, self._builder.child_done
        files = new = size_bytes = 0
        for origin, each, flag, blob_id in zip(*batch, flags, ids, strict=True):
            folder, prefix, is_new = origin
            name, status = each
            if flag == READ_AGAIN:
                self.retry.append(SmallFile(folder, name, prefix + name, is_new))
                continue
            head = render_regular(quote_name(name), status, owner_text)
            xattrs = self._xattrs_text(prefix + name) if flag == HAS_XATTRS else ""
            size = status.st_size
            folder.entries[name] = finish_node(head, xattrs, size, blob_id)
            child_done(folder)
            files += 1
            new += is_new
            size_bytes += size
        self._count(files, new, size_bytes)

    def finish_looked(self, groups: Sequence[Group], looked: Looked) -> None:
        """Workers looked at the first of some new files, and wrote nodes."""
        start, count = 0, len(looked.flags)
        for folder, path, names in groups:
            end = min(start + len(names), count)
            if any(looked.flags[start:end]):
                self._finish_each(folder, path, names, looked, start)
            else:
                folder.entries.update(zip(names, looked.texts[start:end], strict=False))
                self._builder.child_done(folder, end - start)
            start = end
        read = [
            size
            for flag, size in zip(looked.flags, looked.sizes, strict=True)
            if flag != READ_AGAIN
        ]
        self._count(len(read), len(read), sum(read))

    def _finish_each(
        self, folder: Folder, path: bytes, names: Sequence[bytes], looked: Looked, start: int
    ) -> None:
        end = start + len(names)
        told = zip(names, *(each[start:end] for each in looked), strict=False)
        for name, flag, size, blob_id, text in told:
            file_path = os.path.join(path, name)
            if flag == READ_AGAIN:
                self.retry.append(SmallFile(folder, name, file_path, is_new=True))
                continue
            if flag == HAS_XATTRS:
                text = finish_node(text, self._xattrs_text(file_path), size, blob_id)
            folder.entries[name] = text
            self._builder.child_done(folder)

    def _count(self, files: int, new: int, size_bytes: int) -> None:
        self._progress.advance(size_bytes)
        self._counts.bytes_read += size_bytes
        self._counts.count_stored(files, new, size_bytes)
