"""Whether every document that a restored database names is in the restored tree, at its size.

The tree is looked at as if its folder were ``/``: a link in it that points to an absolute path
must not lead to the server's own files, which would prove nothing.
"""

import os
import stat
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from lpse_ops.backup.drill import LISTED, DocumentsProof, Finding

_MAX_HOPS = 40
_KEPT_FOLDERS = 4096


@dataclass(frozen=True)
class NamedDocument:
    """A row of ``documents_query``; ``size_bytes`` is None where the query gives no size."""

    path: bytes
    size_bytes: int | None


@dataclass(frozen=True)
class DocumentsCheck:
    proof: DocumentsProof
    findings: list[Finding]


def parse_document(row: Sequence[Any]) -> NamedDocument | None:
    """A row as a document; None where the row names none.  ``ValueError`` says what is wrong."""
    if len(row) not in (1, 2):
        raise ValueError(f"{len(row)} columns instead of path, or path and size")
    path, size = row[0], row[1] if len(row) == 2 else None
    if path is None or path in ("", b""):
        return None
    # Text of a database whose encoding is SQL_ASCII comes as bytes.
    if not isinstance(path, str | bytes):
        raise ValueError(f"a path that is a {type(path).__name__}, not text")
    if isinstance(size, Decimal) and size.is_finite() and size == size.to_integral_value():
        size = int(size)
    if size is not None and type(size) is not int:
        raise ValueError(f"a size that is a {type(size).__name__}, not a number of bytes")
    return NamedDocument(os.fsencode(path), size)


def check_documents(
    database: str,
    documents: Iterable[NamedDocument],
    tree: "RestoredTree",
    folders: Sequence[bytes],
) -> DocumentsCheck:
    """Look each up; a relative path may lie below any of ``folders``."""
    findings: list[Finding] = []
    named = good = 0
    for document in documents:
        named += 1
        found = _look_up(document, tree, folders)
        if found is not None and document.size_bytes in (None, found):
            good += 1
        elif len(findings) < LISTED:
            findings.append(_finding(document, found))
    if not named:
        what = "documents that the database names"
        findings.append(Finding("documents", what, "one at least", "none"))
    more = named - good - len(findings)
    if more > 0:
        findings.append(Finding("documents", f"{more} more documents", "in the snapshot", "not so"))
    return DocumentsCheck(DocumentsProof(database, named, good), findings)


def _look_up(document: NamedDocument, tree: "RestoredTree", folders: Sequence[bytes]) -> int | None:
    """The size of the file, the right one if there are several; None if there is none."""
    if document.path.startswith(b"/"):
        return tree.size_of(document.path)
    sizes = [tree.size_of(folder + b"/" + document.path) for folder in folders]
    found = [size for size in sizes if size is not None]
    if document.size_bytes in found:
        return document.size_bytes
    return found[0] if found else None


def _finding(document: NamedDocument, found: int | None) -> Finding:
    size = "" if document.size_bytes is None else f" of {document.size_bytes} bytes"
    what = f"document {os.fsdecode(document.path)}"
    there = "none in the snapshot" if found is None else f"a file of {found} bytes"
    return Finding("documents", what, f"a file{size}", there)


class RestoredTree:
    """Paths below ``root``, with ``root`` as ``/`` for every link; nobody else changes it."""

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._real: OrderedDict[bytes, bytes | None] = OrderedDict()

    def size_of(self, path: bytes) -> int | None:
        """The size of the regular file that a path leads to, or None."""
        folder, _, name = os.path.normpath(b"/" + path.lstrip(b"/")).rpartition(b"/")
        real = self._real_folder(folder)
        if real is None:
            return None
        return self._size(real, name)

    def _size(self, folder: bytes, name: bytes) -> int | None:
        try:
            status = os.lstat(self._root + folder + b"/" + name)
        except (OSError, ValueError):
            return None
        if stat.S_ISLNK(status.st_mode):
            end = self._resolve(folder + b"/" + name)
            if end is None:
                return None
            status = os.lstat(self._root + end)
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def _real_folder(self, folder: bytes) -> bytes | None:
        if folder not in self._real:
            self._real[folder] = self._resolve(folder)
            if len(self._real) > _KEPT_FOLDERS:
                self._real.popitem(last=False)
        return self._real[folder]

    def _resolve(self, path: bytes) -> bytes | None:
        """The path without links; None if it does not exist.  Never looks above the root."""
        real: list[bytes] = []
        left = path.split(b"/")[::-1]
        hops = 0
        while left:
            part = left.pop()
            if part in (b"", b"."):
                continue
            if part == b"..":
                del real[-1:]
                continue
            here = b"".join(b"/" + each for each in (*real, part))
            try:
                target = self._read_link(here)
            except (OSError, ValueError):
                return None
            if target is None:
                real.append(part)
                continue
            hops += 1
            if hops > _MAX_HOPS:
                return None
            if target.startswith(b"/"):
                real.clear()
            left += target.split(b"/")[::-1]
        return b"".join(b"/" + each for each in real)

    def _read_link(self, path: bytes) -> bytes | None:
        if stat.S_ISLNK(os.lstat(self._root + path).st_mode):
            return os.readlink(self._root + path)
        return None
