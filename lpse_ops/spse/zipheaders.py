"""Headers of ZIP archives (PKWARE's APPNOTE 6.3): the directory at the end, and each entry's own.

Stored and deflated entries only, no ZIP64, no encryption, one disk: all else is refused, as two
readers could see two archives in it.
"""

import struct
from dataclasses import dataclass

from lpse_ops.spse.packageentry import BadArchive, Kind, Member
from lpse_ops.spse.packagenames import parse_name

STORED, DEFLATED = 0, 8
LOCAL_BYTES, CENTRAL_BYTES, END_BYTES = 30, 46, 22
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_LOCAL_MARK, _CENTRAL_MARK, END_MARK, _DESCRIPTOR_MARK = (
    b"PK\3\4",
    b"PK\1\2",
    b"PK\5\6",
    b"PK\7\x08",
)
_ENCRYPTED, _DEFLATE_LEVEL, _DESCRIPTOR, _UTF8 = 0x1, 0x6, 0x8, 0x800
_KNOWN_FLAGS = _DEFLATE_LEVEL | _DESCRIPTOR | _UTF8
# Times, owners and a Unicode name take less.
_MAX_EXTRA_BYTES = 1500
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 0x1, 0x7075
_FULL, _FULL_SHORT = 0xFFFFFFFF, 0xFFFF
# "Version made by", upper byte: whose attributes the entry has.
_UNIX_MAKERS = (3, 19)
_TYPE_BITS, _SET_ID_BITS, _EXECUTABLE_BITS = 0o170000, 0o6000, 0o111
_KINDS: dict[int, Kind] = {0o100000: "file", 0o040000: "folder", 0o120000: "link"}
_DOS_FOLDER = 0x10


@dataclass(frozen=True)
class End:
    """The directory's place, and how many entries it should hold."""

    entries: int
    offset: int
    size_bytes: int


@dataclass(frozen=True)
class Listed:
    """One entry of the directory; ``offset`` is where its own header begins."""

    member: Member
    name: bytes
    flags: int
    method: int
    crc: int
    compressed_bytes: int
    offset: int

    @property
    def has_descriptor(self) -> bool:
        return bool(self.flags & _DESCRIPTOR)


def parse_end(content: bytes, size_bytes: int) -> End:
    """Read the end record, which with its comment must be the last of ``size_bytes``."""
    _, disk, first_disk, here, entries, length, offset, comment_bytes = _END.unpack_from(content)
    comment = content[END_BYTES:]
    if len(comment) != comment_bytes:
        raise BadArchive("its end record is followed by other data")
    if b"PK" in comment:
        raise BadArchive("its comment hides another archive")
    if _FULL in (length, offset) or _FULL_SHORT in (here, entries):
        raise BadArchive("it is a ZIP64 archive, which is not taken")
    if disk or first_disk or here != entries:
        raise BadArchive("it is one of several disks")
    if offset + length + len(content) != size_bytes:
        raise BadArchive("data is hidden before it, or between its directory and its end")
    return End(entries, offset, length)


def parse_directory(content: bytes, end: End) -> list[Listed]:
    """All entries in the order of their places in the file."""
    listed = []
    at = 0
    for _ in range(end.entries):
        entry, at = _parse_listed(content, at)
        listed.append(entry)
    if at != len(content):
        raise BadArchive("its directory holds more than it says")
    return sorted(listed, key=lambda each: each.offset)


def _parse_listed(content: bytes, at: int) -> tuple[Listed, int]:
    if len(content) < at + CENTRAL_BYTES or content[at : at + 4] != _CENTRAL_MARK:
        raise BadArchive("its directory is damaged")
    fields = _CENTRAL.unpack_from(content, at)
    _, made_by, _, flags, method, _, _, crc, compressed, size = fields[:10]
    name_bytes, extra_bytes, comment_bytes, disk, _, attributes, offset = fields[10:]
    name_end = at + CENTRAL_BYTES + name_bytes
    extra_end = name_end + extra_bytes
    if len(content) < extra_end + comment_bytes:
        raise BadArchive("its directory is cut off")
    name = content[at + CENTRAL_BYTES : name_end]
    if b"PK" in content[extra_end : extra_end + comment_bytes]:
        raise BadArchive("has a comment that hides another archive", name)
    _check_flags(name, flags, method)
    check_extra(name, content[name_end:extra_end])
    if _FULL in (compressed, size, offset) or disk:
        raise BadArchive("is a ZIP64 entry or on another disk, which is not taken", name)
    member = _to_member(name, made_by >> 8, attributes, size)
    return (
        Listed(member, name, flags, method, crc, compressed, offset),
        extra_end + comment_bytes,
    )


def _check_flags(name: bytes, flags: int, method: int) -> None:
    if flags & _ENCRYPTED:
        raise BadArchive("is encrypted", name)
    if flags & ~_KNOWN_FLAGS:
        raise BadArchive(f"has flags that are not taken (0x{flags:04x})", name)
    if method not in (STORED, DEFLATED):
        raise BadArchive(f"is compressed by method {method}, only 0 and 8 are taken", name)


def check_extra(name: bytes, extra: bytes) -> None:
    """Refuse extra fields that give an entry another name or size, or that could hide much."""
    if len(extra) > _MAX_EXTRA_BYTES:
        raise BadArchive(f"has more than {_MAX_EXTRA_BYTES} bytes of extra fields", name)
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        # The other name stands behind a version and a checksum.
        renames = kind == _UNICODE_PATH_EXTRA and extra[at + 9 : at + 4 + length] != name
        if kind == _ZIP64_EXTRA or renames:
            raise BadArchive("has an extra field that gives another name or size", name)
        at += 4 + length
    if at != len(extra):
        raise BadArchive("has a damaged extra field", name)


def _to_member(name: bytes, maker: int, attributes: int, size_bytes: int) -> Member:
    path = parse_name(name)
    mode = attributes >> 16 if maker in _UNIX_MAKERS else 0
    by_name: Kind = "folder" if name.endswith(b"/") else "file"
    kind = _KINDS.get(mode & _TYPE_BITS) if mode & _TYPE_BITS else by_name
    if kind is None:
        raise BadArchive("is a device, a pipe or a socket", name)
    says_folder = kind == "folder" or bool(attributes & _DOS_FOLDER)
    if says_folder != (by_name == "folder"):
        raise BadArchive("is a folder by its name or its attributes, but not by both", name)
    if kind == "file" and mode & _SET_ID_BITS:
        raise BadArchive("has a set-user-id or set-group-id bit", name)
    if kind == "folder" and size_bytes:
        raise BadArchive("is a folder that has content", name)
    is_executable = kind == "file" and bool(mode & _EXECUTABLE_BITS)
    return Member(path, kind, size_bytes, is_executable=is_executable)


def check_local(header: bytes, listed: Listed) -> tuple[int, int]:
    """Compare an entry's own header with the directory; return the sizes of name and extra."""
    mark, _, flags, method, _, _, crc, compressed, size, name_bytes, extra_bytes = _LOCAL.unpack(
        header
    )
    if mark != _LOCAL_MARK:
        raise BadArchive("has no header of its own", listed.name)
    expected = (listed.crc, listed.compressed_bytes, listed.member.size_bytes)
    allowed = [expected, (0, 0, 0)] if listed.has_descriptor else [expected]
    if (flags, method) != (listed.flags, listed.method) or (crc, compressed, size) not in allowed:
        raise BadArchive("has two headers that disagree", listed.name)
    return name_bytes, extra_bytes


def check_descriptor(content: bytes, listed: Listed) -> None:
    """Compare what follows an entry's data with the directory."""
    numbers = struct.pack("<3I", listed.crc, listed.compressed_bytes, listed.member.size_bytes)
    wanted = [numbers, _DESCRIPTOR_MARK + numbers] if listed.has_descriptor else [b""]
    if content not in wanted:
        raise BadArchive("is followed by data of no entry, or by sizes that disagree", listed.name)
