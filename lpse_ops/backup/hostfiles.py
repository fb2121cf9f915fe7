"""A host's files as they are read: small ones in batches, large ones in a stream.

The host opens and watches them, by the rules of ``localsource`` and ``worker``; what comes is as
long as it was said to be, or the backup ends.
"""

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lpse_ops.backup import workmemory as wm
from lpse_ops.backup.hostanswers import parse_batch_xattrs, parse_open, parse_status
from lpse_ops.backup.hostreader import HostAnswerError, Owners, unpack
from lpse_ops.backup.hosttalk import Asked, HostTalk, Pieces, bytes_of, join_texts
from lpse_ops.backup.node import XAttrs
from lpse_ops.backup.source import BatchSaver, DeliverSmall, Span

# Batches under way, each as large as an input buffer: the line is never idle.
_MAX_UNDER_WAY = 3
_MAX_TOLD_BYTES = 32 << 20
_FLAGS = frozenset("012")
# Told the attributes of files, by path.
Remember = Callable[[Mapping[bytes, XAttrs | OSError]], None]
Learn = Callable[[Owners], None]


class HostFile:
    """A file that comes over the line from now on; read again, it is opened anew there."""

    def __init__(self, talk: HostTalk, path: bytes, remember: Remember, learn: Learn) -> None:
        self._talk = talk
        self._path = path
        self._remember = remember
        self._learn = learn
        self._result: Mapping[str, Any] | None = None
        self._is_begun = False
        self._pieces, self._asked = self._ask()

    def start(self) -> None:
        if self._is_begun:
            self._result = None
            self._pieces, self._asked = self._ask()
        self._is_begun = True

    def _ask(self) -> tuple[Pieces, Asked]:
        pieces = Pieces()
        return pieces, self._talk.ask("file", join_texts([self._path]), pieces, {})

    def readinto(self, buffer: memoryview, /) -> int:
        with self._talk.doubting():
            while self._pieces.is_empty and self._result is None:
                self._result = self._asked.step()
            if self._pieces.is_empty and self._result is not None:
                self._talk.check(self._result, self._path)
            return self._pieces.readinto(buffer)

    def finish(self) -> tuple[os.stat_result, os.stat_result]:
        with self._talk.doubting():
            result = self._result or {}
            if result.get("bytes") != self._pieces.received:
                raise HostAnswerError("a file of another length than it says")
            before = parse_status(bytes_of(result, "before"))
            told = unpack(bytes_of(result, "after"), _MAX_TOLD_BYTES)
            after, xattrs, owners = parse_open(told, self._path)
        self._learn(owners)
        if xattrs is not None:
            self._remember({self._path: xattrs})
        return before, after

    def close(self) -> None:
        """What is still under way ends with the link."""


@dataclass
class _Batch:
    """A batch on its way."""

    request: bytes
    spans: list[Span]
    deliver: DeliverSmall
    room: "_Room"
    asked: Asked


class _Room:
    """Takes the bytes of a batch into an input buffer, no more than were asked for."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self.view = memoryview(b"")
        self.fill = 0

    def write(self, piece: bytes, /) -> None:
        end = self.fill + len(piece)
        if end > self._size_bytes:
            raise HostAnswerError("more of some files than there was")
        self.view[self.fill : end] = piece
        self.fill = end


class HostSmallReader:
    """Brings batches from the host into the workers' input buffers."""

    def __init__(self, talk: HostTalk, saver: BatchSaver, remember: Remember) -> None:
        self._talk = talk
        self._saver = saver
        self._remember = remember
        self._under_way: deque[_Batch] = deque()

    def submit(self, request: bytes, spans: list[Span], deliver: DeliverSmall) -> None:
        if len(self._under_way) >= _MAX_UNDER_WAY:
            self._take(self._under_way.popleft())
        room = _Room(sum(size for _, size in spans))
        asked = self._talk.ask("small", request, room, {})
        self._under_way.append(_Batch(request, spans, deliver, room, asked))

    def settle(self) -> None:
        while self._under_way:
            self._take(self._under_way.popleft())

    def _take(self, batch: _Batch) -> None:
        """Wait for a batch, and hand it to the workers."""
        # Until now its bytes waited with the link, which holds no more than a window of them.
        number, batch.room.view = self._saver.take_input()
        with self._talk.doubting():
            result = batch.asked.result()
            self._talk.check(result, None)
            flags = _parse_flags(result, len(batch.spans))
            sizes = _sizes_read(flags, batch.spans)
            if sum(sizes) != batch.room.fill:
                raise HostAnswerError("less of some files than it says")
            self._remember(_xattrs_in(result, flags, batch.request))
        self._hand_over(number, batch, flags, sizes)

    def _hand_over(self, number: int, batch: _Batch, flags: bytes, sizes: Sequence[int]) -> None:
        spans: list[Span] = []
        fill = 0
        for size in sizes:
            if size:
                spans.append((fill, size))
            fill += size

        def deliver(ids: Sequence[bytes]) -> None:
            rest = iter(ids)
            batch.deliver(flags, [next(rest) if size else b"" for size in sizes])

        self._saver.submit(number, spans, deliver)
        if not spans:
            deliver(())


def _parse_flags(result: Mapping[str, Any], count: int) -> bytes:
    flags = result.get("flags")
    if not isinstance(flags, str) or len(flags) != count or not _FLAGS.issuperset(flags):
        raise HostAnswerError("no word on each of some files")
    return bytes(map(int, flags))


def _xattrs_in(
    result: Mapping[str, Any], flags: bytes, request: bytes
) -> Mapping[bytes, XAttrs | OSError]:
    """Attributes of exactly those files that have some: nobody may have to ask for them later."""
    packed = bytes_of(result, "xattrs")
    if not packed and wm.HAS_XATTRS not in flags:
        return {}
    paths = _paths_of(request)
    found = parse_batch_xattrs(packed, paths)
    if {path for path, flag in zip(paths, flags, strict=True) if flag == wm.HAS_XATTRS} != set(
        found
    ):
        raise HostAnswerError("attributes of other files than it says")
    return found


def _sizes_read(flags: bytes, spans: Sequence[Span]) -> list[int]:
    """How much came of each file: nothing of those that did not stay as they looked."""
    return [
        0 if flag == wm.READ_AGAIN else size for flag, (_, size) in zip(flags, spans, strict=True)
    ]


def _paths_of(request: bytes) -> list[bytes]:
    paths = []
    position = 0
    while position < len(request):
        length = wm.READ_ITEM.unpack_from(request, position)[-1]
        position += wm.READ_ITEM.size + length
        paths.append(request[position - length : position])
    return paths
