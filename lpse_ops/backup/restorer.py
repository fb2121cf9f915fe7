"""Restores a snapshot's tree into a folder.

Walks the tree in its order and decides for each entry; ``restorewriter`` fills the files while
the walk goes on.  What cannot be restored is reported and the rest goes on: an old backup with a
damaged blob must still give back everything else.
"""

import os
import resource
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

from lpse_ops.backup.blobindex import BlobIndex, Location
from lpse_ops.backup.collector import rare_collections
from lpse_ops.backup.metadata import apply_to_descriptor, apply_to_name, read_rights
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.progress import SILENT, Progress
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.restorefolders import Folder, Folders
from lpse_ops.backup.restorelinks import HardLinks, inode_key
from lpse_ops.backup.restoreplan import Window
from lpse_ops.backup.restorereport import Ledger, RestoreOptions, RestoreReport
from lpse_ops.backup.restoretarget import (
    OpenFolder,
    TemporaryNames,
    make_special,
    open_existing,
    open_target,
    put_in_place,
    temporary_entry,
)
from lpse_ops.backup.restoreverify import has_content, verify_tree
from lpse_ops.backup.restorewriter import FileJob, RestoreWriter, Use, WriteSettings
from lpse_ops.backup.treewalk import MAX_DEPTH, find_entry, load_tree
from lpse_ops.errors import DamagedRepository, RepositoryError, StorageError

_WINDOW_BYTES = 32 * 1024 * 1024
_WINDOW_USES = 4096
# Files of several blobs and folders stay open until their window is written.
_WINDOW_OPEN = 64


def restore(
    repository: Repository,
    index: BlobIndex,
    tree_id: bytes,
    target: os.PathLike[str] | bytes,
    options: RestoreOptions | None = None,
    progress: Progress = SILENT,
) -> RestoreReport:
    """Restore what is below a tree into ``target``.  Problems of single files are in the report.

    Raises ``RestoreFailed`` when nothing more can be written, and what makes the whole
    repository or the tree itself unreadable.
    """
    options = options or RestoreOptions()
    root = os.fsencode(target)
    ledger = Ledger()
    nodes = load_tree(repository, index, tree_id)
    with rare_collections(), _many_open_files():
        with closing(_Restore(repository, index, root, options, ledger, progress)) as run:
            run.walk(nodes)
        if options.verify and not options.dry_run:
            _verify(repository, index, tree_id, root, options, progress, ledger.report)
    return ledger.report


def _verify(
    repository: Repository,
    index: BlobIndex,
    tree_id: bytes,
    root: bytes,
    options: RestoreOptions,
    progress: Progress,
    report: RestoreReport,
) -> None:
    failed = {path for path, _ in report.errors}
    verified = verify_tree(
        repository, index, tree_id, root, options.selection, progress, skip=failed
    )
    report.verified_files = verified.files
    report.verified_bytes = verified.size_bytes
    report.errors += verified.errors


def folder_tree(repository: Repository, index: BlobIndex, tree_id: bytes, path: bytes) -> bytes:
    """The tree of a folder in a snapshot, for ``SNAPSHOT:/PATH``; ``/`` is the tree itself."""
    if not path.strip(b"/"):
        return tree_id
    subtree = find_entry(repository, index, tree_id, path).node.subtree
    if subtree is None:
        raise RepositoryError(
            f"{path.decode('utf-8', 'replace')} is not a folder",
            hint="give the folder it is in, and the file with --include",
        )
    return subtree


class _Frame:
    """A folder that the walk is in."""

    __slots__ = ("entries", "folder", "prefix")

    def __init__(self, folder: Folder, nodes: list[Node]) -> None:
        self.folder = folder
        self.prefix = folder.path if folder.path.endswith(b"/") else folder.path + b"/"
        self.entries = iter(nodes)


class _Restore:
    """One run; ``close`` in any case."""

    def __init__(
        self,
        repository: Repository,
        index: BlobIndex,
        root: bytes,
        options: RestoreOptions,
        ledger: Ledger,
        progress: Progress,
    ) -> None:
        self._repository = repository
        self._index = index
        self._options = options
        self._ledger = ledger
        self._progress = progress
        self._rights = read_rights(owners=options.owners)
        self._names = TemporaryNames()
        target = _open_root(root, dry_run=options.dry_run)
        self._folders = Folders(target, self._rights, ledger)
        self._links = None
        if target is not None:
            self._links = HardLinks(target, self._names, ledger, self._folders.release)
        threads = 0 if options.dry_run else options.threads or len(os.sched_getaffinity(0)) + 1
        settings = WriteSettings(self._rights, options.sparse, threads)
        self._writer = RestoreWriter(repository, index, ledger, settings, progress)
        self._window: Window[Use] = Window()
        self._window_open = 0

    def close(self) -> None:
        self._writer.close()
        self._folders.close()

    # -- the walk ----------------------------------------------------------------------------

    def walk(self, nodes: list[Node]) -> None:
        stack = [_Frame(self._folders.root, nodes)]
        while stack:
            frame = stack[-1]
            node = next(frame.entries, None)
            if node is None:
                stack.pop()
                if stack:
                    self._folders.release(frame.folder)
                continue
            below = self._visit(frame, node)
            if below is not None:
                stack.append(below)
                _refuse_depth(len(stack))
        self._flush()
        self._writer.finish()
        # Last of all: hard links find their first names through it.
        self._folders.release(self._folders.root)

    def _visit(self, frame: _Frame, node: Node) -> _Frame | None:
        path = frame.prefix + node.name
        is_dir = node.subtree is not None
        selected, inside = self._options.selection.selected(path, is_dir=is_dir)
        if node.subtree is not None:
            return self._enter(frame, path, node, selected=selected) if selected or inside else None
        if selected:
            try:
                self._restore_entry(frame.folder, path, node)
            except OSError as error:
                self._writer.check(error)
                self._settle(node, is_there=False)
                self._ledger.fail(path, error.strerror or str(error))
            except (ValueError, OverflowError) as error:
                # A device number or a link's target that no system call takes.
                self._ledger.fail(path, str(error))
        return None

    def _enter(self, frame: _Frame, path: bytes, node: Node, *, selected: bool) -> _Frame | None:
        folder = self._folders.new(frame.folder, path, node)
        if selected:
            self._window_open += 1
            if not self._open(folder) and not self._options.dry_run:
                return None
            if self._options.dry_run:
                self._ledger.add(dirs=1)
        try:
            nodes = load_tree(self._repository, self._index, node.subtree or b"")
        except (DamagedRepository, StorageError) as error:
            self._ledger.fail(path, error.message)
            nodes = []
        return _Frame(folder, nodes)

    def _open(self, folder: Folder) -> OpenFolder | None:
        if self._options.dry_run:
            return self._folders.look_up(folder)
        return self._folders.make(folder)

    # -- entries -----------------------------------------------------------------------------

    def _restore_entry(self, parent: Folder, path: bytes, node: Node) -> None:
        if node.type == "socket":
            self._ledger.add(skipped=1)
            return
        folder = self._open(parent)
        if node.type != "file":
            self._restore_special(folder, path, node)
        elif folder is not None or self._options.dry_run:
            self._restore_file(parent, folder, path, node)

    def _restore_special(self, folder: OpenFolder | None, path: bytes, node: Node) -> None:
        if folder is None:
            self._ledger.add(others_restored=int(self._options.dry_run))
            return
        if not self._rights.is_root and node.type in ("dev", "chardev"):
            self._ledger.add(skipped=1)
            self._ledger.warn(path, "a device can only be made by root")
            return
        if not self._options.dry_run:
            self._make_special(folder, path, node)
        self._ledger.add(others_restored=1)

    def _make_special(self, folder: OpenFolder, path: bytes, node: Node) -> None:
        temporary = self._names.new()
        with temporary_entry(folder, temporary, partial(make_special, folder, temporary, node)):
            for problem in apply_to_name(folder.descriptor, temporary, node, self._rights):
                self._ledger.fail(path, problem)
            put_in_place(folder, temporary, node.name)

    def _restore_file(
        self, parent: Folder, folder: OpenFolder | None, path: bytes, node: Node
    ) -> None:
        if self._becomes_link(parent, path, node):
            return
        places = self._locate(path, node)
        if places is None:
            self._settle(node, is_there=False)
            return
        size = sum(place.entry.plaintext_length for place in places)
        if size != node.size:
            self._ledger.warn(path, f"its size is {size} bytes, not {node.size} as recorded")
        if folder is not None and not folder.is_new and self._is_there(folder, path, node, places):
            self._settle(node, is_there=True)
            self._ledger.add(files_unchanged=1, bytes_unchanged=size)
            self._progress.advance(size)
        elif self._options.dry_run or folder is None:
            self._ledger.file_restored(size)
        else:
            self._submit(parent, folder, path, node, places, size)

    def _locate(self, path: bytes, node: Node) -> list[Location] | None:
        places: list[Location] = []
        for blob_id in node.content:
            place = next(self._index.locations(BlobType.DATA, blob_id), None)
            if place is None:
                message = f"blob {blob_id.hex()[:10]} of it is in no pack of the repository"
                self._ledger.fail(path, message)
                return None
            places.append(place)
        return places

    def _is_there(
        self, folder: OpenFolder, path: bytes, node: Node, places: list[Location]
    ) -> bool:
        """Whether the file need not be written; its metadata is then set all the same."""
        found = open_existing(folder, node.name)
        if found is None:
            return False
        descriptor, status = found
        try:
            if status.st_size != sum(place.entry.plaintext_length for place in places):
                return False
            if self._options.verify:
                is_equal = has_content(descriptor, places)
            else:
                is_equal = status.st_mtime_ns == _mtime_or_none(node)
            if is_equal and not self._options.dry_run:
                problems = apply_to_descriptor(descriptor, node, self._rights, drops_acls=True)
                for problem in problems:
                    self._ledger.fail(path, problem)
            return is_equal
        finally:
            os.close(descriptor)

    def _submit(
        self,
        parent: Folder,
        folder: OpenFolder,
        path: bytes,
        node: Node,
        places: list[Location],
        size: int,
    ) -> None:
        self._folders.hold(parent)
        done = partial(self._done, parent)
        job = FileJob(path, node, folder, self._names.new(), size, done)
        if not places:
            self._writer.finish_empty(job)
            return
        self._window_open += len(places) > 1
        offset = 0
        for place in places:
            self._window.add(place, (job, offset))
            offset += place.entry.plaintext_length
            if self._is_full():
                self._flush()

    def _done(self, parent: Folder, job: FileJob) -> None:
        self._settle(job.node, is_there=not job.failure)
        self._folders.release(parent)

    # -- hard links --------------------------------------------------------------------------

    def _becomes_link(self, parent: Folder, path: bytes, node: Node) -> bool:
        """Whether another name of the same inode comes first; the link is then made some time."""
        if self._links is None or self._options.dry_run or inode_key(node) is None:
            return False
        self._folders.hold(parent)
        if self._links.takes(parent, path, node):
            return True
        self._folders.release(parent)
        return False

    def _settle(self, node: Node, *, is_there: bool) -> None:
        if self._links is not None:
            self._links.settle(node, is_there=is_there)

    def _is_full(self) -> bool:
        return (
            self._window.stored_bytes >= _WINDOW_BYTES
            or self._window.uses >= _WINDOW_USES
            or self._window_open >= _WINDOW_OPEN
        )

    def _flush(self) -> None:
        window, self._window, self._window_open = self._window, Window(), 0
        self._writer.submit(window)


def _open_root(root: bytes, *, dry_run: bool) -> OpenFolder | None:
    if dry_run and not os.path.isdir(root):
        return None
    return open_target(root)


def _mtime_or_none(node: Node) -> int | None:
    try:
        return node.mtime_ns
    except ValueError:
        return None


def _refuse_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise DamagedRepository(
            f"folders are nested deeper than {MAX_DEPTH} levels",
            hint="no file system holds such a path; was this repository tampered with?",
        )


@contextmanager
def _many_open_files() -> Iterator[None]:
    """Folders stay open while something in them is unfinished: deep trees need many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
