"""Archives and compressed files written piece by piece, and what is in those that are there.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import bz2
import contextlib
import fnmatch
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from typing import IO, Any, Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Sequence

_PIECE_BYTES = 1 << 20
_OPENERS: Dict[str, Any] = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}
_PROBLEMS = (tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, ValueError, lzma.LZMAError)

# What two archives are compared by; None is no such archive.
Fingerprint = Optional[FrozenSet[Any]]


class Entry(NamedTuple):
    """A file of the host and its name in the archive."""

    path: str
    name: str


def find_entries(paths: Sequence[str], root: str, dest: str) -> List[Entry]:
    """The paths and everything below those that are folders; ``dest`` is never a part of itself."""
    found: List[str] = []
    for path in paths:
        if not os.path.isdir(path):
            found.append(path)
            continue
        for folder, folders, files in os.walk(path):
            found += [os.path.join(folder, name) for name in folders + files]
    own = (os.path.abspath(dest), os.path.realpath(dest))
    return [
        Entry(path, path[len(root) :] if path.startswith(root) else path)
        for path in found
        if os.path.abspath(path) not in own
    ]


def without_matches(entries: Sequence[Entry], patterns: Sequence[str], kind: str) -> List[Entry]:
    """The entries that no pattern matches: names for a tar, whole paths for a zip."""

    def is_kept(entry: Entry) -> bool:
        text = entry.path if kind == "zip" else entry.name.lstrip("/")
        return not any(fnmatch.fnmatch(text, pattern) for pattern in patterns)

    return [entry for entry in entries if is_kept(entry)]


def write_archive(file: IO[bytes], entries: Sequence[Entry], kind: str) -> None:
    """Write a tar (``tar``, ``gz``, ``bz2``, ``xz``) or a ``zip``, without holding any of it."""
    if kind == "zip":
        _write_zip(file, entries)
        return
    with _compressing(file, kind, "") as stream, tarfile.open(
        fileobj=stream, mode="w|", bufsize=_PIECE_BYTES
    ) as archive:
        for entry in entries:
            archive.add(entry.path, entry.name, recursive=False)
            archive.members = []  # type: ignore[attr-defined]


def write_compressed(file: IO[bytes], path: str, kind: str) -> None:
    """Write one file's content, compressed."""
    with open(path, "rb") as source, _compressing(file, kind, os.path.basename(path)) as target:
        shutil.copyfileobj(source, target, _PIECE_BYTES)


def fingerprint_of_entries(entries: Sequence[Entry], kind: str) -> Fingerprint:
    """What an archive of these files would be compared by."""
    if kind == "zip":
        return frozenset(
            (zipfile.ZipInfo.from_file(entry.path, entry.name).filename, _crc_of_path(entry.path))
            for entry in entries
        )
    with open(os.devnull, "wb") as nowhere, tarfile.open(fileobj=nowhere, mode="w") as archive:
        members = [archive.gettarinfo(entry.path, entry.name) for entry in entries]
        return frozenset(_header(member) for member in members if member is not None)


def fingerprint_of_archive(path: str, kind: str) -> Fingerprint:
    """The same of an archive that is there; None if it is none of this kind."""
    try:
        if kind == "zip":
            with zipfile.ZipFile(path) as archive:
                return frozenset((info.filename, info.CRC) for info in archive.infolist())
        with _OPENERS.get(kind, open)(path, "rb") as stream:
            return frozenset(_headers(stream))
    except _PROBLEMS:
        return None


def checksum_of_compressed(path: str, kind: str) -> Optional[int]:
    """The checksum of what is compressed in a file; None if nothing is."""
    try:
        with _OPENERS[kind](path, "rb") as stream:
            return _crc_of(stream)
    except (*_PROBLEMS, zlib.error):
        return None


def checksum_of_file(path: str) -> int:
    with open(path, "rb") as stream:
        return _crc_of(stream)


def _write_zip(file: IO[bytes], entries: Sequence[Entry]) -> None:
    only_written: Any = _OnlyWritten(file)
    with zipfile.ZipFile(only_written, "w", zipfile.ZIP_DEFLATED, True) as archive:
        for entry in entries:
            archive.write(entry.path, entry.name)


class _OnlyWritten:
    """A file without a way back, which is all that a zip needs."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, piece: Any) -> int:
        return self._file.write(piece)

    def flush(self) -> None:
        """What is written is on its way already."""


@contextlib.contextmanager
def _compressing(file: IO[bytes], kind: str, name: str) -> Iterator[Any]:
    if kind == "tar":
        yield file
    elif kind == "gz":
        # Without a time the same content is the same file.
        with gzip.GzipFile(name, "wb", fileobj=file, mtime=0) as stream:
            yield stream
    else:
        with _OPENERS[kind](file, "wb") as stream:
            yield stream


def _headers(stream: IO[bytes]) -> Iterator[Any]:
    with tarfile.open(fileobj=stream, mode="r|", bufsize=_PIECE_BYTES) as archive:
        while True:
            member = archive.next()
            if member is None:
                return
            yield _header(member)
            archive.members = []  # type: ignore[attr-defined]


def _header(member: tarfile.TarInfo) -> Any:
    where = member.linkname if member.issym() or member.islnk() else ""
    size = member.size if member.isreg() else 0
    owner = (member.uid, member.gid, member.uname, member.gname)
    return (member.name, member.type, member.mode & 0o7777, size, int(member.mtime), where, owner)


def _crc_of_path(path: str) -> int:
    return 0 if stat.S_ISDIR(os.stat(path).st_mode) else checksum_of_file(path)


def _crc_of(stream: Any) -> int:
    crc = 0
    for piece in iter(lambda: stream.read(_PIECE_BYTES), b""):
        crc = zlib.crc32(piece, crc)
    return crc & 0xFFFFFFFF
