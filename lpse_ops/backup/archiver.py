"""Walks the sources and stores them: streams first (database dumps), then files, the manifest last.

Decides what is read again (spec/restic-format.md, section 11) and what a file that vanishes,
changes or cannot be read means.  The snapshot itself is saved by ``backuprun``.
"""

import errno
import os
import stat
from collections import deque
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.blobsaver import BlobSaver
from lpse_ops.backup.exclusions import Exclusions
from lpse_ops.backup.feeder import Feeder
from lpse_ops.backup.filereader import ArchiveCounts, FileReader, Readable
from lpse_ops.backup.gojson import quote_name
from lpse_ops.backup.node import encode_link_target, encode_xattrs
from lpse_ops.backup.parenttree import EMPTY, KnownFolder, all_stored, content_of, load_known
from lpse_ops.backup.progress import Progress
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.smallfiles import Origin, SmallFiles
from lpse_ops.backup.smallnames import SmallNames
from lpse_ops.backup.smallnodes import SmallFile, SmallNodes
from lpse_ops.backup.source import Source, is_folder
from lpse_ops.backup.targets import Target
from lpse_ops.backup.treebuilder import (
    Folder,
    PendingFile,
    TreeBuilder,
    render_file,
    render_head,
    render_synthetic,
)
from lpse_ops.backup.treewalk import TreeLoader
from lpse_ops.errors import HostUnreachable

# Entries of a folder that are looked at, and compared, together.
_AT_ONCE = 1000


@dataclass(frozen=True)
class Stream:
    """A synthetic file: ``open`` fails, on leaving, if what made the bytes failed."""

    path: bytes
    open: Callable[[], AbstractContextManager[Readable]]


@dataclass
class _Open:
    """A folder that is being stored."""

    folder: Folder
    path: bytes
    known: KnownFolder
    device: int
    names: Sequence[bytes]
    stays_open: bool = False
    # Those of the names that workers may look at themselves.
    plain: Set[bytes] = frozenset()

    @cached_property
    def prefix(self) -> bytes:
        return os.path.join(self.path, b"")


class _Walk(NamedTuple):
    """A folder being walked, and those of its entries that are still to be visited."""

    frame: _Open
    entries: Iterator[tuple[bytes, os.stat_result]]


class _Large(NamedTuple):
    """A file that is expected, and not read yet."""

    file: PendingFile
    path: bytes
    is_new: bool


class Archiver:
    """One backup's walk; ``counts`` says what it met.

    ``repository`` is that of the parent tree, none where there is no parent.
    ``unfinished_tree`` is the id of what there is when the host of the files was lost.
    """

    def __init__(
        self,
        source: Source,
        repository: Repository | None,
        index: BlobIndex,
        saver: BlobSaver,
        exclusions: Exclusions,
        progress: Progress,
        *,
        one_file_system: bool = False,
        time_ns: int = 0,
    ) -> None:
        self._source = source
        self._look_below = source.look_at
        self._owner_text = source.owner_text
        source.begin_walk(exclusions.rejects, one_file_system=one_file_system)
        # All of them are wanted, so none is worth a question of its own.
        self._trees = TreeLoader(repository, index, single_reads=0) if repository else None
        self._index = index
        self._saver = saver
        self._exclusions = exclusions
        self._one_file_system = one_file_system
        # Else whoever looks at a file must know more than its name.
        self._may_name = not one_file_system and exclusions.larger_than is None
        self._time_ns = time_ns
        self._feeder = Feeder(saver)
        self._builder = TreeBuilder(saver.save_tree)
        self.counts = ArchiveCounts()
        self._large: deque[_Large] = deque()
        self.unfinished_tree = b""
        self._progress = progress
        self._reader = FileReader(source, self._feeder, self._builder, progress, self.counts)
        self._nodes = SmallNodes(
            self._builder, self.counts, progress, source.owner_text, self._xattrs_text
        )
        self._small = SmallFiles(source.small_reader(saver), self._nodes.finish_batch)
        self._names = SmallNames(saver, self._nodes.finish_looked)

    def store(
        self,
        streams: Sequence[Stream],
        target: Target,
        parent_tree: bytes | None,
        manifest: Callable[[], Stream | None],
    ) -> bytes:
        """Store everything; return the root tree's id.  ``target`` holds places for all of it."""
        root = self._builder.open_folder(None, b"", "", parent_tree)
        try:
            return self._store(root, streams, target, parent_tree, manifest)
        except HostUnreachable:
            self._save_unfinished(root)
            raise

    def _store(
        self,
        root: Folder,
        streams: Sequence[Stream],
        target: Target,
        parent_tree: bytes | None,
        manifest: Callable[[], Stream | None],
    ) -> bytes:
        folders: dict[bytes, Folder] = {b"/": root}
        for stream in streams:
            self._store_stream(stream, folders)
        if streams:
            # Dumps and documents live in packs of their own: they die at different times.
            self._feeder.flush()
            self._saver.flush()
        self._store_target(target, b"/", root, folders, self._known(parent_tree))
        self._settle()
        last = manifest()
        if last is not None:
            self._store_stream(last, folders)
        for folder in folders.values():
            self._builder.close_folder(folder)
        self._settle()
        if not root.tree_id:
            # A snapshot without a tree makes restic panic: better none at all.
            raise RuntimeError("a folder of this backup was never finished")
        return root.tree_id

    def _save_unfinished(self, root: Folder) -> None:
        """Store trees of what came whole, as if that were all: the next run goes by them."""
        self._feeder.flush()
        self._saver.wait_idle()
        self._builder.save_unfinished()
        self.unfinished_tree = root.tree_id

    def summary(self) -> dict[str, int]:
        """The walk's part of restic's snapshot summary."""
        builder, counts = self._builder, self.counts
        return {
            "files_new": counts.files_new,
            "files_changed": counts.files_changed,
            "files_unmodified": counts.files_unmodified,
            "dirs_new": builder.dirs_new,
            "dirs_changed": builder.dirs_changed,
            "dirs_unmodified": builder.dirs_unmodified,
            "total_files_processed": counts.total_files_processed,
            "total_bytes_processed": counts.total_bytes_processed,
        }

    def _settle(self) -> None:
        self._read_large(0)
        self._small.settle()
        # Those that are large are read while workers are busy with the others.
        self._names.settle(self._read_again)
        self._saver.wait_idle()
        self._read_again()
        self._feeder.flush()
        self._saver.wait_idle()
        self._builder.save_ready()

    # -- streams -----------------------------------------------------------------------------

    def _store_stream(self, stream: Stream, folders: dict[bytes, Folder]) -> None:
        parent, name = os.path.split(stream.path)
        file = PendingFile(self._builder, self._synthetic_folder(parent, folders), name)
        with stream.open() as source:
            size = self._reader.read_stream(file, source)
        head = render_synthetic(name, "file", stat.S_IFREG | 0o600, self._time_ns, size)
        file.finish(lambda ids: render_file(head, "", ids))
        self.counts.count_stored(1, 1, size)

    def _synthetic_folder(self, path: bytes, folders: dict[bytes, Folder]) -> Folder:
        if path not in folders:
            parent, name = os.path.split(path)
            above = self._synthetic_folder(parent, folders)
            head = render_synthetic(name, "dir", stat.S_IFDIR | 0o700, self._time_ns)
            folders[path] = self._builder.open_folder(above, name, head)
        return folders[path]

    # -- files of the source ------------------------------------------------------------------

    def _known(self, tree_id: bytes | None) -> KnownFolder:
        return EMPTY if self._trees is None else load_known(self._trees, tree_id)

    def _store_target(
        self,
        target: Target,
        path: bytes,
        folder: Folder,
        folders: dict[bytes, Folder],
        known: KnownFolder,
    ) -> None:
        """Store the configured paths below ``path``, with the metadata of their real parents."""
        if target.is_wanted:  # only ever "/" itself, whose folder stays open for more
            device = self._source.stat_folder(path).st_dev
            frame = _Open(folder, path, known, device, self._list(path), stays_open=True)
            self._walk_frames([_Walk(frame, self._changed(frame))])
            return
        for name, child in target.children.items():
            child_path = os.path.join(path, name)
            try:
                # A link above a configured path is a folder, as far as the snapshot goes.
                look = self._source.lstat if child.is_wanted else self._source.stat_folder
                status = look(child_path)
            except OSError as error:
                self.counts.count_unreadable(child_path, error)
                continue
            if child.is_wanted:
                self._store_wanted(folder, name, child_path, status, known)
            else:
                known_id = known.subtree(quote_name(name))
                inner = self._open_folder(folder, name, child_path, status, known_id)
                folders[child_path] = inner
                self._store_target(child, child_path, inner, folders, self._known(known_id))

    def _store_wanted(
        self, folder: Folder, name: bytes, path: bytes, status: os.stat_result, known: KnownFolder
    ) -> None:
        # As restic since 0.17: what was asked for by name is never excluded itself.
        if is_folder(status):
            self._walk(folder, name, path, status, known)
        else:
            self._store_entry(folder, name, path, status, known)

    def _open_folder(
        self,
        parent: Folder,
        name: bytes,
        path: bytes,
        status: os.stat_result,
        known_id: bytes | None,
    ) -> Folder:
        head = render_head(quote_name(name), status, 0, 0, self._owner_text)
        head += self._xattrs_text(path)
        return self._builder.open_folder(parent, name, head, known_id)

    def _walk(
        self, parent: Folder, name: bytes, path: bytes, status: os.stat_result, known: KnownFolder
    ) -> None:
        """Store a folder and all below, without recursion: paths may be 2000 levels deep."""
        stack: list[_Walk] = []
        self._push(stack, parent, name, path, status, known, status.st_dev)
        self._walk_frames(stack)

    def _walk_frames(self, stack: list[_Walk]) -> None:
        while stack:
            frame, entries = stack[-1]
            for name, status in entries:
                if self._visit(stack, frame, name, status):
                    break
            else:
                stack.pop()
                if not frame.stays_open:
                    self._builder.close_folder(frame.folder)
                self._read_again()
                self._builder.save_ready()

    def _list(self, path: bytes) -> list[bytes]:
        """The names of a folder that are not excluded."""
        return self._keep(path, self._source.list_names(path))

    def _keep(self, path: bytes, names: list[bytes]) -> list[bytes]:
        names = self._exclusions.keep(path, names, self._source.has_mark)
        if self._exclusions.patterns is None:
            return names
        return [name for name in names if not self._exclusions.rejects(os.path.join(path, name))]

    def _changed(self, frame: _Open) -> Iterator[tuple[bytes, os.stat_result]]:
        """The entries of a folder, less the files that are as the parent snapshot has them."""
        taken = 0
        for start in range(0, len(frame.names), _AT_ONCE):
            names = frame.names[start : start + _AT_ONCE]
            if frame.plain:
                plain = [name for name in names if name in frame.plain]
                self._names.take(frame.folder, frame.path, plain)
                self._read_again()
                names = [name for name in names if name not in frame.plain]
            found = self._look_at(frame, names)
            if frame.known is EMPTY:
                origin = Origin(frame.folder, frame.prefix, is_new=True)
                yield from self._small.take(origin, found)
                continue
            same = frame.known.take_over(self._index, found, frame.folder.entries, self._owner_text)
            taken += same.files
            self.counts.count_unmodified(same.files, same.size_bytes)
            self._progress.advance(same.size_bytes)
            yield from same.rest
        if not frame.stays_open:
            # Nothing new among them, and nothing missing.
            all_taken = taken == len(frame.folder.entries)
            frame.folder.is_known = all_taken and frame.known.is_all(taken)

    def _look_at(self, frame: _Open, names: Sequence[bytes]) -> list[tuple[bytes, os.stat_result]]:
        found = []
        for name, status in zip(names, self._look_below(frame.path, names), strict=True):
            if not isinstance(status, OSError):
                found.append((name, status))
            elif not isinstance(status, FileNotFoundError):  # gone since it was listed
                self.counts.count_unreadable(frame.prefix + name, status)
        if self._one_file_system or self._exclusions.larger_than is not None:
            return [each for each in found if self._is_wanted(frame, each[1])]
        return found

    def _is_wanted(self, frame: _Open, status: os.stat_result) -> bool:
        """Whether a file is stored, however well the parent snapshot knows it."""
        if not stat.S_ISREG(status.st_mode):
            return True
        is_elsewhere = self._one_file_system and status.st_dev != frame.device
        return not (is_elsewhere or self._exclusions.rejects_size(status.st_size))

    def _visit(self, stack: list[_Walk], frame: _Open, name: bytes, status: os.stat_result) -> bool:
        """Store one entry; True if it is a folder that is now on the stack."""
        path = frame.prefix + name
        if is_folder(status):
            return self._push(stack, frame.folder, name, path, status, frame.known, frame.device)
        if not (self._one_file_system and status.st_dev != frame.device):
            self._store_entry(frame.folder, name, path, status, frame.known)
        return False

    def _push(
        self,
        stack: list[_Walk],
        parent: Folder,
        name: bytes,
        path: bytes,
        status: os.stat_result,
        known_above: KnownFolder,
        device: int,
    ) -> bool:
        known_id = known_above.subtree(quote_name(name))
        known = self._known(known_id)
        names: list[bytes] = []
        plain: Set[bytes] = frozenset()
        identity = None
        # A mount point is stored, what is mounted on it is another file system.
        if not (self._one_file_system and status.st_dev != device):
            try:
                if known is EMPTY and self._may_name:
                    names, plain = self._source.list_plain(path)
                    names = self._keep(path, names)
                else:
                    names = self._list(path)
                identity = self._source.identify(path)
            except FileNotFoundError:
                return False
            except OSError as error:
                self.counts.count_unreadable(path, error)
                return False
        folder = self._open_folder(parent, name, path, status, known_id)
        folder.identity = identity
        if identity is None:
            plain = frozenset()
        frame = _Open(folder, path, known, device, names, plain=plain)
        stack.append(_Walk(frame, self._changed(frame)))
        return True

    def _store_entry(
        self, folder: Folder, name: bytes, path: bytes, status: os.stat_result, known: KnownFolder
    ) -> None:
        mode = status.st_mode
        if stat.S_ISREG(mode):
            if not self._exclusions.rejects_size(status.st_size):
                self._store_file(folder, name, path, status, known)
        elif stat.S_ISSOCK(mode):
            return  # restic leaves sockets out as well: nothing could restore one
        else:
            self._store_special(folder, name, path, status)

    def _store_special(
        self, folder: Folder, name: bytes, path: bytes, status: os.stat_result
    ) -> None:
        mode = status.st_mode
        links = 0 if stat.S_ISFIFO(mode) else status.st_nlink
        text = render_head(quote_name(name), status, 0, links, self._owner_text)
        try:
            if stat.S_ISLNK(mode):
                text += encode_link_target(self._source.read_link(path))
            text += encode_xattrs(self._source.read_xattrs(path))
        except OSError as error:
            self.counts.count_unreadable(path, error)
            return
        if status.st_rdev and (stat.S_ISBLK(mode) or stat.S_ISCHR(mode)):
            text += f',"device":{status.st_rdev}'
        folder.entries[name] = text + ',"content":null}'

    # -- regular files -----------------------------------------------------------------------

    def _store_file(
        self, folder: Folder, name: bytes, path: bytes, status: os.stat_result, known: KnownFolder
    ) -> None:
        is_new = True
        if known is not EMPTY:
            quoted = quote_name(name)
            if self._is_unchanged(folder, name, path, quoted, status, known):
                return
            is_new = quoted not in known
        origin = Origin(folder, path.removesuffix(name), is_new)
        if self._small.take(origin, [(name, status)]):
            self._source.expect_file(path)
            self._large.append(_Large(PendingFile(self._builder, folder, name), path, is_new))
            self._read_large(self._source.files_ahead)

    def _read_large(self, ahead: int) -> None:
        """Read large files, all but so many: more are under way while one is read."""
        while len(self._large) > ahead:
            large = self._large.popleft()
            self._read_now(large.file, large.path, is_new=large.is_new)

    def _read_now(self, file: PendingFile, path: bytes, *, is_new: bool) -> None:
        """Read a file that is large, or that a worker did not find as it had looked."""
        try:
            size, status = self._reader.read_file(file, path)
        except FileNotFoundError:
            file.abandon()  # gone since it was listed
        except OSError as error:
            file.abandon()
            self.counts.count_unreadable(path, error)
        else:
            self.counts.count_stored(1, int(is_new), size)
            xattrs = self._xattrs_text(path)
            quoted, links = quote_name(file.name), status.st_nlink
            head = render_head(quoted, status, size, links, self._owner_text)
            file.finish(lambda ids: render_file(head, xattrs, ids))

    def _read_again(self) -> None:
        """Files that changed, or could not be read, between our look and the worker's."""
        while self._nodes.retry:
            small = self._nodes.retry.popleft()
            small.folder.stop_expecting(small.name)
            if self._is_to_be_read(small):
                file = PendingFile(self._builder, small.folder, small.name)
                self._read_now(file, small.path, is_new=small.is_new)
            else:
                self._builder.child_done(small.folder, 0)

    def _is_to_be_read(self, small: SmallFile) -> bool:
        """Whether what was a regular file still is one; stores what became another thing."""
        try:
            # None of a folder that was not listed: the file was asked for by its own path.
            listed = small.folder.identity
            if listed and listed != self._source.identify(os.path.dirname(small.path)):
                raise NotADirectoryError(errno.ENOTDIR, "another folder is in its place")
            status = self._source.lstat(small.path)
        except FileNotFoundError:
            return False  # gone since it was listed
        except OSError as error:
            self.counts.count_unreadable(small.path, error)
            return False
        # A folder is refused by whoever reads it: too late to walk through.
        if stat.S_ISREG(status.st_mode) or is_folder(status):
            return True
        self._store_entry(small.folder, small.name, small.path, status, EMPTY)
        return False

    def _is_unchanged(
        self,
        folder: Folder,
        name: bytes,
        path: bytes,
        quoted: str,
        status: os.stat_result,
        known: KnownFolder,
    ) -> bool:
        """Take the file over from the parent snapshot if nothing about it changed."""
        head = render_head(quoted, status, status.st_size, status.st_nlink, self._owner_text)
        text = known.same_text(quoted, head + ",")
        content = None if text is None else content_of(text)
        if content is None:
            looks = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
            content = known.same_content(quoted, looks)
            if content is not None:
                text = render_file(head, self._xattrs_text(path), content)
        if content is None or not all_stored(self._index, content):
            return False
        folder.entries[name] = text
        self.counts.count_unmodified(1, status.st_size)
        self._progress.advance(status.st_size)
        return True

    def _xattrs_text(self, path: bytes) -> str:
        try:
            return encode_xattrs(self._source.read_xattrs(path))
        except OSError as error:
            self.counts.count_unreadable(path, error)
            return ""
