"""Restores small files by the batch, in worker processes and in the main one.

A small file costs some twenty microseconds of Python in more than one place, and Python runs on one
core.  What is not plain (another copy of a damaged blob, a failed system call) goes back to the
caller, who restores it the long way and says what is wrong.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from lpse_ops.backup.blobindex import Location
from lpse_ops.backup.node import Node
from lpse_ops.backup.progress import Progress
from lpse_ops.backup.readpool import Answered, ReadPool
from lpse_ops.backup.readworker import MAX_MESSAGE
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.restorebatch import (
    Batch,
    Outcome,
    SmallFile,
    decode_outcome,
    restoring_handler,
)
from lpse_ops.backup.restorefolders import Folder
from lpse_ops.backup.restorelinks import inode_key
from lpse_ops.backup.restorereport import Ledger
from lpse_ops.backup.restoretarget import OpenFolder
from lpse_ops.backup.restorewriter import WriteSettings

# A file of more goes the other way, where blobs are read and written side by side.
_SMALL_BYTES = 128 * 1024
_SMALL_BLOBS = 8
_BATCH_FILES = 128
_BATCH_BYTES = 2 * 1024 * 1024
_BATCH_FOLDERS = 32


class Waiting(NamedTuple):
    """A file of a batch, as the caller knows it; ``folder`` is held until it is done."""

    folder: Folder
    path: bytes
    node: Node
    places: list[Location]
    size: int


class SmallFiles:
    """The main process' end.  Used from one thread; ``again`` is given what has to go the long way.

    ``pool`` has the repository open and handles requests with ``restoring_handler``.
    """

    def __init__(
        self,
        repository: Repository,
        pool: ReadPool,
        settings: WriteSettings,
        ledger: Ledger,
        progress: Progress,
        release: Callable[[Folder, int], None],
        again: Callable[[Waiting], None],
    ) -> None:
        self._pool = pool
        self._handle = restoring_handler(repository)
        self._settings = settings
        self._ledger = ledger
        self._progress = progress
        self._release = release
        self._again = again
        self._sent: dict[int, list[Waiting]] = {}
        self._token = 0
        self._encode = msgspec.msgpack.Encoder().encode
        self._start_batch()

    def _start_batch(self) -> None:
        self._waiting: list[Waiting] = []
        self._files: list[SmallFile] = []
        self._folders: dict[OpenFolder, int] = {}
        self._packs: dict[bytes, int] = {}
        self._size = 0

    def add(self, folder: OpenFolder, temporary: bytes, waiting: Waiting) -> None:
        """Restore a file that ``is_small``, some time; its ``Folder`` is held by the caller."""
        number = self._folders.setdefault(folder, len(self._folders))
        packs = self._packs
        blobs = [(packs.setdefault(pack, len(packs)), entry) for pack, entry in waiting.places]
        self._files.append(SmallFile(number, temporary, waiting.node, blobs))
        self._waiting.append(waiting)
        self._size += waiting.size
        if (
            len(self._files) >= _BATCH_FILES
            or self._size >= _BATCH_BYTES
            or len(self._folders) >= _BATCH_FOLDERS
        ):
            self.flush()

    def flush(self) -> None:
        """Hand out what was added so far."""
        waiting, files, folders = self._waiting, self._files, list(self._folders)
        if not files:
            return
        gives_acls = [folder.gives_acls for folder in folders]
        rights = self._settings.rights
        packs = list(self._packs)
        batch = Batch(
            rights.owners, rights.is_root, self._settings.unnamed, gives_acls, packs, files
        )
        self._start_batch()
        message = self._encode(batch)
        if len(message) > MAX_MESSAGE:
            self._settle(waiting, Outcome(list(range(len(files))), []))
            return
        self._token += 1
        descriptors = [folder.descriptor for folder in folders]
        self._collect(block=False)
        if self._pool.submit(self._token, message, descriptors):
            self._sent[self._token] = waiting
        else:
            for answer in self._handle(message, descriptors):
                self._settle(waiting, decode_outcome(answer))

    def finish(self) -> None:
        """Until everything that was added is restored, or given to ``again``."""
        self.flush()
        while self._sent:
            self._collect(block=True)

    def _collect(self, *, block: bool) -> None:
        for answered in self._pool.collect(block=block):
            self._take(answered)

    def _take(self, answered: Answered) -> None:
        waiting = self._sent.pop(answered.token)
        for answer in answered.answers:
            self._settle(waiting, decode_outcome(answer))

    def _settle(self, waiting: list[Waiting], outcome: Outcome) -> None:
        for number, problem in outcome.problems:
            self._ledger.fail(waiting[number].path, problem)
        again = set(outcome.again)
        done = [each for number, each in enumerate(waiting) if number not in again]
        size = sum([each.size for each in done])
        self._ledger.add(files_restored=len(done), bytes_written=size)
        self._progress.advance(size)
        for number in outcome.again:
            self._again(waiting[number])
        released: dict[Folder, int] = {}
        for each in waiting:
            released[each.folder] = released.get(each.folder, 0) + 1
        for folder, count in released.items():
            self._release(folder, count)


def is_small(node: Node, places: Sequence[Location], size: int) -> bool:
    """Whether a file is plain enough for a batch."""
    return (
        size <= _SMALL_BYTES
        and 0 < len(places) <= _SMALL_BLOBS
        and not node.xattrs
        and inode_key(node) is None
    )
