"""A private PostgreSQL cluster that is thrown away: for restore drills, the demo and tests.

Everybody who reaches its socket is its superuser, so the socket's folder is open to one account
only and there is no TCP unless asked for; over TCP, passwords (SCRAM) are required.
"""

import contextlib
import os
import shutil
import signal
import subprocess
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
from lpse_ops.postgres.installation import choose_for_server, find_installations
from lpse_ops.process import run

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
# Waits until the pipe from us breaks, closed by us or by our death, then stops the server: no
# copy of a production database stays behind because a drill was killed.
_WATCH = 'read -r _; "$1" stop --pgdata="$2" --mode=immediate --silent --timeout=30; rm -rf "$2"'


def find_binaries() -> Path:
    """The folder with ``initdb`` and ``postgres``: the system's newest, else the demo wheel's."""
    return choose_for_server(find_installations()).folder


class ScratchCluster:
    """A cluster in ``folder``/scratch-cluster from ``with`` to the end of its block.

    Whatever an earlier, killed run left there is stopped and removed first; at the end, also
    after the server crashed, everything is removed again.  Root uses the first of ``accounts``
    that there is.
    """

    def __init__(
        self,
        folder: Path,
        *,
        binaries: Path | None = None,
        settings: Mapping[str, str] = THROW_AWAY_SETTINGS,
        tcp_port: int | None = None,
        accounts: Sequence[str] = ACCOUNTS,
    ) -> None:
        self._home = folder.absolute() / "scratch-cluster"
        self._data = self._home / "data"
        self._log = self._home / "log"
        self._binaries = binaries
        self._settings = dict(settings)
        self._listen_addresses = "127.0.0.1" if tcp_port else ""
        self._port = str(tcp_port or 5432)
        self._account = find_account(accounts)
        self._socket_folder = self._home
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
            undo.enter_context(self._open_watch(programs))
            self._run(programs / "pg_ctl", "start", "--wait", f"--log={self._log}")
            self._exit = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._exit.close()

    def url(self, database: str) -> str:
        """The libpq URL of a database, as superuser over the socket."""
        host = quote(str(self._socket_folder))
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={host}&port={self._port}"

    @property
    def pid(self) -> int:
        """The process id of the server."""
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

    @contextlib.contextmanager
    def _open_watch(self, programs: Path) -> Iterator[None]:
        """Have the server stopped at the end of the block, or when this process dies."""
        account = self._account
        watch = subprocess.Popen(
            ["sh", "-c", _WATCH, "sh", programs / "pg_ctl", self._data],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            cwd="/",
            # Ctrl-C is for us; the watch acts when we are done.
            start_new_session=True,
        )
        try:
            yield
        finally:
            # Closes the pipe and waits.
            watch.communicate(timeout=_SECONDS_TO_END)

    def _run(self, program: Path, *arguments: str) -> None:
        finished = run(
            [program, *arguments, f"--pgdata={self._data}"],
            environment={"PATH": os.defpath, "LC_ALL": "C"},
            account=self._account,
        )
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
