"""What a repository does with files over one SFTP session, in as few round trips as there can be.

A server does what it is told in its order; so all that follows the opening of a file is sent
ahead, and a name is given only when every answer before it was good.
"""

import contextlib
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from lpse_ops.backup.storage.limit import Pace, no_pace
from lpse_ops.backup.storage.sftppackets import (
    Ask,
    Attributes,
    BadAnswer,
    Fields,
    Name,
    Open,
    Say,
    Status,
    attributes,
    parse_names,
    text,
    u32,
    u64,
)
from lpse_ops.backup.storage.sftpsession import (
    FSYNC,
    IN_FLIGHT,
    POSIX_RENAME,
    Refused,
    SftpSession,
)

# Larger is no file of a repository, and longer no folder: a server that says so is not believed.
MAX_FILE_BYTES = 4 << 30
MAX_NAMES = 1_000_000
# Some servers let only so many be open at once.
FOLDERS_AT_ONCE = 64
# What is asked for of a folder before anybody knows whether it is long.
_FIRST_PARTS = 4


class Modes(NamedTuple):
    file: int = 0o400
    folder: int = 0o700


class WrongSize(Exception):
    """The server has kept another number of bytes than it was sent."""


def folder_of(path: bytes) -> bytes:
    return path.rpartition(b"/")[0] or (b"/" if path.startswith(b"/") else b".")


def stat(session: SftpSession, path: bytes) -> Attributes | None:
    """What a file is, links followed; None when it is not there."""
    try:
        return Fields(session.value(session.ask(Ask.STAT, text(path)), Say.ATTRS)).attributes()
    except Refused as error:
        if error.code == Status.NO_SUCH_FILE:
            return None
        raise


def make_folders(session: SftpSession, folder: bytes, modes: Modes) -> None:
    """Make a folder and those above it; ``Refused`` when it is not there afterwards."""
    if stat(session, folder) is not None or folder in (b"/", b"."):
        return
    above = folder_of(folder)
    make_folders(session, above, modes)
    try:
        session.done(session.ask(Ask.MKDIR, text(folder), attributes(modes.folder)))
    except Refused:
        # Another session may have been quicker: version 3 has no word for that.
        if stat(session, folder) is None:
            raise
    sync_folders(session, [above])


def make_all_folders(session: SftpSession, folders: Sequence[bytes], modes: Modes) -> None:
    """Make many, those above them first, without waiting for each."""
    asked = deque(
        session.ask(Ask.MKDIR, text(folder), attributes(modes.folder)) for folder in folders
    )
    refused: Refused | None = None
    for number in asked:
        try:
            session.done(number)
        except Refused as error:
            refused = refused or error
    if refused is not None and folders and stat(session, folders[-1]) is None:
        raise refused


def write_file(
    session: SftpSession, path: bytes, content: memoryview, modes: Modes, pace: Pace
) -> None:
    """Write a file durably under a temporary name, then give it its own.

    Whatever is refused leaves nothing behind; the folder must be there.
    """
    temporary = b"%b-tmp-%b" % (path, secrets.token_hex(4).encode())
    flags = Open.WRITE | Open.CREATE | Open.EXCLUSIVE
    # Closed to everybody from the first moment on: some accounts may not change modes later.
    asked = session.ask(Ask.OPEN, text(temporary), u32(flags), attributes(modes.file))
    folder = _Folder(session, folder_of(path))
    try:
        handle = session.handle(asked)
        try:
            _write_out(session, handle, content, pace)
            _rename(session, temporary, path, content, folder)
        except (Refused, WrongSize):
            folder.close()
            session.settle()
            with contextlib.suppress(Refused):
                session.done(session.ask(Ask.REMOVE, text(temporary)))
            raise
    except (Refused, WrongSize):
        folder.close()
        raise


class _Folder:
    """A handle by which a folder's names can be made durable, if the server gives one.

    OpenSSH opens a folder as it would a file, and lets it be synced.
    """

    def __init__(self, session: SftpSession, path: bytes) -> None:
        self._session = session
        self._path = path
        self._asked: int | None = None
        if session.offers(FSYNC):
            self._asked = session.ask(Ask.OPEN, text(path), u32(Open.READ), attributes())

    def sync(self) -> list[int]:
        """Ask for all that was done before to be durable, and close; once.

        Returns what is to be waited for, whatever the answers are.
        """
        if self._asked is None:
            return []
        asked, self._asked = self._asked, None
        try:
            handle = self._session.handle(asked)
        except Refused:
            return []
        session = self._session
        return [session.ask_more(FSYNC, handle), session.ask(Ask.CLOSE, handle)]

    def again(self) -> list[int]:
        """The same once more, for what was done since."""
        return _Folder(self._session, self._path).sync()

    def close(self) -> None:
        """After an error, when the names do not matter any more."""
        _wait(self._session, self.sync())


def _wait(session: SftpSession, asked: Sequence[int]) -> None:
    """Wait for what may as well be refused."""
    for number in asked:
        with contextlib.suppress(Refused):
            session.done(number)


def _write_out(session: SftpSession, handle: bytes, content: memoryview, pace: Pace) -> None:
    """Write, compare the size, sync and close; nothing is waited for before all is sent."""
    asked: deque[int] = deque()
    try:
        for offset in range(0, len(content), session.write_bytes):
            piece = content[offset : offset + session.write_bytes]
            pace(len(piece))
            if len(asked) >= IN_FLIGHT:
                session.done(asked.popleft())
            asked.append(session.ask(Ask.WRITE, handle, u64(offset), text(piece)))
        measured = session.ask(Ask.FSTAT, handle)
        if session.offers(FSYNC):
            asked.append(session.ask_more(FSYNC, handle))
    finally:
        # Also a file that could not be written is closed, before it is removed.
        asked.append(session.ask(Ask.CLOSE, handle))
    for number in asked:
        session.done(number)
    size = Fields(session.value(measured, Say.ATTRS)).attributes().size
    if size is not None and size != len(content):
        raise WrongSize(f"{size} bytes instead of {len(content)}")


def _rename(
    session: SftpSession, old: bytes, new: bytes, content: memoryview, folder: _Folder
) -> None:
    if session.offers(POSIX_RENAME):
        renamed = session.ask_more(POSIX_RENAME, text(old), text(new))
        synced = folder.sync()
        session.done(renamed)
    else:
        renamed = session.ask(Ask.RENAME, text(old), text(new))
        synced = folder.sync()
        try:
            session.done(renamed)
        except Refused:
            if not _make_way(session, old, new, content):
                raise
            synced += folder.again()
    _wait(session, synced)


def _make_way(session: SftpSession, old: bytes, new: bytes, content: memoryview) -> bool:
    """Whether the file is under its name after all: a plain rename takes no name that is taken."""
    there = stat(session, new)
    if there is None:
        return False
    if there.size == len(content) and read_file(session, new, 0, None, no_pace) == content:
        # An answer to an earlier save was lost.
        session.done(session.ask(Ask.REMOVE, text(old)))
        return True
    session.done(session.ask(Ask.REMOVE, text(new)))
    session.done(session.ask(Ask.RENAME, text(old), text(new)))
    return True


def read_file(
    session: SftpSession, path: bytes, offset: int, length: int | None, pace: Pace
) -> bytes:
    """Up to ``length`` bytes, all that there are when it is None; fewer at the file's end."""
    asked = session.ask(Ask.OPEN, text(path), u32(Open.READ), attributes())
    with session.opened(asked) as handle:
        if length is None:
            content = _read_to_end(session, handle, offset, pace)
        else:
            content = _read_pieces(session, handle, offset, offset + length, pace)
        session.forget(session.ask(Ask.CLOSE, handle))
    return content


def _read_to_end(session: SftpSession, handle: bytes, offset: int, pace: Pace) -> bytes:
    """Most files are one piece: it is asked for together with their size."""
    measured = session.ask(Ask.FSTAT, handle)
    size = session.known_read_bytes
    first = _Wanted(session.ask(Ask.READ, handle, u64(offset), u32(size)), offset, size)
    end = Fields(session.value(measured, Say.ATTRS)).attributes().size
    if end is None or end > MAX_FILE_BYTES:
        raise BadAnswer(f"a file of {end} bytes")
    pace(min(size, max(0, end - offset)))
    piece = _piece(session, first)
    if piece is None:
        return b""
    if len(piece) > end - offset:
        raise BadAnswer(f"{len(piece)} bytes at {offset} of a file of {end}")
    return _read_pieces(session, handle, offset, end, pace, known=piece)


class _Wanted(NamedTuple):
    number: int
    offset: int
    size: int


def _read_pieces(
    session: SftpSession,
    handle: bytes,
    begin: int,
    end: int,
    pace: Pace,
    known: memoryview | None = None,
) -> bytes:
    """What the file holds between two places, in the order that it comes in: the server's.

    ``known`` is what it begins with.
    """
    asked: deque[_Wanted] = deque()
    pieces: dict[int, memoryview] = {}
    next_offset = begin
    if known is not None:
        pieces[begin] = known
        next_offset += len(known)

    def want(offset: int, size: int) -> None:
        number = session.ask(Ask.READ, handle, u64(offset), u32(size))
        asked.append(_Wanted(number, offset, size))

    while asked or next_offset < end:
        while next_offset < end and len(asked) < IN_FLIGHT:
            size = min(session.read_bytes, end - next_offset)
            pace(size)
            want(next_offset, size)
            next_offset += size
        wanted = asked.popleft()
        piece = _piece(session, wanted)
        if piece is None:
            next_offset = end = min(end, wanted.offset)
            continue
        pieces[wanted.offset] = piece
        if len(piece) < wanted.size:
            want(wanted.offset + len(piece), wanted.size - len(piece))
    return b"".join(pieces[offset] for offset in sorted(pieces) if offset < end)


def _piece(session: SftpSession, wanted: _Wanted) -> memoryview | None:
    """One piece, which may be shorter than wanted; None at the end of the file."""
    try:
        piece = Fields(session.value(wanted.number, Say.DATA)).text()
    except Refused as error:
        if error.code == Status.EOF:
            return None
        raise
    if not 0 < len(piece) <= wanted.size:
        raise BadAnswer(f"{len(piece)} bytes where {wanted.size} were asked for")
    return piece


def list_folders(
    session: SftpSession,
    folders: Sequence[bytes],
    is_wanted: Callable[[bytes], bool],
    max_names: int = MAX_NAMES,
) -> dict[bytes, list[Name]]:
    """Each folder with the names in it that are wanted; one that is not there is left out.

    All are opened, read and closed together; not more than ``FOLDERS_AT_ONCE``.
    """
    opened = _open_folders(session, folders)
    found = _read_folders(session, opened, is_wanted, max_names)
    for handle in opened.values():
        session.forget(session.ask(Ask.CLOSE, handle))
    return found


def _open_folders(session: SftpSession, folders: Sequence[bytes]) -> dict[bytes, bytes]:
    asked = {folder: session.ask(Ask.OPENDIR, text(folder)) for folder in folders}
    opened: dict[bytes, bytes] = {}
    for folder, number in asked.items():
        try:
            opened[folder] = session.handle(number)
        except Refused as error:
            # Nothing else means that it is empty: prune believes what it is told.
            if error.code != Status.NO_SUCH_FILE:
                raise
    return opened


def _read_folders(
    session: SftpSession,
    opened: dict[bytes, bytes],
    is_wanted: Callable[[bytes], bool],
    max_names: int,
) -> dict[bytes, list[Name]]:
    found: dict[bytes, list[Name]] = {folder: [] for folder in opened}
    left, count = list(opened), 0
    wanted = _FIRST_PARTS
    while left:
        # One answer has about a hundred names: ask for some at once, and for the end.
        ahead = max(2, min(wanted, IN_FLIGHT // len(left)))
        wanted *= 4
        asked = [
            (folder, session.ask(Ask.READDIR, opened[folder]))
            for folder in left
            for _ in range(ahead)
        ]
        ended = set()
        for folder, number in asked:
            names = _next_names(session, number)
            if names is None:
                ended.add(folder)
                continue
            count += len(names)
            if count > max_names:
                raise BadAnswer(f"a folder of more than {max_names} names")
            found[folder] += [each for each in names if is_wanted(each.name)]
        left = [folder for folder in left if folder not in ended]
    return found


def _next_names(session: SftpSession, number: int) -> list[Name] | None:
    """What one answer tells; None when the folder is at its end."""
    try:
        return list(parse_names(session.value(number, Say.NAME)))
    except Refused as error:
        if error.code == Status.EOF:
            return None
        raise


def sync_folders(session: SftpSession, folders: Sequence[bytes]) -> None:
    """Make names and removals durable where the server can; one that is gone needs nothing."""
    opened = [_Folder(session, folder) for folder in folders]
    _wait(session, [number for folder in opened for number in folder.sync()])
