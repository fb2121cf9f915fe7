"""The rollback point of a database, and the way back to it.

The copy has another name until it is complete, and nobody may connect to it.  Going back renames
both databases in one transaction: killed at any line, the application's name stands for the one or
for the other, and the same call finishes the work.
"""

import os
from typing import Any, Dict, List, Optional, Set

from spse_steps import dbnames
from spse_steps.databases import Databases
from spse_steps.dbdump import dump_path, remove_old_dumps, restore_dump, write_dump
from spse_steps.dbproperties import plan_properties
from spse_steps.durable import Trace, ignore
from spse_steps.errors import StepFailed
from spse_steps.psql import quote_name

CLONE, DUMP = "clone", "dump"
# Below this, writing the copy to the log costs less than two checkpoints.
_LARGE_BYTES = 256 << 20
# The choice came with PostgreSQL 15; before, it was the only way.
_STRATEGY_SINCE = 150000
_SIZE_MARGIN = 1.1


def choose_kind(wanted: str, size_bytes: int, free_bytes: Optional[int], reserve_bytes: int) -> str:
    """A copy inside the server when there is room for it, else a dump."""
    if wanted != "auto":
        return wanted
    needed = int(size_bytes * _SIZE_MARGIN) + reserve_bytes
    return CLONE if free_bytes is not None and free_bytes >= needed else DUMP


class RollbackPoint:
    """That of one upgrade, which ``stamp`` tells from all others.  Methods raise StepFailed.

    ``properties`` are those of the database as it was before anything was done to it.
    """

    def __init__(self, databases: Databases, stamp: str, trace: Trace = ignore) -> None:
        self._databases = databases
        self._psql = databases.psql
        self._stamp = stamp
        self._trace = trace
        self.name = databases.name
        self.before = self._beside(dbnames.BEFORE)
        self.dump = dump_path(databases, self.before)

    def kind_there(self) -> Optional[str]:
        """The kind of the complete rollback point; None while there is none."""
        return self._kind_in(self._databases.names())

    def _kind_in(self, names: Set[str]) -> Optional[str]:
        if self.before in names:
            return CLONE
        return DUMP if os.path.isfile(self.dump) else None

    def make(self, kind: str, properties: Dict[str, Any]) -> None:
        """Make it, if it is not there yet; then everybody may come in again."""
        self._databases.end_own_sessions()
        names = self._databases.names()
        if self._kind_in(names) != kind:
            if kind == CLONE:
                self._make_clone(properties, names)
            else:
                self._databases.leave_to_superusers()
                self._trace("dump: closed")
                write_dump(self._databases, self.dump, self._trace)
        self._databases.open(_limit(properties))
        self._trace("rollback point: opened")

    def choose_failed_name(self) -> str:
        """What the database that did not come to be will be called."""
        names = self._databases.names()
        return dbnames.free_name(self.name, dbnames.FAILED, self._stamp, names)

    def return_to_it(self, properties: Dict[str, Any], failed: str) -> str:
        """Make it the application's database again; how, in words.

        What was there is kept as ``failed``: once that is there, the work is done.
        """
        databases = self._databases
        databases.end_own_sessions()
        if failed not in databases.names():
            if self.kind_there() is None:
                raise StepFailed(
                    f"neither {self.before} nor {self.dump} is there to go back to",
                    hint="restore the backup that the upgrade began with: lpse-ops backup restore",
                )
            self._swap(properties, failed)
        databases.open(_limit(properties))
        return f"{self.name} is as before the migration; what the upgrade made of it is {failed}"

    def remove(self, properties: Optional[Dict[str, Any]]) -> None:
        """Remove it; nothing was done to the database since.  None: it was not even begun."""
        databases = self._databases
        if properties is None:
            return
        databases.end_own_sessions()
        names = databases.names()
        if self.name not in names:
            raise StepFailed(
                f"there is no {self.name}, so {self.before} is not dropped",
                hint=f'psql -c \'ALTER DATABASE "{self.before}" RENAME TO "{self.name}"\' postgres',
            )
        made = {self._beside(dbnames.CLONING), self._beside(dbnames.RESTORING), self.before}
        for name in sorted(made & names):
            databases.drop(name)
        for path in (self.dump, f"{self.dump}.half"):
            if os.path.exists(path):
                os.unlink(path)
        databases.open(_limit(properties))

    def drop_old(self) -> List[str]:
        """Drop what earlier upgrades left, but the newest, and what is in use.  Their names."""
        databases = self._databases
        keep = self._psql.server.keep
        old = dbnames.choose_old(self.name, databases.names(), keep=keep, stamp=self._stamp)
        dropped = [name for name in old if not databases.is_used(name)]
        for name in dropped:
            databases.drop(name)
            self._trace(f"drop: {name}")
        return dropped + remove_old_dumps(databases, self._stamp)

    def _make_clone(self, properties: Dict[str, Any], names: Set[str]) -> None:
        half = self._beside(dbnames.CLONING)
        if half in names:
            self._databases.drop(half)
        self._databases.close(self.name)
        self._trace("clone: closed")
        strategy = ""
        is_large = int(properties["size_bytes"]) >= _LARGE_BYTES
        if is_large and int(properties["version"]) >= _STRATEGY_SINCE:
            strategy = " STRATEGY file_copy"
        self._psql.execute(
            f"CREATE DATABASE {quote_name(half)} TEMPLATE {quote_name(self.name)}"
            f" TABLESPACE {quote_name(properties['tablespace'])}{strategy}",
            seconds=self._psql.server.seconds,
        )
        self._trace("clone: copied")
        self._complete(half, properties)
        self._trace("clone: renamed")

    def _complete(self, half: str, properties: Dict[str, Any]) -> None:
        """Give a copy all that belongs to it, close it, and let it have its name."""
        self._psql.execute(
            *plan_properties(half, properties),
            f"ALTER DATABASE {quote_name(half)} ALLOW_CONNECTIONS false",
            f"ALTER DATABASE {quote_name(half)} RENAME TO {quote_name(self.before)}",
            is_one=True,
        )

    def _swap(self, properties: Dict[str, Any], failed: str) -> None:
        if self.kind_there() == DUMP:
            half = self._beside(dbnames.RESTORING)
            restore_dump(self._databases, self.dump, half, properties, self._trace)
            self._complete(half, properties)
            self._trace("restore: renamed")
        self._databases.close(self.name)
        self._trace("swap: closed")
        self._psql.execute(
            f"ALTER DATABASE {quote_name(self.name)} RENAME TO {quote_name(failed)}",
            f"ALTER DATABASE {quote_name(self.before)} RENAME TO {quote_name(self.name)}",
            f"ALTER DATABASE {quote_name(self.name)} ALLOW_CONNECTIONS true",
            is_one=True,
        )
        self._trace("swap: renamed")

    def _beside(self, kind: str) -> str:
        return dbnames.name_beside(self.name, kind, self._stamp)


def _limit(properties: Dict[str, Any]) -> int:
    return max(int(properties["columns"]["datconnlimit"]), -1)
