"""The SFTP sessions of a destination: a few on one connection, each for one thread at a time.

A session that broke is gone for good, and the next one comes with a new connection.  One that was
only refused something goes on.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from lpse_ops.backup.storage.sftpsession import (
    PATIENCE_SECONDS,
    Channel,
    Refused,
    SftpSession,
)
from lpse_ops.errors import StorageError

# sshd allows ten on a connection (MaxSessions), some hosters fewer.
SESSIONS = 4


class SessionsExhausted(Exception):
    """The server lets no more sessions run over this connection; those that do run go on."""


class Line(Protocol):
    """A connection to a server; closing it ends all its channels."""

    def open_channel(self) -> Channel:
        """Start an SFTP server at the other end.

        ``SessionsExhausted`` when there may be no more; ``StorageUnavailable`` when it may work
        later, else ``StorageError``.
        """
        ...

    def close(self) -> None:
        """May be called twice."""
        ...


Dial = Callable[[], Line]


@dataclass
class _Shared:
    """A connection and how many sessions are on it; retired, it takes no new ones."""

    line: Line
    users: int = 0
    is_retired: bool = False


class SessionPool:
    """Any thread may use it."""

    def __init__(
        self,
        dial: Dial,
        *,
        limit: int = SESSIONS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._dial = dial
        self._limit = limit
        self._patience = patience_seconds
        self._changed = threading.Condition()
        self._dialing = threading.Lock()
        self._opening = threading.Lock()
        self._idle: list[tuple[SftpSession, _Shared]] = []
        self._shared: _Shared | None = None
        self._sessions = 0

    @contextlib.contextmanager
    def session(self) -> Iterator[SftpSession]:
        """A session for the time of a block; waits until one is free.

        A block that ends with anything but ``Refused`` has broken its session.
        """
        session, shared = self._take()
        try:
            yield session
            session.settle()
        except Refused:
            try:
                session.settle()
            except BaseException:
                self._drop(session, shared)
                raise
            self._give_back(session, shared)
            raise
        except BaseException:
            self._drop(session, shared)
            raise
        self._give_back(session, shared)

    def close(self) -> None:
        """End what is idle; the next use connects anew."""
        with self._changed:
            idle, self._idle = self._idle, []
            self._sessions -= len(idle)
            if self._shared is not None:
                self._shared.is_retired = True
            shared, self._shared = self._shared, None
            self._changed.notify_all()
        for session, _ in idle:
            session.close()
        for _, each in idle:
            self._leave(each)
        if shared is not None and shared.users == 0:
            shared.line.close()

    def _take(self) -> tuple[SftpSession, _Shared]:
        while True:
            with self._changed:
                while not self._idle and self._sessions >= self._limit:
                    self._changed.wait()
                if self._idle:
                    return self._idle.pop()
                self._sessions += 1
            try:
                return self._open()
            except SessionsExhausted:
                self._accept_fewer()
            except BaseException:
                self._forget_one()
                raise

    def _open(self) -> tuple[SftpSession, _Shared]:
        shared = self._connect()
        try:
            # One by one: who is refused while another is asking may get the other's answer.
            with self._opening:
                channel = shared.line.open_channel()
            try:
                return SftpSession(channel, self._patience), shared
            except BaseException:
                channel.close()
                raise
        except SessionsExhausted:
            self._leave(shared)
            raise
        except BaseException:
            self._retire(shared)
            self._leave(shared)
            raise

    def _connect(self) -> _Shared:
        """The connection, made if there is none, with one user more."""
        with self._dialing:
            with self._changed:
                shared = self._shared
                if shared is not None:
                    shared.users += 1
                    return shared
            shared = _Shared(self._dial(), users=1)
            with self._changed:
                self._shared = shared
            return shared

    def _accept_fewer(self) -> None:
        """Do with those that there are from now on; at least one must be."""
        with self._changed:
            self._sessions -= 1
            self._limit = max(1, self._sessions)
            self._changed.notify_all()
            if not self._sessions:
                raise StorageError(
                    "the server lets nobody start an SFTP session",
                    hint="set `MaxSessions 10` in sshd_config there, and reload sshd",
                )

    def _give_back(self, session: SftpSession, shared: _Shared) -> None:
        with self._changed:
            if not shared.is_retired:
                self._idle.append((session, shared))
                self._changed.notify()
                return
        self._drop(session, shared)

    def _drop(self, session: SftpSession, shared: _Shared) -> None:
        self._retire(shared)
        session.close()
        self._leave(shared)
        self._forget_one()

    def _retire(self, shared: _Shared) -> None:
        """Take no new session from a connection, nor one that waits: they are lost as well."""
        with self._changed:
            shared.is_retired = True
            if self._shared is shared:
                self._shared = None
            lost = [each for each, on in self._idle if on is shared]
            self._idle = [each for each in self._idle if each[1] is not shared]
            self._sessions -= len(lost)
            self._changed.notify_all()
        for session in lost:
            session.close()
            self._leave(shared)

    def _leave(self, shared: _Shared) -> None:
        with self._changed:
            shared.users -= 1
            is_last = shared.is_retired and shared.users == 0
        if is_last:
            shared.line.close()

    def _forget_one(self) -> None:
        with self._changed:
            self._sessions -= 1
            self._changed.notify_all()
