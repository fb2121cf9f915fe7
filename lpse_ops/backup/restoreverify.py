"""Reads restored files again and compares them with the hashes of their blobs."""

import hashlib
import os
from collections import deque
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

from lpse_ops.backup.blobindex import BlobIndex, Location
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.progress import SILENT, Progress
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.restorelinks import InodeKey, inode_key
from lpse_ops.backup.restorereport import EVERYTHING, Problem, Selection
from lpse_ops.backup.restoretarget import OpenFolder, find_folder, open_regular, open_target
from lpse_ops.backup.treewalk import MAX_DEPTH, TreeLoader
from lpse_ops.errors import DamagedRepository, StorageError

_PIECE_BYTES = 4 * 1024 * 1024
# Smaller files are read at once: handing them to a thread costs more than it saves.
_THREAD_FROM_BYTES = 1024 * 1024
_WAITING = 8


@dataclass
class VerifyReport:
    """``errors``: files that are not there, or not as they were stored."""

    files: int = 0
    size_bytes: int = 0
    errors: list[Problem] = field(default_factory=list)


def verify_tree(
    repository: Repository,
    index: BlobIndex,
    tree_id: bytes,
    target: os.PathLike[str] | bytes,
    selection: Selection = EVERYTHING,
    progress: Progress = SILENT,
    *,
    skip: Collection[bytes] = (),
) -> VerifyReport:
    """Compare the files below ``target`` with a snapshot's tree; ``skip`` holds paths in it."""
    verifier = _Verifier(repository, index, selection, progress, skip)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        verifier.walk(tree_id, open_target(os.fsencode(target), make=False), pool)
    return verifier.report


class _Outcome(NamedTuple):
    path: bytes
    size_bytes: int
    problem: str


@dataclass
class _Frame:
    folder: OpenFolder
    prefix: bytes
    nodes: list[Node]


class _Verifier:
    def __init__(
        self,
        repository: Repository,
        index: BlobIndex,
        selection: Selection,
        progress: Progress,
        skip: Collection[bytes],
    ) -> None:
        self._load = TreeLoader(repository, index).tree
        self._index = index
        self._selection = selection
        self._progress = progress
        self._skip = skip
        self._seen: set[InodeKey] = set()
        self._waiting: deque[Future[_Outcome]] = deque()
        self.report = VerifyReport()

    def walk(self, tree_id: bytes, root: OpenFolder, pool: ThreadPoolExecutor) -> None:
        nodes = self._load(tree_id)
        stack = [_Frame(root, b"/", nodes[::-1])]
        with ExitStack() as cleanup:
            cleanup.callback(_close_all, stack)
            while stack:
                if not stack[-1].nodes:
                    stack.pop().folder.close()
                    continue
                self._visit(stack, stack[-1].nodes.pop(), pool)
            while self._waiting:
                self._note(self._waiting.popleft().result())

    def _visit(self, stack: list[_Frame], node: Node, pool: ThreadPoolExecutor) -> None:
        frame = stack[-1]
        path = frame.prefix + node.name
        is_dir = node.subtree is not None
        selected, inside = self._selection.selected(path, is_dir=is_dir)
        if is_dir and inside and len(stack) < MAX_DEPTH:
            below = self._enter(frame, path, node)
            if below is not None:
                stack.append(below)
        elif selected and node.type == "file" and path not in self._skip:
            self._check(frame.folder, path, node, pool)

    def _enter(self, frame: _Frame, path: bytes, node: Node) -> _Frame | None:
        try:
            nodes = self._load(node.subtree or b"")
            return _Frame(find_folder(frame.folder, node.name), path + b"/", nodes[::-1])
        except (DamagedRepository, StorageError):
            return None  # the restore has reported it
        except OSError:
            return None  # nothing in it was selected, or making it failed and was reported

    def _check(self, folder: OpenFolder, path: bytes, node: Node, pool: ThreadPoolExecutor) -> None:
        key = inode_key(node)
        if key is not None:
            # The names of an inode are one file; once is enough.
            if key in self._seen:
                return
            self._seen.add(key)
        places = [
            place
            for blob_id in node.content
            if (place := next(self._index.locations(BlobType.DATA, blob_id), None)) is not None
        ]
        try:
            descriptor = open_regular(folder, node.name)
        except OSError as error:
            self.report.errors.append((path, f"cannot read it again: {error.strerror}"))
            return
        if sum(place.entry.plaintext_length for place in places) < _THREAD_FROM_BYTES:
            self._note(_compare(path, descriptor, places))
            return
        self._waiting.append(pool.submit(_compare, path, descriptor, places))
        if len(self._waiting) > _WAITING:
            self._note(self._waiting.popleft().result())

    def _note(self, outcome: _Outcome) -> None:
        if outcome.problem:
            self.report.errors.append((outcome.path, outcome.problem))
            return
        self.report.files += 1
        self.report.size_bytes += outcome.size_bytes
        self._progress.advance(outcome.size_bytes)


def _close_all(stack: list[_Frame]) -> None:
    for frame in stack:
        frame.folder.close()


def _compare(path: bytes, descriptor: int, places: Sequence[Location]) -> _Outcome:
    try:
        is_equal = has_content(descriptor, places)
    except OSError as error:
        return _Outcome(path, 0, f"cannot read it again: {error.strerror}")
    finally:
        os.close(descriptor)
    size = sum(place.entry.plaintext_length for place in places)
    return _Outcome(path, size, "" if is_equal else "read again, it is not what was stored")


def has_content(descriptor: int, places: Sequence[Location]) -> bool:
    """Whether an open file is made of exactly these blobs."""
    for place in places:
        left = place.entry.plaintext_length
        digest = hashlib.sha256()
        while left:
            piece = os.read(descriptor, min(left, _PIECE_BYTES))
            if not piece:
                return False
            digest.update(piece)
            left -= len(piece)
        if digest.digest() != place.entry.id:
            return False
    return not os.read(descriptor, 1)
