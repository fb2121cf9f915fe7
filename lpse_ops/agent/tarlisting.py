"""Tar archives looked through before anybody unpacks them: streamed, and judged by every header.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.
"""

import bz2
import contextlib
import gzip
import lzma
import subprocess
import tarfile
import zlib
from typing import IO, Any, Dict, Iterator, List, NamedTuple

from lpse_ops.agent.archivenames import (
    UnreadableArchive,
    add_link,
    inner_name,
    refusal,
    refuse_overflow,
    refuse_ways_out,
    straight_name,
)
from lpse_ops.agent.commands import find_program

_BUFFER_BYTES = 1 << 18
# Long names and their kin are read into memory whole.
_MAX_HEADER_BYTES = 1 << 20
_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_PROBLEMS = (tarfile.TarError, OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)


class Member(NamedTuple):
    """What an archive says of one of its files."""

    mode: int
    mtime: float


def look_through(path: str, compression: str, dest: str, exclude: List[str]) -> Dict[str, Member]:
    """Read all headers, in the archive's order; ``Failed`` for one that must not be unpacked.

    Members that ``exclude`` names are not judged.  Raises ``UnreadableArchive``.
    """
    members: Dict[str, Member] = {}
    links: Dict[str, str] = {}
    hard_links: Dict[str, str] = {}
    size_bytes = 0
    with _reading(path, compression) as archive:
        for member in _members(archive):
            if member.name in exclude:
                continue
            name = inner_name(member.name) + ("/" if member.isdir() else "")
            if member.isdev():
                raise refusal(member.name, "is a device or a pipe")
            if member.issym():
                add_link(links, name, member.linkname)
            if member.islnk():
                hard_links[name] = straight_name(inner_name(member.linkname))
            if member.isreg() and not member.issparse():
                size_bytes += member.size
            refuse_overflow(size_bytes, len(members), dest)
            members[name] = Member(member.mode, member.mtime)
    # A second name of a link leads where the link does.
    for name, old in hard_links.items():
        if old in links:
            add_link(links, name, links[old])
    refuse_ways_out([*members, *hard_links.values()] if links else (), links)
    return members


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """All members; none is kept in memory."""
    while True:
        member = archive.next()
        if member is None:
            return
        yield member
        archive.members = []  # type: ignore[attr-defined]


class _Header(tarfile.TarInfo):
    """A header whose long names have a limit."""

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.type in _HEADERS and self.size > _MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {self.size} bytes")
        return super()._proc_member(archive)  # type: ignore[misc]


@contextlib.contextmanager
def _reading(path: str, compression: str) -> Iterator[tarfile.TarFile]:
    try:
        with _plain(path, compression) as stream, tarfile.open(
            fileobj=stream, mode="r|", bufsize=_BUFFER_BYTES, tarinfo=_Header, errorlevel=1
        ) as archive:
            yield archive
    except _PROBLEMS as error:
        raise UnreadableArchive(str(error)) from error


@contextlib.contextmanager
def _plain(path: str, compression: str) -> Iterator[IO[bytes]]:
    """The archive without its compression."""
    if compression == "zst":
        with _zstd(path) as stream:
            yield stream
        return
    openers: Dict[str, Any] = {"gz": gzip.open, "bz2": bz2.open, "xz": lzma.open}
    with openers.get(compression, open)(path, "rb") as stream:
        yield stream


@contextlib.contextmanager
def _zstd(path: str) -> Iterator[IO[bytes]]:
    program = find_program("zstd")
    if program is None:
        raise UnreadableArchive("Unable to find required 'zstd' binary in path.")
    process = subprocess.Popen(
        [program, "-dcqq", "--", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    try:
        if process.stdout is None:
            raise UnreadableArchive("zstd has no output")
        yield process.stdout
    finally:
        if process.stdout:
            process.stdout.close()
        process.wait()
