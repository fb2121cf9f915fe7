"""A private PostgreSQL cluster that is thrown away: for restore drills, the demo and tests.

Everybody who reaches its socket is its superuser, so the socket's folder is open to one account
only and there is no TCP unless asked for; over TCP, passwords (SCRAM) are required.
"""

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from lpse_ops.errors import PostgresError
from lpse_ops.postgres.account import (
    ACCOUNTS,
    find_account,
    make_private_folder,
    reachable_programs,
)
from lpse_ops.postgres.apart import Kept, find_namespaces, open_kept
from lpse_ops.postgres.installation import choose_for_server, find_installations
from lpse_ops.process import Finished, run

SUPERUSER = "postgres"
# Nobody needs a scratch cluster after a power cut.
THROW_AWAY_SETTINGS: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}
# sun_path of a Unix socket holds 107 bytes.
_LONGEST_SOCKET_BYTES = 100
_SOCKET_NAME = ".s.PGSQL.65535"
_SECONDS_TO_END = 60
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


def find_binaries() -> Path:
    """The folder with ``initdb`` and ``postgres``: the system's newest, else the demo wheel's."""
    return choose_for_server(find_installations()).folder


class ScratchCluster:
    """A cluster in ``folder``/scratch-cluster from ``with`` to the end of its block.

    Whatever an earlier, killed run left there is stopped and removed first; at the end, also
    after the server crashed, everything is removed again, with every process that the server
    started.  Should this process be killed, the same is done: no copy of a production database
    stays behind.  Root uses the first of ``accounts`` that there is.  ``apart``: in namespaces of
    its own, where there are any (``is_apart``); then its processes have other numbers here.
    """

    def __init__(
        self,
        folder: Path,
        *,
        binaries: Path | None = None,
        settings: Mapping[str, str] = THROW_AWAY_SETTINGS,
        tcp_port: int | None = None,
        accounts: Sequence[str] = ACCOUNTS,
        apart: bool = False,
    ) -> None:
        self._home = folder.absolute() / "scratch-cluster"
        self._data = self._home / "data"
        self._log = self._home / "log"
        self._binaries = binaries
        self._settings = dict(settings)
        self._listen_addresses = "127.0.0.1" if tcp_port else ""
        self._port = str(tcp_port or 5432)
        self._account = find_account(accounts)
        self._namespaces = find_namespaces() if apart else ()
        self._socket_folder = self._home
        self._kept: Kept | None = None
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as undo:
            self._remove_leftover()
            self._home.parent.mkdir(parents=True, exist_ok=True)
            undo.callback(shutil.rmtree, self._home, ignore_errors=True)
            make_private_folder(self._home, self._account)
            programs = reachable_programs(
                self._binaries or find_binaries(), self._account, self._home / "programs"
            )
            self._socket_folder = undo.enter_context(self._open_socket_folder())
            self._initdb(programs)
            self._kept = undo.enter_context(self._open_server(programs))
            self._check(self._kept.started)
            self._exit = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._exit.close()

    def stop(self) -> None:
        """End the server now, in the midst of whatever it does; the block's end waits for it."""
        if self._kept is not None:
            self._kept.stop()

    def url(self, database: str) -> str:
        """The libpq URL of a database, as superuser over the socket."""
        host = quote(str(self._socket_folder))
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={host}&port={self._port}"

    @property
    def is_apart(self) -> bool:
        return bool(self._namespaces)

    @property
    def pid(self) -> int:
        """The process id of the server, in its own namespace."""
        return int((self._data / "postmaster.pid").read_text().partition("\n")[0])

    def _remove_leftover(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            pid, deadline = self.pid, time.monotonic() + _SECONDS_TO_END
            # The number may belong to somebody else by now, such as the production server.
            while Path(f"/proc/{pid}/cwd").readlink() == self._data:
                os.kill(pid, signal.SIGQUIT if time.monotonic() < deadline else signal.SIGKILL)
                time.sleep(0.1)
        shutil.rmtree(self._home, ignore_errors=True)

    @contextlib.contextmanager
    def _open_socket_folder(self) -> Iterator[Path]:
        if len(os.fsencode(self._home / _SOCKET_NAME)) <= _LONGEST_SOCKET_BYTES:
            yield self._home
            return
        with tempfile.TemporaryDirectory(prefix="lpse-ops-", dir="/tmp") as short:
            folder = Path(short) / "socket"
            make_private_folder(folder, self._account)
            yield folder

    def _initdb(self, programs: Path) -> None:
        self._run(
            programs / "initdb",
            f"--username={SUPERUSER}",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "--no-sync",
        )
        settings = {
            # Double quotes keep a comma in a path from ending it.
            "unix_socket_directories": f'"{self._socket_folder}"',
            "unix_socket_permissions": "0700",
            "listen_addresses": self._listen_addresses,
            "port": self._port,
            **self._settings,
        }
        # The account may put a link there, and we are root.
        with open(self._data / "postgresql.conf", "a", encoding="utf-8", opener=_open_file) as file:
            file.writelines(f"{name} = {_quoted(value)}\n" for name, value in settings.items())

    def _open_server(self, programs: Path) -> contextlib.AbstractContextManager[Kept]:
        start = ("start", "--wait", f"--log={self._log}", f"--pgdata={self._data}")
        return open_kept(
            [programs / "pg_ctl", *start],
            self._data,
            account=self._account,
            namespaces=self._namespaces,
        )

    def _run(self, program: Path, *arguments: str) -> None:
        argv: list[str | Path] = [program, *arguments, f"--pgdata={self._data}"]
        self._check(run(argv, environment=_ENVIRONMENT, account=self._account))

    def _check(self, finished: Finished) -> None:
        if finished.status:
            raise PostgresError(
                f"cannot start a scratch cluster: {self._last_words(finished.stderr)}",
                hint=f"is there space and memory left on the machine, and in {self._home.parent}?",
            )

    def _last_words(self, stderr: str) -> str:
        with contextlib.suppress(OSError):
            stderr += self._log.read_text(errors="replace")
        return " / ".join(stderr.strip().splitlines()[-5:])


def _open_file(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
