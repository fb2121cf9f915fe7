"""Databases of a host, reached here through its agent: joins ``postgres`` and ``remote``.

``pg_dump`` and the session that counts rows run here, so dump, counts and manifest are those of a
local backup.  Passwords stay here as well: the host carries bytes.
"""

import contextlib
import re
from collections.abc import Callable, Iterator

from lpse_ops.errors import OpsError, PostgresError
from lpse_ops.postgres.carried import (
    SOCKET_NAME,
    carried_to,
    named_role,
    server_address,
)
from lpse_ops.postgres.database import Database
from lpse_ops.remote.link import AgentLink
from lpse_ops.remote.nested import NestedTransport
from lpse_ops.remote.tunnel import Tunnel

# Who may do everything there, and whom root becomes to be believed.
SUPERUSER = "postgres"
_ACCOUNT = re.compile(rb"[A-Za-z0-9_.@$-]{1,255}")
_SECONDS = 20.0


class HostDatabases:
    """Opens databases as the account that their server expects; for one thread."""

    def __init__(self, link: AgentLink, warn: Callable[[str], None]) -> None:
        self._link = link
        self._warn = warn
        self._warned: set[str] = set()

    @contextlib.contextmanager
    def reach(self, database: Database) -> Iterator[Database]:
        """The database as it is reached here while the block lasts.

        A role that the address leaves out is the account's: ``postgres`` where the agent is root,
        else the one that the agent works as.  ``HostUnreachable`` when the host was lost.
        """
        server = server_address(database)
        role = named_role(database) or self._account()
        if not server.is_local:
            self._warn_once(f"{self._link.name} reads {server.addresses[0]} unencrypted")
        tunnel = self._open(server.addresses, role)
        try:
            yield carried_to(database, str(tunnel.folder), role)
        except PostgresError as error:
            raise self._explain(database, tunnel, error) from error
        finally:
            tunnel.close()

    def _open(self, addresses: tuple[str, ...], account: str) -> Tunnel:
        try:
            return Tunnel(self._link, addresses, account=account, socket_name=SOCKET_NAME)
        except OSError as error:
            raise PostgresError(
                f"cannot make a socket for the databases of {self._link.name}: {error.strerror}",
                hint="is there room in /tmp?  see `df -h /tmp`, or set TMPDIR",
            ) from error

    def _explain(self, database: Database, tunnel: Tunnel, error: PostgresError) -> OpsError:
        if self._link.is_lost:
            # Gives the first reason that there was.
            return self._link.lose("the connection was closed")
        if not tunnel.problem:
            return error
        return PostgresError(
            f"{self._link.name} cannot reach the server of database {database.name}: "
            f"{tunnel.problem}",
            hint="is it running there (systemctl status postgresql), and are host and port in the"
            " address right, as seen from there?",
        )

    def _account(self) -> str:
        return SUPERUSER if self._link.hello.uid == 0 else read_account(self._link)

    def _warn_once(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            self._warn(message)


def read_account(link: AgentLink) -> str:
    """The name of the account that the agent works as."""
    with contextlib.closing(NestedTransport(link, ["id", "-un"], on_terminal=False)) as program:
        said = b""
        while len(said) < 1000 and (received := program.receive(_SECONDS)):
            said += received
    if not _ACCOUNT.fullmatch(said.strip()):
        raise PostgresError(
            f"{link.name} does not say which account works there",
            hint="name the role in the address of the database: postgresql://ROLE@/NAME",
        )
    return said.strip().decode()
