"""Members of a ZIP archive, read from its first byte to its last: each belongs to one header.

What stands before the first entry, between two, or behind the end is refused, and so are entries
that share bytes.  The directory is looked at first and must be the same when its turn comes.
"""

import zlib
from collections.abc import Iterator
from dataclasses import replace

from lpse_ops.spse.packageentry import BadArchive, Members
from lpse_ops.spse.packagenames import MAX_PATH_BYTES
from lpse_ops.spse.packagesource import Source
from lpse_ops.spse.packagestreams import inflate
from lpse_ops.spse.zipheaders import (
    END_BYTES,
    END_MARK,
    LOCAL_BYTES,
    STORED,
    Listed,
    check_descriptor,
    check_extra,
    check_local,
    parse_directory,
    parse_end,
)

_MAX_COMMENT_BYTES = 0xFFFF
_MAX_DIRECTORY_BYTES = 64 << 20


def read_zip(source: Source) -> Members:
    """Give all members with their content, in the order of their places in the file."""
    tail_at = max(source.size_bytes - END_BYTES - _MAX_COMMENT_BYTES, 0)
    tail = source.peek(tail_at, source.size_bytes - tail_at)
    at = tail.rfind(END_MARK)
    if at < 0 or len(tail) < at + END_BYTES:
        raise BadArchive("it is a ZIP archive without an end, or cut off")
    end = parse_end(tail[at:], source.size_bytes)
    if end.size_bytes > _MAX_DIRECTORY_BYTES:
        raise BadArchive(f"its directory is larger than {_MAX_DIRECTORY_BYTES} bytes")
    directory = source.peek(end.offset, end.size_bytes)
    entries = parse_directory(directory, end)
    nexts = [*(each.offset for each in entries), end.offset][1:]
    for listed, next_offset in zip(entries, nexts, strict=True):
        yield from _read_entry(source, listed, next_offset)
    if source.position != end.offset:
        raise BadArchive("data is hidden before its directory")
    if source.take(end.size_bytes) != directory or source.take(len(tail) - at) != tail[at:]:
        raise BadArchive("it changed while it was read")


def _read_entry(source: Source, listed: Listed, next_offset: int) -> Members:
    if source.position != listed.offset:
        raise BadArchive("has data of no entry before it, or shares bytes", listed.name)
    name_bytes, extra_bytes = check_local(source.take(LOCAL_BYTES), listed)
    if source.take(name_bytes) != listed.name:
        raise BadArchive("has another name in its own header", listed.name)
    check_extra(listed.name, source.take(extra_bytes))
    content = _unpack(source, listed)
    member = listed.member
    if member.kind == "link":
        target = _read_target(content, listed)
        yield replace(member, size_bytes=0, target=target), iter(())
    else:
        yield member, content
        for _ in content:
            pass
    gap = next_offset - source.position
    # At most a mark and three numbers.
    if gap not in (0, 12, 16):
        raise BadArchive("is followed by data of no entry, or shares bytes", listed.name)
    check_descriptor(source.take(gap), listed)


def _unpack(source: Source, listed: Listed) -> Iterator[bytes]:
    """Give an entry's plain content; its size and checksum must be those of the directory."""
    chunks = source.chunks(listed.compressed_bytes)
    inflater = zlib.decompressobj(wbits=-15)
    plain = chunks if listed.method == STORED else inflate(inflater, chunks)
    size_bytes, crc = 0, 0
    for chunk in plain:
        size_bytes += len(chunk)
        crc = zlib.crc32(chunk, crc)
        if size_bytes > listed.member.size_bytes:
            raise BadArchive("unpacks to more than it says", listed.name)
        yield chunk
    if inflater.unused_data or next(chunks, b""):
        raise BadArchive("hides bytes behind its compressed data", listed.name)
    if (size_bytes, crc) != (listed.member.size_bytes, listed.crc):
        raise BadArchive("is not of the size and checksum that it says", listed.name)


def _read_target(content: Iterator[bytes], listed: Listed) -> str:
    if listed.member.size_bytes > MAX_PATH_BYTES:
        raise BadArchive("is a link with a target that no file can have", listed.name)
    try:
        return b"".join(content).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadArchive("is a link whose target is not UTF-8", listed.name) from error
