"""Archives of a toy SPSE, good ones and hostile ones, built by hand: no tool would write these."""

import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import zstandard

CONFIGURATION = b"# SPSE\nhttp.port=9090\ndb.pass=epns\n"
# Path below the application's folder -> content; those that end with .sh or are scripts run.
NEW_LAYOUT: Mapping[str, bytes] = {
    "spse4": b"#!/bin/sh\n",
    "conf/application.conf": CONFIGURATION,
    "framework/play-lkpp.jar": bytes(range(256)) * 40,
    "lib/driver.jar": b"jar" * 1000,
}
OLD_LAYOUT: Mapping[str, bytes] = {
    "spse4": b"#!/bin/sh\n",
    "webapp/conf/application.conf": CONFIGURATION,
    "framework/play.jar": b"jar" * 1000,
}
COMPRESSORS: Mapping[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": lambda content: gzip.compress(content, mtime=0),
    "tar.xz": lzma.compress,
    "tar.zst": zstandard.compress,
}


# --- tar ----------------------------------------------------------------------------------------


def header(name: str, content: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    """One member; ``fields`` are those of ``TarInfo``, and may lie."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o644
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def folder(name: str, **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    return header(name, type=tarfile.DIRTYPE, mode=0o755, **fields)


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return header(name, type=tarfile.SYMTYPE, linkname=target, mode=0o777)


def hard_link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return header(name, type=tarfile.LNKTYPE, linkname=target)


def application(
    root: str = "spse/", layout: Mapping[str, bytes] = NEW_LAYOUT
) -> list[tuple[tarfile.TarInfo, bytes]]:
    return [
        header(root + path, content, mode=0o755 if path == "spse4" else 0o644)
        for path, content in layout.items()
    ]


def tar(
    members: Iterable[tuple[tarfile.TarInfo, bytes]], tar_format: int = tarfile.PAX_FORMAT
) -> bytes:
    """An archive of these members, byte for byte as their headers say."""
    out = io.BytesIO()
    for info, content in members:
        out.write(info.tobuf(tar_format, "utf-8", "surrogateescape"))
        out.write(content + bytes(-len(content) % 512))
    out.write(bytes(1024))
    return out.getvalue()


def good_tar(*more: tuple[tarfile.TarInfo, bytes], root: str = "spse/") -> bytes:
    return tar([*application(root), *more])


def pax(records: bytes, kind: bytes = tarfile.XHDTYPE) -> tuple[tarfile.TarInfo, bytes]:
    return header("pax", records, type=kind)


def record(keyword: str, value: str) -> bytes:
    body = f" {keyword}={value}\n".encode()
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length += 1
    return str(length).encode() + body


# --- zip ----------------------------------------------------------------------------------------

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")


@dataclass(frozen=True)
class Zipped:
    """An entry in both its headers; ``local`` differs from what the directory says."""

    name: bytes
    content: bytes = b""
    mode: int = 0o100644
    method: int = 0
    flags: int = 0x800
    maker: int = 3
    dos: int = 0
    extra: bytes = b""
    before: bytes = b""
    behind: bytes = b""
    # Behind the compressed data, and counted with it.
    tail: bytes = b""
    size: int | None = None
    local: Mapping[str, object] | None = None

    @property
    def packed(self) -> bytes:
        if self.method != 8:
            return self.content + self.tail
        deflate = zlib.compressobj(wbits=-15)
        return deflate.compress(self.content) + deflate.flush() + self.tail

    @property
    def numbers(self) -> tuple[int, int, int]:
        size = len(self.content) if self.size is None else self.size
        return zlib.crc32(self.content), len(self.packed), size


def deflated(name: bytes, content: bytes = b"", **fields: object) -> Zipped:
    return replace(Zipped(name, content, method=8), **fields)  # type: ignore[arg-type]


def zipped_application(root: bytes = b"spse/") -> list[Zipped]:
    return [
        deflated(root + path.encode(), content, mode=0o100755 if path == "spse4" else 0o100644)
        for path, content in NEW_LAYOUT.items()
    ]


def build_zip(entries: Iterable[Zipped], comment: bytes = b"", between: bytes = b"") -> bytes:
    out, directory, count = b"", b"", 0
    for entry in entries:
        out += entry.before
        offset = len(out)
        here = replace(entry, **(entry.local or {}))  # type: ignore[arg-type]
        numbers = (0, 0, 0) if here.flags & 8 else here.numbers
        out += _LOCAL.pack(
            *(b"PK\3\4", 20, here.flags, here.method, 0, 0x21, *numbers),
            *(len(here.name), len(here.extra)),
        )
        out += here.name + here.extra + entry.packed + entry.behind
        directory += _CENTRAL.pack(
            *(b"PK\1\2", entry.maker << 8 | 20, 20, entry.flags, entry.method, 0, 0x21),
            *(*entry.numbers, len(entry.name), len(entry.extra), 0, 0, 0),
            *(entry.mode << 16 | entry.dos, offset),
        )
        directory += entry.name + entry.extra
        count += 1
    end = _END.pack(b"PK\5\6", 0, 0, count, count, len(directory), len(out) + len(between), 0)
    return out + between + directory + end[:-2] + struct.pack("<H", len(comment)) + comment


def good_zip(*more: Zipped, **options: bytes) -> bytes:
    return build_zip([*zipped_application(), *more], **options)


def library_zip(root: str = "spse/", layout: Mapping[str, bytes] = NEW_LAYOUT) -> bytes:
    """As Python's own library writes it: what a tool makes must pass."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in layout.items():
            archive.writestr(root + path, content)
    return out.getvalue()


def write(folder: Path, content: bytes, name: str = "spse-4.5.tar") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path
