"""What a place must do to hold a repository.

Names are the format's own: ``config``, ``keys/ID``, ``snapshots/ID``, ``index/ID``, ``locks/ID``
and ``data/XX/ID``, the same on a disk, over SFTP and in S3.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple, Protocol

from lpse_ops.backup.crypto import Buffer


class FileKind(StrEnum):
    """The folders of a repository; the value is the folder's name."""

    PACK = "data"
    INDEX = "index"
    SNAPSHOT = "snapshots"
    KEY = "keys"
    LOCK = "locks"


CONFIG = "config"


class StoredFile(NamedTuple):
    """One file of a kind: its id (64 hex digits) and size."""

    id: str
    size_bytes: int


class Backend(Protocol):
    """Stores whole files under names that are never used twice.

    * ``save`` returns only once the file would survive a power cut; a failed or interrupted save
      leaves nothing under the real name.  Saving a name that exists with the same content is fine.
    * ``load`` returns ``length`` bytes from ``offset`` (all when ``length`` is None), never fewer.
    * ``remove`` of a name that is gone is fine.
    * ``files`` lists only well-formed ids of a kind, each where ``file_name`` says; a folder that
      does not exist is empty.
    * Errors: ``StorageError``; a missing file is ``FileMissing``.
    """

    @property
    def location(self) -> str: ...

    def prepare(self) -> None:
        """Lay out what a new repository needs before its first file."""

    def exists(self, name: str) -> bool: ...

    def save(self, name: str, content: Buffer) -> None: ...

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes: ...

    def remove(self, name: str) -> None: ...

    def files(self, kind: FileKind) -> Iterator[StoredFile]: ...

    def remove_junk(self) -> None:
        """Delete what crashes left half-written more than a day ago; never fails."""


def file_name(kind: FileKind, file_id: str) -> str:
    """The name under which a file of a kind is stored."""
    if kind is FileKind.PACK:
        return f"data/{file_id[:2]}/{file_id}"
    return f"{kind}/{file_id}"


def is_file_id(text: str) -> bool:
    """Whether a name is 64 lower-case hex digits; anything else in a folder is ignored."""
    return len(text) == 64 and not text.strip("0123456789abcdef")
