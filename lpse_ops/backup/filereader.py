"""Reads one file, or one stream, into the feeder, and notices when somebody writes to it."""

import os
from dataclasses import dataclass, field
from typing import Protocol

from lpse_ops.backup.feeder import Feeder, ReadInto
from lpse_ops.backup.progress import Progress
from lpse_ops.backup.source import Source, SourceFile, is_same_version
from lpse_ops.backup.treebuilder import PendingFile, TreeBuilder

# A file that changes while it is read is tried this often, then stored as read.
_ATTEMPTS = 3


class Readable(Protocol):
    """A raw stream, a pipe for one: ``readinto`` returns 0 at its end."""

    def readinto(self, buffer: memoryview, /) -> int | None: ...


@dataclass
class ArchiveCounts:
    """restic's summary fields, and what an operator must hear of (paths as bytes)."""

    files_new: int = 0
    files_changed: int = 0
    files_unmodified: int = 0
    total_files_processed: int = 0
    total_bytes_processed: int = 0
    bytes_read: int = 0
    unreadable: list[tuple[bytes, str]] = field(default_factory=list)
    changed_while_read: list[bytes] = field(default_factory=list)

    def count_stored(self, files: int, new: int, size_bytes: int) -> None:
        """Files that are stored afresh; those that are not new have changed."""
        self.files_new += new
        self.files_changed += files - new
        self.total_files_processed += files
        self.total_bytes_processed += size_bytes

    def count_unmodified(self, files: int, size_bytes: int) -> None:
        """Files that are as the parent snapshot has them."""
        self.files_unmodified += files
        self.total_files_processed += files
        self.total_bytes_processed += size_bytes

    def count_unreadable(self, path: bytes, error: OSError) -> None:
        self.unreadable.append((path, error.strerror or str(error)))


class FileReader:
    """``counts`` is told what was read and what changed meanwhile."""

    def __init__(
        self,
        source: Source,
        feeder: Feeder,
        builder: TreeBuilder,
        progress: Progress,
        counts: ArchiveCounts,
    ) -> None:
        self._source = source
        self._feeder = feeder
        self._builder = builder
        self._progress = progress
        self._counts = counts

    def read_stream(self, file: PendingFile, source: Readable) -> int:
        """Feed a stream to its end; return its bytes."""
        return self._feeder.add_stream(
            file, self._counting(lambda buffer: source.readinto(buffer) or 0)
        )

    def read_file(self, file: PendingFile, path: bytes) -> tuple[int, os.stat_result]:
        """Feed a file's content; return its size as read and the status that goes with it."""
        opened = self._source.open_file(path)
        try:
            return self._read(file, opened, path)
        finally:
            opened.close()

    def _read(
        self, file: PendingFile, opened: SourceFile, path: bytes
    ) -> tuple[int, os.stat_result]:
        """Read an open file, again while somebody writes to it."""
        for _ in range(_ATTEMPTS):
            file.restart()
            opened.start()
            size = self._feeder.add_stream(file, self._counting(opened.readinto))
            before, after = opened.finish()
            if size == after.st_size and is_same_version(before, after):
                return size, after
        self._counts.changed_while_read.append(path)
        # With the status from before, the next backup finds the file changed and reads it again.
        return size, before

    def _counting(self, read_into: ReadInto) -> ReadInto:
        def counted(buffer: memoryview) -> int:
            count = read_into(buffer)
            self._progress.advance(count)
            self._counts.bytes_read += count
            # Folders that are complete must not pile up while a large file is read.
            self._builder.save_ready()
            return count

        return counted
