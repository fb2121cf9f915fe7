"""A repository over SFTP, in the layout and under the names that restic uses there.

spec/restic-format.md, section 14.  OpenSSH's server is asked to sync the file and its folder, so
that what is stored survives a power cut there too; restic does not ask.  Where the server cannot,
that is the server's promise to keep.
"""

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lpse_ops.backup.crypto import Buffer
from lpse_ops.backup.storage import sftpfiles
from lpse_ops.backup.storage.backend import CONFIG, FileKind, StoredFile, is_file_id
from lpse_ops.backup.storage.limit import Pace, no_pace
from lpse_ops.backup.storage.memory import missing, too_short
from lpse_ops.backup.storage.sftpfiles import Modes, WrongSize
from lpse_ops.backup.storage.sftplocation import SftpPlace, parse_sftp_location
from lpse_ops.backup.storage.sftppackets import Ask, BadAnswer, Name, Status, text
from lpse_ops.backup.storage.sftppool import Line, SessionPool
from lpse_ops.backup.storage.sftpsession import (
    PATIENCE_SECONDS,
    Refused,
    SessionLost,
    SftpSession,
)
from lpse_ops.errors import StorageError, StorageRefused, StorageUnavailable

_JUNK = re.compile(rb"(?:config|orphans|[0-9a-f]{64})-tmp-[0-9a-f]{8}")
_JUNK_AFTER_SECONDS = 24 * 3600
_GROUP_READS = 0o040


class SftpBackend:
    """Connects when it is first used, and anew after a connection was lost.

    Any thread may use it.  A lost connection is ``StorageUnavailable``: what was asked may or may
    not have been done, and may be asked again.
    """

    def __init__(
        self,
        place: SftpPlace,
        dial: Callable[[], Line],
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._place = place
        self._root = place.path.encode("utf-8", "surrogateescape")
        self._pool = SessionPool(dial, patience_seconds=patience_seconds)
        self._modes: Modes | None = None
        self._lock = threading.Lock()
        # Folders out of which files of one kind were removed since they were last synced.
        self._emptied: set[bytes] = set()
        self._emptied_kind = ""
        self.pace: Pace = no_pace

    @property
    def location(self) -> str:
        return self._place.location

    def close(self) -> None:
        """End the connection; the next use makes another."""
        self._pool.close()

    def prepare(self) -> None:
        with self._session("") as session:
            modes = self._file_and_folder_modes(session)
            sftpfiles.make_folders(session, self._root, modes)
            packs = [f"{FileKind.PACK}/{number:02x}" for number in range(256)]
            folders = [self._path(name) for name in (*FileKind, *packs)]
            sftpfiles.make_all_folders(session, folders, modes)
            sftpfiles.sync_folders(session, [self._path(FileKind.PACK), self._root])

    def exists(self, name: str) -> bool:
        with self._session(name) as session:
            return sftpfiles.stat(session, self._path(name)) is not None

    def save(self, name: str, content: Buffer) -> None:
        view, path = memoryview(content).cast("B"), self._path(name)
        with self._session(name) as session:
            modes = self._file_and_folder_modes(session)
            try:
                self._write(session, path, view, modes)
            except Refused as error:
                if error.code == Status.FAILURE:
                    error.free_bytes = session.free_bytes(self._root)
                raise

    def _write(self, session: SftpSession, path: bytes, view: memoryview, modes: Modes) -> None:
        try:
            sftpfiles.write_file(session, path, view, modes, self.pace)
        except Refused as error:
            if error.code != Status.NO_SUCH_FILE:
                raise
            sftpfiles.make_folders(session, sftpfiles.folder_of(path), modes)
            sftpfiles.write_file(session, path, view, modes, self.pace)

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        with self._session(name) as session:
            piece = sftpfiles.read_file(session, self._path(name), offset, length, self.pace)
        if length is not None and len(piece) < length:
            raise too_short(name)
        return piece

    def remove(self, name: str) -> None:
        path = self._path(name)
        with self._session(name) as session:
            self._keep_order(session, name.partition("/")[0], sftpfiles.folder_of(path))
            try:
                session.done(session.ask(Ask.REMOVE, text(path)))
            except Refused as error:
                if error.code != Status.NO_SUCH_FILE:
                    raise

    def _keep_order(self, session: SftpSession, kind: str, folder: bytes) -> None:
        """Make removals of one kind durable before the first of another; see ``LocalBackend``."""
        if kind == FileKind.LOCK:  # nothing depends on when a lock goes
            return
        with self._lock:
            if kind != self._emptied_kind:
                if not self._emptied_kind and kind in (FileKind.INDEX, FileKind.PACK):
                    # Another process, or restic, may have removed snapshots a moment ago.
                    self._emptied |= {self._path(FileKind.SNAPSHOT), self._path(FileKind.INDEX)}
                sftpfiles.sync_folders(session, sorted(self._emptied))
                self._emptied, self._emptied_kind = set(), kind
            self._emptied.add(folder)

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        if kind is FileKind.PACK:
            names = [f"{FileKind.PACK}/{number:02x}" for number in range(256)]
        else:
            names = [str(kind)]
        for batch in _batches(names):
            yield from self._files_of(kind, batch)

    def _files_of(self, kind: FileKind, names: Sequence[str]) -> list[StoredFile]:
        """The session is free again before anybody sees what was found."""
        with self._session(kind) as session:
            folders = [self._path(name) for name in names]
            listed = sftpfiles.list_folders(session, folders, _is_id)
            # A server may name one file twice; nobody may count it twice.
            return sorted(
                {
                    file
                    for folder, found in listed.items()
                    for each in found
                    if kind is not FileKind.PACK or each.name[:2] == folder[-2:]
                    if (file := _stored_file(session, folder, each)) is not None
                }
            )

    def remove_junk(self) -> None:
        """Delete half-written files that a crash left more than a day ago."""
        packs = (f"{FileKind.PACK}/{number:02x}" for number in range(256))
        limit = time.time() - _JUNK_AFTER_SECONDS
        with contextlib.suppress(StorageError):
            for batch in _batches(["", "lpse", *FileKind, *packs]):
                with self._session("") as session:
                    _remove_junk(session, [self._path(name) for name in batch], limit)

    def _path(self, name: str) -> bytes:
        if not name:
            return self._root
        return b"%b/%b" % (self._root.rstrip(b"/"), name.encode("utf-8", "surrogateescape"))

    def _file_and_folder_modes(self, session: SftpSession) -> Modes:
        """As restic: a repository whose ``config`` the group may read is open to the group."""
        if self._modes is None:
            config = sftpfiles.stat(session, self._path(CONFIG))
            if config is None or config.mode is None:
                return Modes()
            is_shared = config.mode & _GROUP_READS
            self._modes = Modes(0o440, 0o770) if is_shared else Modes()
        return self._modes

    @contextlib.contextmanager
    def _session(self, name: str) -> Iterator[SftpSession]:
        """A session for the time of a block; what goes wrong in it becomes a ``StorageError``."""
        place = self._place
        try:
            with self._pool.session() as session:
                yield session
        except Refused as error:
            raise _refusal(error, name, self._path(name), place) from error
        except SessionLost as error:
            raise StorageUnavailable(
                f"the SFTP session with {place.host} is lost: {error}",
                hint=f"try by hand: sftp {place.login}; what was stored before is unharmed",
            ) from error
        except (BadAnswer, WrongSize) as error:
            raise StorageError(
                f"{place.host} does not do its part of SFTP: {error}",
                hint=f"try by hand: sftp {place.login}; OpenSSH wants the line `Subsystem sftp "
                "internal-sftp` in sshd_config there",
            ) from error


def open_sftp(rest: str, options: Mapping[str, Any]) -> SftpBackend:
    """A backend for what follows ``sftp:``.

    ``options["dial"]`` gets a ``SftpPlace`` and connects; it is not called yet.
    """
    place = parse_sftp_location(rest)
    dial: Callable[[SftpPlace], Line] = options["dial"]
    return SftpBackend(place, lambda: dial(place))


def _batches(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for begin in range(0, len(names), sftpfiles.FOLDERS_AT_ONCE):
        yield names[begin : begin + sftpfiles.FOLDERS_AT_ONCE]


def _is_id(name: bytes) -> bool:
    return is_file_id(name.decode("ascii", "replace"))


def _stored_file(session: SftpSession, folder: bytes, entry: Name) -> StoredFile | None:
    """None for what is no file, or is gone since; only doubtful ones are asked for again."""
    attributes = entry.attributes
    if not attributes.is_certain:
        found = sftpfiles.stat(session, b"%b/%b" % (folder, entry.name))
        if found is None or found.size is None:
            return None
        attributes = found
    if not attributes.is_file or attributes.size is None:
        return None
    return StoredFile(entry.name.decode("ascii"), attributes.size)


def _remove_junk(session: SftpSession, folders: Sequence[bytes], limit: float) -> None:
    listed = sftpfiles.list_folders(session, folders, lambda name: bool(_JUNK.fullmatch(name)))
    for folder, found in listed.items():
        for each in found:
            modified = each.attributes.modified
            if each.attributes.is_file and modified is not None and modified < limit:
                path = b"%b/%b" % (folder.rstrip(b"/"), each.name)
                session.done(session.ask(Ask.REMOVE, text(path)))


def _refusal(error: Refused, name: str, path: bytes, place: SftpPlace) -> StorageError:
    """What a person reads when the server says no."""
    if error.code == Status.NO_SUCH_FILE and name:
        return missing(name)
    shown = path.decode("utf-8", "replace")
    folder = sftpfiles.folder_of(path).decode("utf-8", "replace")
    free = "" if error.free_bytes is None else f" ({error.free_bytes} bytes are free there)"
    what = f"{place.host} refuses {shown}: it says {error}{free}"
    if error.code == Status.PERMISSION_DENIED:
        return StorageRefused(
            what,
            hint="may the account write there, or is it read-only or append-only? "
            f"try: sftp {place.login}, then ls -la {folder}",
        )
    return StorageError(
        what, hint=f"is its disk full? on the server: df -h {folder}; what was stored is unharmed"
    )
