"""What a backup asks of the file system that it stores: this machine's, or that of another one.

Paths are bytes: a name may hold any byte but ``/`` and NUL.  What is wrong with one path is an
``OSError``; everything else ends the backup.
"""

import os
import stat
from collections.abc import Callable, Sequence, Set
from typing import Protocol

from lpse_ops.backup.node import XAttrs

# Start and length in an input buffer.
Span = tuple[int, int]
# An entry of a folder, as it looked.
Found = tuple[bytes, os.stat_result]
# What tells a folder from another one in its place: device and inode.
Identity = tuple[int, int]
# Owner fields of a node, from the numbers of user and group.
OwnerText = Callable[[int, int], str]
# Told what became of each file of a batch (``workmemory``), and the ids of those that were read.
DeliverSmall = Callable[[bytes, Sequence[bytes]], None]


class BatchSaver(Protocol):
    """What brings a batch to the workers: ``BlobSaver``, whose words these are."""

    def take_input(self) -> tuple[int, memoryview]: ...

    def submit(
        self, number: int, spans: list[Span], deliver: Callable[[Sequence[bytes]], None]
    ) -> None: ...

    def submit_reads(
        self, number: int, request: bytes, spans: list[Span], deliver: DeliverSmall
    ) -> None: ...


class SourceFile(Protocol):
    """A file that is read, perhaps more than once; to be closed."""

    def start(self) -> None:
        """Go to the beginning, at a time from which on every change would show."""
        ...

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill a buffer from its start and say how many bytes; 0 is the end."""
        ...

    def finish(self) -> tuple[os.stat_result, os.stat_result]:
        """The file's status before and after it was read to its end."""
        ...

    def close(self) -> None: ...


class SmallReader(Protocol):
    """Brings batches of small files to the workers."""

    def submit(self, request: bytes, spans: list[Span], deliver: DeliverSmall) -> None:
        """Read the files of a request, each into its span; ``deliver`` is called later."""
        ...

    def settle(self) -> None:
        """Until the workers have all that was submitted."""
        ...


class Source(Protocol):
    """A file system; for one thread."""

    def begin_walk(self, rejects: Callable[[bytes], bool], *, one_file_system: bool) -> None:
        """Hear which folders will not be asked for; nothing else follows from it."""
        ...

    def exists(self, path: bytes) -> bool: ...

    def lstat(self, path: bytes) -> os.stat_result: ...

    def stat_folder(self, path: bytes) -> os.stat_result:
        """Status of a folder, through links; ``NotADirectoryError`` for anything else."""
        ...

    def list_names(self, path: bytes) -> list[bytes]:
        """The names in a folder in the order of the format: by their bytes."""
        ...

    def list_plain(self, path: bytes) -> tuple[list[bytes], Set[bytes]]:
        """The same, and those of them that workers may read by name: of regular files, or none."""
        ...

    def identify(self, path: bytes) -> Identity | None:
        """Which folder is at a path; None where there is none, or where nobody asks."""
        ...

    def look_at(self, folder: bytes, names: Sequence[bytes]) -> "list[os.stat_result | OSError]":
        """The status of each entry of a folder, or why there is none; links are not followed."""
        ...

    def has_mark(self, folder: bytes, name: bytes, header: bytes) -> bool:
        """Whether a folder holds a file that begins so; what cannot be read is none."""
        ...

    def read_xattrs(self, path: bytes) -> XAttrs:
        """Extended attributes, ACLs among them, in the order the file system lists them."""
        ...

    def read_link(self, path: bytes) -> bytes: ...

    def owner_text(self, uid: int, gid: int, /) -> str:
        """Owner fields of a node, with the names that the machine knows for them."""
        ...

    @property
    def files_ahead(self) -> int:
        """How many files may be expected before the first of them is opened."""
        ...

    def expect_file(self, path: bytes) -> None:
        """Hear that a file will be opened soon."""
        ...

    def open_file(self, path: bytes) -> SourceFile: ...

    def small_reader(self, saver: BatchSaver) -> SmallReader: ...


def is_same_version(before: os.stat_result, after: os.stat_result) -> bool:
    """Whether a file looks untouched between two looks."""
    return (
        before.st_ino == after.st_ino
        and before.st_size == after.st_size
        and before.st_mtime_ns == after.st_mtime_ns
        and before.st_ctime_ns == after.st_ctime_ns
    )


def is_folder(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode)
