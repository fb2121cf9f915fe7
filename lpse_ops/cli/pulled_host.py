"""A server that is backed up from here: its files through its agent, its databases likewise.

The host gets to know paths and queries, and nothing that opens a repository: hashing, encryption
and the ways to the destinations are all here.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from lpse_ops.backup.backuprun import BackupRequest
from lpse_ops.backup.unfinished import UnfinishedRuns
from lpse_ops.cli.host_databases import HostDatabases
from lpse_ops.cli.host_source import open_source
from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.connect import open_link
from lpse_ops.remote.target import Target

if TYPE_CHECKING:
    from lpse_ops.postgres.database import Database


class PulledHost:
    """``reading`` connects, and ``reach`` is for within its block; used once."""

    def __init__(
        self, target: Target, warn: Callable[[str], None], unfinished: UnfinishedRuns
    ) -> None:
        self._target = target
        self._unfinished = unfinished
        self._warn = warn
        self._databases: HostDatabases | None = None

    @contextlib.contextmanager
    def reading(self, request: BackupRequest) -> Iterator[BackupRequest]:
        """The same request of the host's files; ``HostUnreachable`` if there is no way to it."""
        with contextlib.closing(open_link(self._target)) as link:
            self._databases = HostDatabases(link, self._warn)
            try:
                yield replace(request, source=open_source(link), unfinished=self._unfinished)
            except HostUnreachable as error:
                raise HostUnreachable(
                    # No task: what was only read can be read again.
                    error.message.partition("; the task may")[0],
                    hint="see whether the host is up, then run the backup again: what was stored"
                    " is kept, and a first backup goes on from there",
                ) from error

    @contextlib.contextmanager
    def reach(self, database: "Database") -> Iterator["Database"]:
        """A database of the host, as it is reached here while the block lasts."""
        if self._databases is None:
            raise RuntimeError("databases are read while the host is")
        with self._databases.reach(database) as there:
            yield there
