"""A host's file system as the source of a backup, seen through an agent there.

A folder is asked for together with what comes after it in the order of a walk: names, status,
links and attributes of some thousand entries in one answer, and the next answer is asked for before
the archiver needs it.  An answer is kept until the walk has passed what it tells; what is asked for
and not there is asked again.
"""

import errno
import os
import stat
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import lru_cache
from typing import NamedTuple

from lpse_ops.backup.hostanswers import Block, parse_look, parse_stat, parse_walk
from lpse_ops.backup.hostfiles import HostFile, HostSmallReader
from lpse_ops.backup.hostreader import Entry, Owners
from lpse_ops.backup.hosttalk import Collected, HostTalk, Looking, SourceAgent, fitting, join_texts
from lpse_ops.backup.node import XAttrs, encode_owner
from lpse_ops.backup.source import BatchSaver, is_folder

# What one answer may tell.
ENTRIES_AT_ONCE = 4000
BYTES_AT_ONCE = 2 << 20
_FOLDERS_AT_ONCE = 1000
_MAX_OWNERS = 1 << 16


class _Folder(NamedTuple):
    """A folder that is known of and not told yet; sorts as a walk goes."""

    parts: tuple[bytes, ...]
    path: bytes
    device: int


class HostSource:
    """A ``Source`` for one backup; what is wrong with the host itself is an ``OpsError``."""

    files_ahead = 3

    def __init__(self, agent: SourceAgent, *, entries_at_once: int = ENTRIES_AT_ONCE) -> None:
        self._talk = HostTalk(agent)
        self._entries_at_once = entries_at_once
        self._rejects: Callable[[bytes], bool] = lambda _: False
        self._one_file_system = False
        # The folder that is being walked, and those above it.
        self._open: list[Block] = []
        self._blocks: dict[bytes, Block] = {}
        self._frontier: list[_Folder] = []
        self._ahead: tuple[Looking, list[bytes]] | None = None
        # What was told with a file's content, or of a path alone.
        self._entries: dict[bytes, Entry] = {}
        self._xattrs: dict[bytes, XAttrs | OSError] = {}
        # Files on their way that nobody has opened yet.
        self._expected: dict[bytes, HostFile] = {}
        self._users: dict[int, str] = {}
        self._groups: dict[int, str] = {}
        self.owner_text = lru_cache(maxsize=4096)(self._owner_text)

    def begin_walk(self, rejects: Callable[[bytes], bool], *, one_file_system: bool) -> None:
        self._rejects = rejects
        self._one_file_system = one_file_system

    # -- one path ----------------------------------------------------------------------------

    def exists(self, path: bytes) -> bool:
        try:
            self.lstat(path)
        except OSError:
            return False
        return True

    def lstat(self, path: bytes) -> os.stat_result:
        return self._status_alone(path, follow=False)

    def stat_folder(self, path: bytes) -> os.stat_result:
        status = self._status_alone(path, follow=True)
        if not is_folder(status):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        return status

    def has_mark(self, folder: bytes, name: bytes, header: bytes) -> bool:
        path = os.path.join(folder, name)
        block = self._opened(folder)
        if block and b"/" not in name and not _is_among(name, block.names):
            return False
        try:
            return self._read_start(path, len(header)) == header if header else self.exists(path)
        except OSError:
            return False

    def read_xattrs(self, path: bytes) -> XAttrs:
        found = self._xattrs.pop(path, None)
        if found is None and (entry := self._known_entry(path)):
            found = entry.xattrs
        if found is None:
            found = self._ask_alone(path, follow=False).xattrs
        if found is None:
            raise OSError(errno.E2BIG, os.strerror(errno.E2BIG), path)
        if isinstance(found, OSError):
            raise found
        return found

    def read_link(self, path: bytes) -> bytes:
        known = self._known_entry(path)
        target = known.target if known else b""
        target = target or self._ask_alone(path, follow=False).target
        if isinstance(target, OSError):
            raise target
        if not target:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
        return target

    def expect_file(self, path: bytes) -> None:
        self._expected[path] = self._ask_file(path)

    def open_file(self, path: bytes) -> HostFile:
        return self._expected.pop(path, None) or self._ask_file(path)

    def _ask_file(self, path: bytes) -> HostFile:
        return HostFile(self._talk, path, self._xattrs.update, self._learn)

    def small_reader(self, saver: BatchSaver) -> HostSmallReader:
        return HostSmallReader(self._talk, saver, self._xattrs.update)

    def _owner_text(self, uid: int, gid: int) -> str:
        return encode_owner(uid, gid, self._users.get(uid, ""), self._groups.get(gid, ""))

    def _read_start(self, path: bytes, size: int) -> bytes:
        with self._talk.doubting():
            start = Collected(size)
            asked = self._talk.ask("start", join_texts([path]), start, {"_bytes": size})
            self._talk.check(asked.result(), path)
            return start.content()

    def _status_alone(self, path: bytes, *, follow: bool) -> os.stat_result:
        entry = self._ask_alone(path, follow=follow)
        if entry.xattrs is not None:
            self._xattrs[path] = entry.xattrs
        self._entries[path] = entry
        if isinstance(entry.status, OSError):
            raise entry.status
        return entry.status

    def _ask_alone(self, path: bytes, *, follow: bool) -> Entry:
        with self._talk.doubting():
            answer = Looking(self._talk, "stat", [path], _follow=follow).answer()
            entry, owners = parse_stat(answer, path)
        self._learn(owners)
        return entry

    # -- folders -----------------------------------------------------------------------------

    def list_names(self, path: bytes) -> list[bytes]:
        while self._open and not _is_below(path, self._open[-1].path):
            self._open.pop()
        block = self._blocks.pop(path, None) or self._ask_folder(path)
        self._open.append(block)
        if block.error:
            raise block.error
        return block.names

    def list_plain(self, path: bytes) -> tuple[list[bytes], Set[bytes]]:
        return self.list_names(path), frozenset()

    def identify(self, path: bytes) -> None:
        """Nothing is read by name there, and to ask costs a round trip."""

    def look_at(self, folder: bytes, names: Sequence[bytes]) -> "list[os.stat_result | OSError]":
        block = self._opened(folder) or Block(folder, None)
        entries = block.entries
        missing = [name for name in names if name not in entries]
        if missing:
            # Those before are done with.
            block.entries = entries = {name: entries[name] for name in names if name in entries}
            after = bisect_right(block.names, names[-1])
            more = block.names[after : after + self._entries_at_once]
            entries.update(self._ask_entries(folder, missing, more))
            self._add_folders([block])
        return [entries[name].status for name in names]

    def _ask_entries(
        self, folder: bytes, wanted: Sequence[bytes], more: Sequence[bytes]
    ) -> Mapping[bytes, Entry]:
        """What is told of some entries, and of further ones that fit into the same answer."""
        found: dict[bytes, Entry] = {}
        while wanted:
            texts = [folder, *wanted, *more]
            names = texts[1 : fitting(texts, self._entries_at_once + 1)]
            with self._talk.doubting():
                answer = Looking(self._talk, "look", [folder, *names]).answer()
                entries, owners = parse_look(answer, folder, names)
            self._learn(owners)
            found.update(entries)
            wanted = wanted[len(names) :]
        return found

    def _ask_folder(self, path: bytes) -> Block:
        """Ask for a folder, and for those that a walk comes to after it."""
        parts = tuple(path.split(b"/"))
        with self._talk.doubting():
            self._pass(parts)
            if self._ahead:
                ahead, self._ahead = self._ahead, None
                self._take_in(*ahead)
                self._pass(parts)
            if path not in self._blocks:
                self._take_in(*self._ask_walk([path]))
            block = self._blocks.pop(path)
            if self._frontier:
                self._ahead = self._ask_walk([])
        return block

    def _pass(self, parts: tuple[bytes, ...]) -> None:
        """Forget what a walk that is there has behind it; what is there itself stays."""
        del self._frontier[: bisect_left(self._frontier, parts, key=_parts_of)]
        self._blocks = {
            path: block for path, block in self._blocks.items() if tuple(path.split(b"/")) >= parts
        }

    def _ask_walk(self, first: list[bytes]) -> tuple[Looking, list[bytes]]:
        paths = first + [each.path for each in self._frontier if each.path not in first]
        paths = paths[: fitting(paths, _FOLDERS_AT_ONCE)]
        looking = Looking(
            self._talk,
            "walk",
            paths,
            _entries=self._entries_at_once,
            _bytes=BYTES_AT_ONCE,
            _one_file_system=self._one_file_system,
        )
        return looking, paths

    def _take_in(self, looking: Looking, paths: list[bytes]) -> None:
        blocks, owners = parse_walk(looking.answer(), paths, self._entries_at_once)
        self._learn(owners)
        devices = {each.path: each.device for each in self._frontier}
        for block in blocks:
            if block.device is None:
                block.device = devices.get(block.path) or self._device_of(block.path)
            self._blocks[block.path] = block
        self._frontier = [each for each in self._frontier if each.path not in self._blocks]
        self._add_folders(blocks)

    def _add_folders(self, blocks: Iterable[Block]) -> None:
        """Put the folders that blocks tell of, and that are not told yet, where a walk has them."""
        known = {each.path for each in self._frontier}
        found = [
            _Folder(tuple(path.split(b"/")), path, device)
            for block in blocks
            for path, device in self._folders_in(block)
            if path not in known and path not in self._blocks
        ]
        self._frontier = sorted([*self._frontier, *found])

    def _folders_in(self, block: Block) -> Iterable[tuple[bytes, int]]:
        prefix = os.path.join(block.path, b"")
        for name, entry in block.entries.items():
            status = entry.status
            if isinstance(status, OSError) or not stat.S_ISDIR(status.st_mode):
                continue
            is_elsewhere = block.device not in (None, status.st_dev)
            if not (self._one_file_system and is_elsewhere) and not self._rejects(prefix + name):
                yield prefix + name, status.st_dev

    # -- what is known -----------------------------------------------------------------------

    def _opened(self, path: bytes) -> Block | None:
        return next((block for block in reversed(self._open) if block.path == path), None)

    def _known_entry(self, path: bytes) -> Entry | None:
        folder, name = os.path.split(path)
        block = self._opened(folder)
        entry = block.entries.get(name) if block else None
        return entry or self._entries.get(path)

    def _device_of(self, path: bytes) -> int | None:
        entry = self._known_entry(path)
        return None if entry is None or isinstance(entry.status, OSError) else entry.status.st_dev

    def _learn(self, owners: Owners) -> None:
        for known, told in ((self._users, owners.users), (self._groups, owners.groups)):
            if len(known) + len(told) > _MAX_OWNERS:
                known.clear()
            known.update(told)


def _parts_of(folder: _Folder) -> tuple[bytes, ...]:
    return folder.parts


def _is_below(path: bytes, above: bytes) -> bool:
    return path != above and path.startswith(os.path.join(above, b""))


def _is_among(name: bytes, names: Sequence[bytes]) -> bool:
    """Whether a name is among names in order."""
    place = bisect_left(names, name)
    return place < len(names) and names[place] == name
