"""A folder of a snapshot as a tar archive (PAX), written while it is read.

Names are bytes and stay so; times keep their nanoseconds; extended attributes are written as
GNU tar, bsdtar and restic write them.
"""

import os
import tarfile
from collections.abc import Iterator
from typing import IO, Protocol, cast

from lpse_ops.backup.blobindex import BlobIndex
from lpse_ops.backup.dump import read_blobs
from lpse_ops.backup.node import Node
from lpse_ops.backup.pack import BlobType
from lpse_ops.backup.repository import Repository
from lpse_ops.backup.restorelinks import InodeKey, inode_key
from lpse_ops.backup.treewalk import walk_tree
from lpse_ops.errors import RepositoryError

_TYPES = {
    "file": tarfile.REGTYPE,
    "dir": tarfile.DIRTYPE,
    "symlink": tarfile.SYMTYPE,
    "dev": tarfile.BLKTYPE,
    "chardev": tarfile.CHRTYPE,
    "fifo": tarfile.FIFOTYPE,
}
_SECOND = 1_000_000_000
# Seven octal digits; no extension of the format has more for these.
_DEVICE_LIMIT = 1 << 21


class Sink(Protocol):
    def write(self, content: bytes, /) -> object: ...


def write_tar(repository: Repository, index: BlobIndex, tree_id: bytes, out: Sink) -> int:
    """Write everything below a tree, names relative to it; return how many entries."""
    links: dict[InodeKey, str] = {}
    count = 0
    with tarfile.open(
        mode="w|",
        fileobj=cast(IO[bytes], out),
        format=tarfile.PAX_FORMAT,
        encoding="utf-8",
        errors="surrogateescape",
    ) as archive:
        for path, node in walk_tree(repository, index, tree_id):
            if node.type not in _TYPES:
                continue  # sockets mean nothing elsewhere
            info = _describe(index, path.lstrip(b"/"), node, links)
            content = _BlobReader(repository, index, node) if info.isreg() else None
            archive.addfile(info, cast("IO[bytes] | None", content))
            # It would keep every entry for a listing that nobody asks for.
            archive.members.clear()  # type: ignore[attr-defined]
            count += 1
    return count


def _describe(
    index: BlobIndex, path: bytes, node: Node, links: dict[InodeKey, str]
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(os.fsdecode(path))
    info.type = _TYPES[node.type]
    info.mode = node.permissions
    info.uid, info.gid = node.uid, node.gid
    info.uname, info.gname = node.user, node.group
    info.linkname = os.fsdecode(node.link_target)
    info.devmajor, info.devminor = _device_numbers(path, node)
    info.pax_headers = _pax_headers(node)
    info.mtime = node.mtime_ns // _SECOND
    first = links.setdefault(key, info.name) if (key := inode_key(node)) else info.name
    if first != info.name:
        info.type, info.linkname = tarfile.LNKTYPE, first
    elif node.type == "file":
        # What the blobs hold, not what the entry promises: a wrong size would spoil the archive.
        info.size = sum(index.plaintext_length(BlobType.DATA, each) or 0 for each in node.content)
    return info


def _device_numbers(path: bytes, node: Node) -> tuple[int, int]:
    numbers = os.major(node.device), os.minor(node.device)
    if max(numbers) >= _DEVICE_LIMIT:
        raise RepositoryError(
            f"{path.decode('utf-8', 'backslashreplace')}: a tar archive cannot hold the device "
            f"number {node.device}",
            hint="lpse-ops backup restore SNAPSHOT --target DIR takes the folder out without tar",
        )
    return numbers


def _pax_headers(node: Node) -> dict[str, str]:
    headers = {
        f"SCHILY.xattr.{os.fsdecode(name)}": os.fsdecode(value) for name, value in node.xattrs
    }
    second, fraction = divmod(node.mtime_ns, _SECOND)
    if fraction and second >= 0:
        headers["mtime"] = f"{second}.{fraction:09d}"
    return headers


class _BlobReader:
    """A file's content for ``tarfile``, which asks for pieces of its own choice."""

    def __init__(self, repository: Repository, index: BlobIndex, node: Node) -> None:
        self._blobs: Iterator[bytes] = read_blobs(repository, index, node.content)
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        pieces: list[bytes] = []
        while size:
            if not self._rest:
                self._rest = memoryview(next(self._blobs, b""))
                if not self._rest:
                    break
            piece, self._rest = self._rest[:size], self._rest[size:]
            pieces.append(bytes(piece))
            size -= len(piece)
        return b"".join(pieces)
