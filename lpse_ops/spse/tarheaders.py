"""Headers of tar archives: ustar, GNU's long names and pax records, and nothing beyond these."""

import re
import tarfile
from collections.abc import Mapping

from lpse_ops.spse.packageentry import BadArchive, Kind, Member
from lpse_ops.spse.packagenames import parse_name

BLOCK_BYTES = 512
LONG_NAME, LONG_LINK = tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK
PAX, PAX_GLOBAL = tarfile.XHDTYPE, tarfile.XGLTYPE
# These describe the member that follows.
EXTENSIONS = (LONG_NAME, LONG_LINK, PAX, PAX_GLOBAL)
_KINDS: dict[bytes, Kind] = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "folder",
    tarfile.SYMTYPE: "link",
    tarfile.LNKTYPE: "hard link",
}
_REFUSED = {
    tarfile.CHRTYPE: "is a device",
    tarfile.BLKTYPE: "is a device",
    tarfile.FIFOTYPE: "is a pipe (fifo)",
    tarfile.GNUTYPE_SPARSE: "is a sparse file",
}
_SET_ID_BITS = 0o6000
_EXECUTABLE_BITS = 0o111
_RECORD = re.compile(rb"([1-9][0-9]{0,9}) ")
# These change what a member is or how it is read.
_STEERING = ("path", "linkpath", "size")
_FORBIDDEN = ("GNU.sparse.", "hdrcharset", "SCHILY.realsize", "SCHILY.filetype")
_UTF8 = ("utf-8", "surrogateescape")


def parse_header(block: bytes) -> tarfile.TarInfo:
    """Read one block, whose checksum must be right."""
    try:
        header = tarfile.TarInfo.frombuf(block, *_UTF8)
    except tarfile.HeaderError as error:
        raise BadArchive(f"it holds a header that is none: {error}") from error
    if header.size < 0:
        raise BadArchive("has a size below zero", header.name)
    return header


def parse_extension(kind: bytes, content: bytes) -> dict[str, bytes]:
    """What an extension header says, under pax's keywords; global ones may only comment."""
    if kind == LONG_NAME:
        return {"path": content.rstrip(b"\0")}
    if kind == LONG_LINK:
        return {"linkpath": content.rstrip(b"\0")}
    records = parse_pax(content)
    for keyword in records:
        is_steering = kind == PAX_GLOBAL and keyword in _STEERING
        if is_steering or keyword.startswith(_FORBIDDEN):
            raise BadArchive("is a pax record that no package needs", keyword)
    return {key: value for key, value in records.items() if key in _STEERING}


def parse_pax(content: bytes) -> dict[str, bytes]:
    """Records as ``LENGTH KEYWORD=VALUE`` and a newline, the length counting all of it."""
    records: dict[str, bytes] = {}
    at = 0
    while at < len(content):
        match = _RECORD.match(content, at)
        end = at + int(match[1]) if match else 0
        keyword, equals, value = (
            content[match.end() : end - 1].partition(b"=") if match else [b""] * 3
        )
        if not (equals and end <= len(content) and content[end - 1 : end] == b"\n"):
            raise BadArchive("it holds a damaged pax header")
        name = keyword.decode("ascii", "replace")
        if name in records:
            raise BadArchive("is in one pax header twice", name)
        records[name] = value
        at = end
    return records


def to_member(header: tarfile.TarInfo, extensions: Mapping[str, bytes]) -> Member:
    """Join a header with what was said before it, and judge both."""
    raw = extensions.get("path", header.name.encode(*_UTF8))
    kind = _KINDS.get(header.type)
    if kind is None:
        raise BadArchive(_REFUSED.get(header.type, "is of a kind that no package needs"), raw)
    size_bytes = _parse_size(raw, extensions["size"]) if "size" in extensions else header.size
    if size_bytes and kind != "file":
        raise BadArchive(f"is a {kind} that has content", raw)
    if kind == "file" and header.mode & _SET_ID_BITS:
        raise BadArchive("has a set-user-id or set-group-id bit", raw)
    path = parse_name(raw)
    if kind == "file" and raw.endswith(b"/"):
        raise BadArchive("is a file with the name of a folder", raw)
    target = extensions.get("linkpath", header.linkname.encode(*_UTF8))
    return Member(
        path,
        kind,
        size_bytes,
        is_executable=kind == "file" and bool(header.mode & _EXECUTABLE_BITS),
        target=_parse_target(raw, kind, target),
    )


def _parse_size(raw: bytes, digits: bytes) -> int:
    if not re.fullmatch(rb"[0-9]{1,18}", digits):
        raise BadArchive("has a size that is no number", raw)
    return int(digits)


def _parse_target(raw: bytes, kind: Kind, target: bytes) -> str:
    if kind == "hard link":
        return parse_name(target)
    if kind != "link":
        return ""
    try:
        return target.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadArchive("is a link whose target is not UTF-8", raw) from error
