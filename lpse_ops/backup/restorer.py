"""Restores a snapshot's tree into a folder.

Walks the tree in its order and decides for each entry; ``restorewriter`` fills the files while
the walk goes on.  What cannot be restored is reported and the rest goes on: an old backup with a
damaged blob must still give back everything else.
"""

import os
import resource
from collections.abc import Iterator
from contextlib import closing, contextmanager

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.collector import rare_collections
from lpse_ops.backup.node import Node
from lpse_ops.backup.progress import SILENT, Progress
from lpse_ops.backup.readpool import ReadPool
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.restoreentries import EntryRestorer
from lpse_ops.backup.restorefolders import Folder
from lpse_ops.backup.restorereport import Ledger, RestoreOptions, RestoreReport
from lpse_ops.backup.restoreverify import verify_tree
from lpse_ops.backup.treewalk import MAX_DEPTH, TreeLoader, find_entry, load_tree
from lpse_ops.errors import DamagedRepository, RepositoryError, StorageError


def restore(
    repository: Repository,
    index: BlobIndex,
    tree_id: bytes,
    target: os.PathLike[str] | bytes,
    options: RestoreOptions | None = None,
    progress: Progress = SILENT,
    pool: ReadPool | None = None,
) -> RestoreReport:
    """Restore what is below a tree into ``target``.  Problems of single files are in the report.

    ``pool`` has the repository open and handles requests with ``restoring_handler``.

    Raises ``RestoreFailed`` when nothing more can be written, and what makes the whole
    repository or the tree itself unreadable.
    """
    options = options or RestoreOptions()
    root = os.fsencode(target)
    ledger = Ledger()
    nodes = load_tree(repository, index, tree_id)
    with rare_collections(), _many_open_files():
        entries = EntryRestorer(repository, index, root, options, ledger, progress, pool)
        with closing(entries):
            _Walk(repository, index, options, entries, ledger).run(nodes)
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


class _Walk:
    """Goes through the tree and hands its entries on, each folder before what is in it."""

    def __init__(
        self,
        repository: Repository,
        index: BlobIndex,
        options: RestoreOptions,
        entries: EntryRestorer,
        ledger: Ledger,
    ) -> None:
        self._trees = TreeLoader(repository, index)
        self._options = options
        self._entries = entries
        self._folders = entries.folders
        self._ledger = ledger

    def run(self, nodes: list[Node]) -> None:
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
        self._entries.finish()
        # Last of all: hard links find their first names through it.
        self._folders.release(self._folders.root)

    def _visit(self, frame: _Frame, node: Node) -> _Frame | None:
        path = frame.prefix + node.name
        is_dir = node.subtree is not None
        selected, inside = self._options.selection.selected(path, is_dir=is_dir)
        if is_dir:
            return self._enter(frame, path, node, selected=selected) if selected or inside else None
        if selected:
            self._entries.restore(frame.folder, path, node)
        return None

    def _enter(self, frame: _Frame, path: bytes, node: Node, *, selected: bool) -> _Frame | None:
        folder = self._folders.new(frame.folder, path, node)
        if selected and not self._entries.make_folder(folder):
            return None
        try:
            nodes = self._trees.tree(node.subtree or b"")
        except (DamagedRepository, StorageError) as error:
            self._ledger.fail(path, error.message)
            nodes = []
        return _Frame(folder, nodes)


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
