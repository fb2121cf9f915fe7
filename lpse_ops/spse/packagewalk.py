"""One walk through a package: every name, size and byte judged; the bytes handed on or not.

Inspection and unpacking are the same walk, so that neither sees anything the other does not.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TypeAlias

from lpse_ops.spse.packageentry import BadArchive, Entry, Member
from lpse_ops.spse.packagelimits import Limits, Meter
from lpse_ops.spse.packagenames import Names
from lpse_ops.spse.packagesource import Source
from lpse_ops.spse.packagestreams import open_plain
from lpse_ops.spse.tarmembers import read_tar
from lpse_ops.spse.zipmembers import read_zip

Write: TypeAlias = Callable[[bytes], object]
# Gives where to write a file's bytes; closes it when they are all there.
OpenFile: TypeAlias = Callable[[Member], AbstractContextManager[Write]]
ZIP, TAR = "zip", "tar"
KINDS = (ZIP, TAR, "tar.gz", "tar.xz", "tar.zst")
# By the first bytes, never by the name: a name says what its giver likes.
_MARKS = {
    b"PK\3\4": ZIP,
    b"PK\5\6": ZIP,
    b"\x1f\x8b": "tar.gz",
    b"\xfd7zXZ\0": "tar.xz",
    b"\x28\xb5\x2f\xfd": "tar.zst",
}
_TAR_MARK, _TAR_MARK_AT = b"ustar", 257


def find_kind(source: Source) -> str:
    """One of ``KINDS``, or ``BadArchive``."""
    head = source.peek(0, _TAR_MARK_AT + len(_TAR_MARK))
    for mark, kind in _MARKS.items():
        if head.startswith(mark):
            return kind
    if head[_TAR_MARK_AT:] == _TAR_MARK:
        return TAR
    raise BadArchive(f"it is none of {', '.join(KINDS)}")


@contextlib.contextmanager
def discard(_: Member) -> Iterator[Write]:
    """The ``OpenFile`` of who only looks."""
    yield lambda _: None


def walk(
    source: Source, kind: str, limits: Limits, open_file: OpenFile = discard
) -> tuple[Entry, ...]:
    """Read all of a package; ``BadArchive`` at the first thing that must not be in one."""
    members = read_zip(source) if kind == ZIP else read_tar(open_plain(source, _compression(kind)))
    meter = Meter(limits, source.size_bytes)
    names = Names(limits.entries)
    entries = []
    for member, content in members:
        if not member.path:
            if member.kind != "folder":
                raise BadArchive(f"it holds a {member.kind} without a name")
            continue
        names.add(member.path, member.kind)
        meter.check_declared(member.path, member.size_bytes)
        entries.append(_read(member, content, meter, open_file))
    return tuple(entries)


def _compression(kind: str) -> str:
    return kind.removeprefix(TAR).removeprefix(".")


def _read(member: Member, content: Iterator[bytes], meter: Meter, open_file: OpenFile) -> Entry:
    if member.kind != "file":
        return Entry(member.path, member.kind, target=member.target)
    digest, size_bytes = hashlib.sha256(), 0
    with open_file(member) as write:
        for chunk in content:
            size_bytes += len(chunk)
            meter.add(member.path, size_bytes, len(chunk))
            digest.update(chunk)
            write(chunk)
    return Entry(member.path, "file", size_bytes, digest.hexdigest(), member.is_executable)
