"""Decides for each file, link and device of a restore what is to be done, and has it done.

Files that need content are collected into windows, so that what lies together in the packs is
read together; ``restorewriter`` fills them while the walk goes on.
"""

import os
from functools import partial

from lpse_ops.backup.blobindex import BlobIndex, Location
from lpse_ops.backup.metadata import apply_to_descriptor, apply_to_name, read_rights
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.progress import Progress
from lpse_ops.backup.readpool import ReadPool
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.restorefolders import Folder, Folders
from lpse_ops.backup.restoreleftovers import TemporaryNames
from lpse_ops.backup.restorelinks import HardLinks, inode_key
from lpse_ops.backup.restoreplan import Window
from lpse_ops.backup.restorereport import Ledger, RestoreOptions
from lpse_ops.backup.restoresmall import SmallFiles, Waiting, is_small
from lpse_ops.backup.restoretarget import (
    OpenFolder,
    has_unnamed_files,
    make_special,
    open_existing,
    open_target,
    put_in_place,
    temporary_entry,
)
from lpse_ops.backup.restoreverify import has_content
from lpse_ops.backup.restorewriter import FileJob, RestoreWriter, Use, WriteSettings

_WINDOW_BYTES = 8 * 1024 * 1024
_WINDOW_USES = 4096
# Files of several blobs and folders stay open until their window is written.
_WINDOW_OPEN = 64


class EntryRestorer:
    """Used from one thread; ``finish`` at the end of the walk, ``close`` in any case."""

    def __init__(
        self,
        repository: Repository,
        index: BlobIndex,
        root: bytes,
        options: RestoreOptions,
        ledger: Ledger,
        progress: Progress,
        pool: ReadPool | None = None,
    ) -> None:
        self._index = index
        self._options = options
        self._ledger = ledger
        self._progress = progress
        self._rights = read_rights(owners=options.owners)
        self._names = TemporaryNames()
        target = _open_root(root, dry_run=options.dry_run)
        self.folders = Folders(target, self._rights, ledger)
        self._links = None
        if target is not None:
            self._links = HardLinks(target, self._names, ledger, self.folders.release)
        threads = 0 if options.dry_run else options.threads or len(os.sched_getaffinity(0)) + 1
        may_be_unnamed = options.unnamed and not options.dry_run
        unnamed = may_be_unnamed and target is not None and has_unnamed_files(target)
        settings = WriteSettings(self._rights, options.sparse, threads, unnamed)
        self._writer = RestoreWriter(repository, index, ledger, settings, progress)
        self._window: Window[Use] = Window()
        self._window_open = 0
        self._small = None
        if pool is not None and not options.dry_run and not options.sparse:
            release = self.folders.release
            self._small = SmallFiles(
                repository, pool, settings, ledger, progress, release, self._submit_again
            )

    def finish(self) -> None:
        """Until everything is written."""
        if self._small is not None:
            self._small.finish()
        self._flush()
        self._writer.finish()

    def close(self) -> None:
        self._writer.close()
        self.folders.close()

    def make_folder(self, folder: Folder) -> bool:
        """Make a folder that is selected itself; False if what is in it cannot be restored."""
        self._window_open += 1
        opened = self._open(folder)
        if self._options.dry_run:
            self._ledger.add(dirs=1)
        return self._options.dry_run or opened is not None

    def _open(self, folder: Folder) -> OpenFolder | None:
        if self._options.dry_run:
            return self.folders.look_up(folder)
        return self.folders.make(folder)

    def restore(self, parent: Folder, path: bytes, node: Node) -> None:
        """Restore anything but a folder; what goes wrong is in the ledger."""
        try:
            self._restore_entry(parent, path, node)
        except OSError as error:
            self._writer.check(error)
            self._settle(node, is_there=False)
            self._ledger.fail(path, error.strerror or str(error))
        except (ValueError, OverflowError) as error:
            # A device number or a link's target that no system call takes.
            self._ledger.fail(path, str(error))

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
            # Size and time prove nothing: they are on the disk before the content is, and after a
            # power cut in the midst of a restore they are all that is there.
            is_equal = has_content(descriptor, places)
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
        self.folders.hold(parent)
        if self._small is not None and is_small(node, places, size):
            self._small.add(folder, self._names.new(), Waiting(parent, path, node, places, size))
            return
        self._submit_large(parent, folder, path, node, places, size)

    def _submit_again(self, waiting: Waiting) -> None:
        """A small file that could not be restored in a batch: what is wrong is found here."""
        parent = waiting.folder
        if parent.opened is not None:
            self.folders.hold(parent)
            self._submit_large(
                parent, parent.opened, waiting.path, waiting.node, waiting.places, waiting.size
            )

    def _submit_large(
        self,
        parent: Folder,
        folder: OpenFolder,
        path: bytes,
        node: Node,
        places: list[Location],
        size: int,
    ) -> None:
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
        self.folders.release(parent)

    # -- hard links --------------------------------------------------------------------------

    def _becomes_link(self, parent: Folder, path: bytes, node: Node) -> bool:
        """Whether another name of the same inode comes first; the link is then made some time."""
        if self._links is None or self._options.dry_run or inode_key(node) is None:
            return False
        self.folders.hold(parent)
        if self._links.takes(parent, path, node):
            return True
        self.folders.release(parent)
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
    return open_target(root, make=not dry_run)
