"""Zip archives, by Python alone: no unzip is needed on the host.

Runs on the managed host: standard library and ``lpse_ops.agent`` only, Python 3.6.  Nothing is
unpacked before every entry was looked at.  Each file is written beside its place and renamed.
"""

import contextlib
import fnmatch
import os
import shutil
import stat
import struct
import tempfile
import time
import zipfile
import zlib
from typing import Any, Dict, List, NamedTuple, Optional

from lpse_ops.agent.archivenames import (
    UnreadableArchive,
    inner_name,
    refusal,
    refuse_overflow,
    refuse_ways_out,
)
from lpse_ops.agent.commands import find_program, run_command
from lpse_ops.agent.context import Failed
from lpse_ops.agent.fileattributes import current_umask

_UNIX = 3
_TIMES_FIELD = 0x5455
_HAS_MTIME = 1
_MAX_LINK_BYTES = 4096
_ENCRYPTED = 1
_IS_UTF8 = 0x800
_PROBLEMS = (zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError, zlib.error)


class Entry(NamedTuple):
    """One thing of the archive; ``kind`` is ``directory``, ``link`` or ``file``."""

    name: str
    kind: str
    mode: int
    mtime: int
    info: zipfile.ZipInfo


class ZipArchive:
    """An archive that goes to ``args['dest']``; made only after all of it was looked at."""

    handler = "ZipArchive"

    def __init__(self, path: str, args: Dict[str, Any]) -> None:
        self._path = path
        self._args = args
        self._dest = args["dest"]
        self._targets: Dict[str, str] = {}
        self._entries = self._look_through()
        self.names = [entry.name for entry in self._entries]

    def difference(self) -> str:
        """What of the archive is not on the host as it should be, a line for each; or nothing."""
        lines = []
        for entry in self._entries:
            reason = self._reason(entry)
            if reason:
                lines.append(f"{entry.name}: {reason}\n")
        return "".join(lines)

    def unpack(self) -> Dict[str, Any]:
        """Unpack what is not as it should be; with options for unzip that program does it."""
        if self._args["extra_opts"]:
            return self._unpack_by_program()
        try:
            with zipfile.ZipFile(self._path) as archive:
                for entry in self._entries:
                    if self._reason(entry):
                        self._unpack(archive, entry)
        except _PROBLEMS as error:
            return {"cmd": [], "rc": 1, "out": "", "err": str(error)}
        # What was unpacked into a folder changed its time, and its mode may forbid that.
        for entry in reversed(self._entries):
            if entry.kind == "directory":
                self._finish_folder(entry)
        return {"cmd": [], "rc": 0, "out": "", "err": ""}

    def _look_through(self) -> List[Entry]:
        entries = []
        try:
            with zipfile.ZipFile(self._path) as archive:
                for info in archive.infolist():
                    if not self._is_wanted(plain_name(info)):
                        continue
                    entry = parse_entry(info, current_umask())
                    if entry.kind == "link":
                        target = _link_target(archive, entry)
                        if self._targets.setdefault(entry.name, target) != target:
                            raise refusal(entry.name, "is there twice, as different links")
                    entries.append(entry)
        except _PROBLEMS as error:
            raise UnreadableArchive(str(error)) from error
        size_bytes = sum(entry.info.file_size for entry in entries)
        refuse_overflow(size_bytes, len(entries), self._dest)
        refuse_ways_out((entry.name for entry in entries), self._targets)
        return [entry for entry in entries if entry.name]

    def _is_wanted(self, name: str) -> bool:
        include, exclude = self._args["include"], self._args["exclude"]
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in exclude):
            return False
        return not include or any(fnmatch.fnmatchcase(name, pattern) for pattern in include)

    def _path_of(self, entry: Entry) -> str:
        return os.path.join(self._dest, entry.name.rstrip("/"))

    def _reason(self, entry: Entry) -> str:
        """Why an entry is to be unpacked; nothing when it is there."""
        path = self._path_of(entry)
        try:
            status = os.lstat(path)
        except OSError:
            return "missing"
        if entry.kind == "directory":
            return "" if os.path.isdir(path) else "no folder"
        if entry.kind == "link":
            target = self._targets[entry.name]
            return "" if stat.S_ISLNK(status.st_mode) and os.readlink(path) == target else "link"
        if not stat.S_ISREG(status.st_mode):
            return "no file"
        if self._args["keep_newer"] and status.st_mtime >= entry.mtime:
            return ""
        return self._reason_of_file(entry, status)

    def _reason_of_file(self, entry: Entry, status: os.stat_result) -> str:
        if status.st_size != entry.info.file_size:
            return "size"
        if int(status.st_mtime) != entry.mtime:
            return "time"
        if self._args["mode"] is None and stat.S_IMODE(status.st_mode) != entry.mode:
            return "mode"
        return "" if _crc_of(self._path_of(entry)) == entry.info.CRC else "content"

    def _unpack(self, archive: zipfile.ZipFile, entry: Entry) -> None:
        path = self._path_of(entry)
        if entry.kind == "directory":
            os.makedirs(path, exist_ok=True)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".lpse-ops-", dir=os.path.dirname(path))
        try:
            if entry.kind == "link":
                os.close(handle)
                os.unlink(temporary)
                os.symlink(self._targets[entry.name], temporary)
            else:
                self._write(archive, entry, handle, temporary)
            os.rename(temporary, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)

    def _write(self, archive: zipfile.ZipFile, entry: Entry, handle: int, path: str) -> None:
        with open(handle, "wb") as target, archive.open(entry.info) as source:
            # The end of the source is where its checksum is judged.
            shutil.copyfileobj(source, target, max(1, self._args["io_buffer_size"]))
            os.fchmod(handle, entry.mode)
        os.utime(path, (entry.mtime, entry.mtime))

    def _finish_folder(self, entry: Entry) -> None:
        path = self._path_of(entry)
        # Neither an archive's own link nor one that is here already: it may lead anywhere.
        if os.path.islink(path):
            return
        with contextlib.suppress(PermissionError):
            os.chmod(path, entry.mode)
            os.utime(path, (entry.mtime, entry.mtime))

    def _unpack_by_program(self) -> Dict[str, Any]:
        program = find_program("unzip")
        if program is None:
            raise Failed("extra_opts are for unzip, which is not here; install unzip first")
        newer = ["-u"] if self._args["keep_newer"] else []
        argv = [program, "-o", *newer, *self._args["extra_opts"], self._path]
        # These names are patterns for unzip, and ours are plain.
        argv += [_quoted(entry.info.filename) for entry in self._entries if self._is_partial()]
        finished = run_command([*argv, "-d", self._dest])
        return {"cmd": argv, "rc": finished.rc, "out": finished.stdout, "err": finished.stderr}

    def _is_partial(self) -> bool:
        return bool(self._args["include"] or self._args["exclude"])


def parse_entry(info: zipfile.ZipInfo, umask: int) -> Entry:
    """What an archive says of one entry; ``Failed`` for one that must not be unpacked."""
    name = inner_name(plain_name(info))
    bits = info.external_attr >> 16
    kind = "directory" if name.endswith("/") else "link" if stat.S_ISLNK(bits) else "file"
    if kind == "file" and stat.S_IFMT(bits) not in (0, stat.S_IFREG):
        raise refusal(info.filename, "is a device, a pipe or a socket")
    if info.flag_bits & _ENCRYPTED:
        raise Failed(f"{info.filename!r} in the archive is encrypted, which is not supported")
    mode = bits & 0o777 if info.create_system == _UNIX else 0
    if not mode:
        mode = (0o777 if kind == "directory" else 0o666) & ~umask
    return Entry(name, kind, mode, _mtime_of(info), info)


def plain_name(info: zipfile.ZipInfo) -> str:
    """The name as the program that made the archive meant it."""
    name = info.filename
    if info.create_system != _UNIX:
        # Some programs of Windows write names in their own way.
        return name if "/" in name else name.replace("\\", "/")
    if info.flag_bits & _IS_UTF8:
        return name
    try:
        # zip(1) writes the bytes of the name; Python takes them for those of an old PC.
        return name.encode("cp437").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return name


def _mtime_of(info: zipfile.ZipInfo) -> int:
    """When a file was changed; the plain field is the local time of who knows where."""
    exact = _exact_mtime(info.extra)
    if exact is not None:
        return exact
    try:
        return int(time.mktime((*info.date_time, 0, 0, -1)))
    except (ValueError, OverflowError):
        return 0


def _exact_mtime(extra: bytes) -> Optional[int]:
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _TIMES_FIELD and len(field) >= 5 and field[0] & _HAS_MTIME:
            return int(struct.unpack("<i", field[1:5])[0])
    return None


def _link_target(archive: zipfile.ZipFile, entry: Entry) -> str:
    if entry.info.file_size > _MAX_LINK_BYTES:
        raise refusal(entry.name, "is a link that is too long")
    return archive.read(entry.info).decode("utf-8", "surrogateescape")


def _crc_of(path: str) -> Optional[int]:
    crc = 0
    try:
        with open(path, "rb") as file:
            for piece in iter(lambda: file.read(1 << 20), b""):
                crc = zlib.crc32(piece, crc)
    except OSError:
        return None
    return crc & 0xFFFFFFFF


def _quoted(name: str) -> str:
    return "".join("\\" + letter if letter in "*?[]\\" else letter for letter in name)
