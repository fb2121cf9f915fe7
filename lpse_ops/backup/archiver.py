"""Walks the sources and stores them: streams first (database dumps), then files, the manifest last.

Decides what is read again (spec/restic-format.md, section 11) and what a file that vanishes,
changes or cannot be read means.  The snapshot itself is saved by ``backuprun``.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

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
from lpse_ops.backup.smallfiles import SmallFile, SmallFiles, is_small
from lpse_ops.backup.source import (
    is_folder,
    list_folder,
    read_xattrs,
    stat_folder,
)
from lpse_ops.backup.targets import Target
from lpse_ops.backup.treebuilder import (
    Folder,
    PendingFile,
    TreeBuilder,
    render_file,
    render_head,
    render_synthetic,
)


@dataclass(frozen=True)
class Stream:
    """A synthetic file: ``open`` fails, on leaving, if what made the bytes failed."""

    path: bytes
    open: Callable[[], AbstractContextManager[Readable]]


@dataclass
class _Open:
    """A folder being walked."""

    folder: Folder
    path: bytes
    known: KnownFolder
    device: int
    entries: Iterator["os.DirEntry[bytes]"]
    stays_open: bool = False


class Archiver:
    """One backup's walk; ``counts`` says what it met."""

    def __init__(
        self,
        repository: Repository,
        index: BlobIndex,
        saver: BlobSaver,
        exclusions: Exclusions,
        progress: Progress,
        *,
        one_file_system: bool = False,
        time_ns: int = 0,
    ) -> None:
        self._repository = repository
        self._index = index
        self._saver = saver
        self._exclusions = exclusions
        self._one_file_system = one_file_system
        self._time_ns = time_ns
        self._feeder = Feeder(saver)
        self._builder = TreeBuilder(saver.save_tree)
        self.counts = ArchiveCounts()
        self._small = SmallFiles(saver)
        self._progress = progress
        self._reader = FileReader(self._feeder, self._builder, progress, self.counts)

    def store(
        self,
        streams: Sequence[Stream],
        target: Target,
        parent_tree: bytes | None,
        manifest: Callable[[], Stream | None],
    ) -> bytes:
        """Store everything; return the root tree's id.  ``target`` holds places for all of it."""
        root = self._builder.open_folder(None, b"", "", parent_tree)
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
        self._small.flush()
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
        self.counts.files_new += 1
        self._count_file(size)

    def _synthetic_folder(self, path: bytes, folders: dict[bytes, Folder]) -> Folder:
        if path not in folders:
            parent, name = os.path.split(path)
            above = self._synthetic_folder(parent, folders)
            head = render_synthetic(name, "dir", stat.S_IFDIR | 0o700, self._time_ns)
            folders[path] = self._builder.open_folder(above, name, head)
        return folders[path]

    # -- files of this machine ---------------------------------------------------------------

    def _known(self, tree_id: bytes | None) -> KnownFolder:
        return load_known(self._repository, self._index, tree_id)

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
            entries = iter(self._exclusions.keep(path, list_folder(path)))
            device = os.stat(path).st_dev
            self._walk_frames([_Open(folder, path, known, device, entries, stays_open=True)])
            return
        for name, child in target.children.items():
            child_path = os.path.join(path, name)
            try:
                # A link above a configured path is a folder, as far as the snapshot goes.
                status = os.lstat(child_path) if child.is_wanted else stat_folder(child_path)
            except OSError as error:
                self._unreadable(child_path, error)
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
        head = render_head(quote_name(name), status, 0, 0) + encode_xattrs(self._xattrs(path))
        return self._builder.open_folder(parent, name, head, known_id)

    def _walk(
        self, parent: Folder, name: bytes, path: bytes, status: os.stat_result, known: KnownFolder
    ) -> None:
        """Store a folder and all below, without recursion: paths may be 2000 levels deep."""
        stack: list[_Open] = []
        self._push(stack, parent, name, path, status, known, status.st_dev)
        self._walk_frames(stack)

    def _walk_frames(self, stack: list[_Open]) -> None:
        while stack:
            frame = stack[-1]
            for entry in frame.entries:
                if self._visit(stack, frame, entry):
                    break
            else:
                stack.pop()
                if not frame.stays_open:
                    self._builder.close_folder(frame.folder)
                self._read_again()
                self._builder.save_ready()

    def _visit(self, stack: list[_Open], frame: _Open, entry: "os.DirEntry[bytes]") -> bool:
        """Store one entry; True if it is a folder that is now on the stack."""
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return False  # gone since it was listed
        except OSError as error:
            self._unreadable(entry.path, error)
            return False
        if self._exclusions.rejects(entry.path):
            return False
        if not is_folder(status):
            if not (self._one_file_system and status.st_dev != frame.device):
                self._store_entry(frame.folder, entry.name, entry.path, status, frame.known)
            return False
        return self._push(
            stack, frame.folder, entry.name, entry.path, status, frame.known, frame.device
        )

    def _push(
        self,
        stack: list[_Open],
        parent: Folder,
        name: bytes,
        path: bytes,
        status: os.stat_result,
        known_above: KnownFolder,
        device: int,
    ) -> bool:
        entries: list[os.DirEntry[bytes]] = []
        # A mount point is stored, what is mounted on it is another file system.
        if not (self._one_file_system and status.st_dev != device):
            try:
                entries = self._exclusions.keep(path, list_folder(path))
            except FileNotFoundError:
                return False
            except OSError as error:
                self._unreadable(path, error)
                return False
        known_id = known_above.subtree(quote_name(name))
        folder = self._open_folder(parent, name, path, status, known_id)
        stack.append(_Open(folder, path, self._known(known_id), device, iter(entries)))
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
        text = render_head(quote_name(name), status, 0, links)
        try:
            if stat.S_ISLNK(mode):
                text += encode_link_target(os.readlink(path))
            text += encode_xattrs(read_xattrs(path))
        except OSError as error:
            self._unreadable(path, error)
            return
        if status.st_rdev and (stat.S_ISBLK(mode) or stat.S_ISCHR(mode)):
            text += f',"device":{status.st_rdev}'
        folder.entries[name] = text + ',"content":null}'

    # -- regular files -----------------------------------------------------------------------

    def _store_file(
        self, folder: Folder, name: bytes, path: bytes, status: os.stat_result, known: KnownFolder
    ) -> None:
        quoted = quote_name(name)
        if known is not EMPTY and self._is_unchanged(folder, name, path, quoted, status, known):
            return
        is_new = quoted not in known
        file = PendingFile(self._builder, folder, name)
        if not is_small(status):
            self._read_now(file, path, is_new=is_new)
            return

        def done(has_xattrs: bool) -> None:
            self._progress.advance(status.st_size)
            self.counts.bytes_read += status.st_size
            self._finish_file(
                file, path, status, status.st_size, has_xattrs=has_xattrs, is_new=is_new
            )

        self._small.add(SmallFile(file, path, status, done, is_new=is_new))

    def _read_now(self, file: PendingFile, path: bytes, *, is_new: bool) -> None:
        """Read a file that is large, or that a worker did not find as it had looked."""
        try:
            size, status = self._reader.read_file(file, path)
        except FileNotFoundError:
            file.abandon()  # gone since it was listed
        except OSError as error:
            file.abandon()
            self._unreadable(path, error)
        else:
            self._finish_file(file, path, status, size, has_xattrs=True, is_new=is_new)

    def _finish_file(
        self,
        file: PendingFile,
        path: bytes,
        status: os.stat_result,
        size: int,
        *,
        has_xattrs: bool,
        is_new: bool,
    ) -> None:
        if is_new:
            self.counts.files_new += 1
        else:
            self.counts.files_changed += 1
        self._count_file(size)
        xattrs = encode_xattrs(self._xattrs(path)) if has_xattrs else ""
        head = render_head(quote_name(file.name), status, size, status.st_nlink)
        file.finish(lambda ids: render_file(head, xattrs, ids))

    def _read_again(self) -> None:
        """Files that changed, or could not be read, between our look and the worker's."""
        while self._small.retry:
            small = self._small.retry.popleft()
            self._read_now(small.file, small.path, is_new=small.is_new)

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
        head = render_head(quoted, status, status.st_size, status.st_nlink)
        text = known.same_text(quoted, head + ",")
        content = None if text is None else content_of(text)
        if content is None:
            looks = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
            content = known.same_content(quoted, looks)
            if content is not None:
                text = render_file(head, encode_xattrs(self._xattrs(path)), content)
        if content is None or not all_stored(self._index, content):
            return False
        folder.entries[name] = text
        self.counts.files_unmodified += 1
        self._count_file(status.st_size)
        self._progress.advance(status.st_size)
        return True

    # -- counting ----------------------------------------------------------------------------

    def _xattrs(self, path: bytes) -> tuple[tuple[bytes, bytes], ...]:
        try:
            return read_xattrs(path)
        except OSError as error:
            self._unreadable(path, error)
            return ()

    def _unreadable(self, path: bytes, error: OSError) -> None:
        self.counts.unreadable.append((path, error.strerror or str(error)))

    def _count_file(self, size: int) -> None:
        self.counts.total_files_processed += 1
        self.counts.total_bytes_processed += size
