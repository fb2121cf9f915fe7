"""Members of a tar archive, streamed; the archive must end as tar ends it, with nothing behind.

Not the standard library's ``TarFile``: that takes a damaged header for the end of the archive.
"""

from collections.abc import Iterator

from lpse_ops.spse.packageentry import BadArchive, Members
from lpse_ops.spse.packagestreams import Plain
from lpse_ops.spse.tarheaders import (
    BLOCK_BYTES,
    EXTENSIONS,
    PAX_GLOBAL,
    parse_extension,
    parse_header,
    to_member,
)

_MAX_EXTENSION_BYTES = 64 << 10
# After tar's own end: archives are filled up to whole records, of 10 KiB if nobody asks for more.
_MAX_END_BYTES = 1 << 20
_ZEROS = bytes(BLOCK_BYTES)


def read_tar(plain: Plain) -> Members:
    """Give all members with their content, up to the very end of ``plain``."""
    extensions: dict[str, bytes] = {}
    while (block := plain.take(BLOCK_BYTES)) != _ZEROS:
        header = parse_header(block)
        if header.type in EXTENSIONS:
            if header.size > _MAX_EXTENSION_BYTES:
                raise BadArchive(f"it holds a header of {header.size} bytes")
            content = plain.take(header.size)
            _skip_padding(plain, header.size)
            said = parse_extension(header.type, content)
            if twice := said.keys() & extensions.keys():
                raise BadArchive("is said twice of one member", min(twice))
            extensions |= said if header.type != PAX_GLOBAL else {}
            continue
        member = to_member(header, extensions)
        chunks = plain.chunks(member.size_bytes)
        yield member, chunks
        _drain(chunks)
        _skip_padding(plain, member.size_bytes)
        extensions = {}
    if extensions:
        raise BadArchive("it ends after a header of a member that is not there")
    _refuse_more(plain)


def _skip_padding(plain: Plain, size_bytes: int) -> None:
    # What stands there is never looked at by tar; hidden bytes are no package's.
    if any(plain.take(-size_bytes % BLOCK_BYTES)):
        raise BadArchive("it hides bytes between two members")


def _drain(chunks: Iterator[bytes]) -> None:
    for _ in chunks:
        pass


def _refuse_more(plain: Plain) -> None:
    end_bytes = 0
    while chunk := plain.some(_MAX_END_BYTES):
        end_bytes += len(chunk)
        if any(chunk):
            raise BadArchive("it hides data behind the end of the archive")
        if end_bytes > _MAX_END_BYTES:
            raise BadArchive("it goes on with zeros behind its end")
