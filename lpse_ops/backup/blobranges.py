"""Reads many blobs with few requests: ranges of a pack that lie near each other are joined.

Every blob is opened and proved by its id before anybody sees it; memory holds a few ranges.
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.pack import PackEntry
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.scratch import Scratch
from lpse_ops.backup.storage.backend import FileKind, file_name
from lpse_ops.errors import DamagedRepository, StorageError

Taken = TypeVar("Taken")

# Reading over such a gap is cheaper than another request.
_GAP_BYTES = 64 * 1024
_RANGE_BYTES = 2 * 1024 * 1024


class Range(NamedTuple):
    """Blobs of one pack, in the order of their offsets, that are read in one piece."""

    pack_id: bytes
    entries: list[PackEntry]


class OpenedBlob(NamedTuple):
    """A proved blob; ``content`` is compressed if the entry says so, ``plaintext`` never is.

    The buffers are good only until the next blob is opened; ``envelope`` a little longer, as
    long as somebody refers to it.
    """

    entry: PackEntry
    envelope: memoryview
    content: memoryview
    plaintext: Buffer


Take = Callable[[OpenedBlob], Taken]


def plan_ranges(pack_id: bytes, entries: Iterable[PackEntry]) -> Iterator[Range]:
    """Cut the wanted blobs of a pack into ranges."""
    joined: list[PackEntry] = []
    end = 0
    for entry in sorted(entries, key=lambda each: each.offset):
        entry_end = entry.offset + entry.length
        too_far = entry.offset > end + _GAP_BYTES
        if joined and (too_far or entry_end > joined[0].offset + _RANGE_BYTES):
            yield Range(pack_id, joined)
            joined = []
        joined.append(entry)
        end = max(end, entry_end) if len(joined) > 1 else entry_end
    if joined:
        yield Range(pack_id, joined)


class RangeReader:
    """Reads ahead in a few threads; results come in the order of the ranges."""

    def __init__(self, repository: Repository, threads: int = 0) -> None:
        self._repository = repository
        self._scratch = Scratch()
        self._threads = threads or len(os.sched_getaffinity(0))
        self._pool = ThreadPoolExecutor(self._threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def read(
        self, ranges: Iterable[Range], take: Take[Taken]
    ) -> Iterator[tuple[Range, list[Taken | None]]]:
        """What ``take`` made of each blob of each range; None where a blob is damaged or gone."""
        waiting: deque[tuple[Range, Future[list[Taken | None]]]] = deque()
        for each in ranges:
            waiting.append((each, self._pool.submit(self._read, each, take)))
            if len(waiting) >= self._threads:
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()

    def _read(self, wanted: Range, take: Take[Taken]) -> list[Taken | None]:
        start = wanted.entries[0].offset
        end = max(entry.offset + entry.length for entry in wanted.entries)
        name = file_name(FileKind.PACK, wanted.pack_id.hex())
        try:
            view = memoryview(self._repository.backend.load(name, start, end - start))
        except StorageError:
            return [None] * len(wanted.entries)
        return list(self._open(view, start, wanted.entries, take))

    def _open(
        self, view: memoryview, start: int, entries: Sequence[PackEntry], take: Take[Taken]
    ) -> Iterator[Taken | None]:
        spans = [(entry.offset - start, entry.length) for entry in entries]
        room = self._scratch.room(max(entry.length for entry in entries))
        opened = self._repository.crypter.open_each(view, spans, room)
        for entry, (offset, length), content in zip(entries, spans, opened, strict=True):
            plaintext = None if content is None else self._plaintext(entry, content)
            if content is None or plaintext is None:
                yield None
            else:
                yield take(OpenedBlob(entry, view[offset : offset + length], content, plaintext))

    def _plaintext(self, entry: PackEntry, content: memoryview) -> Buffer | None:
        plaintext: Buffer = content
        if entry.uncompressed_length:
            try:
                plaintext = self._repository.compressor.decompress(
                    content, entry.uncompressed_length, ""
                )
            except DamagedRepository:
                return None
        return plaintext if hashlib.sha256(plaintext).digest() == entry.id else None
