"""A running cluster for tests, and short ways to work with it."""

import itertools
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
from psycopg import sql

from lpse_ops.postgres.database import Database, parse_database
from lpse_ops.postgres.installation import Installation
from lpse_ops.postgres.scratch import THROW_AWAY_SETTINGS, ScratchCluster
from tests.postgres.rich_schema import load_rich_schema

_numbers = itertools.count(1)


@dataclass
class Server:
    """A running cluster and short ways to work with it."""

    cluster: ScratchCluster
    installation: Installation
    tcp_port: int
    has_rich: set[str] = field(default_factory=set)

    @property
    def socket_folder(self) -> str:
        return parse_qs(urlsplit(self.cluster.url("postgres")).query)["host"][0]

    def database(self, name: str, *, role: str | None = None) -> Database:
        url = self.cluster.url(name)
        return parse_database(url.replace("postgres@", f"{role}@", 1) if role else url)

    def tcp(self, name: str, role: str, password: str) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self.tcp_port}/{name}"

    def execute(self, query: str, *, name: str = "postgres") -> list[tuple[object, ...]]:
        with psycopg.connect(self.cluster.url(name), autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def new_database(self, *, rich: bool = False) -> str:
        """Create a database with a name of its own; empty, or with the rich schema."""
        name = f"epns_{next(_numbers)}"
        if rich and "rich" not in self.has_rich:
            self.execute("CREATE DATABASE rich")
            load_rich_schema(self.cluster.url("rich"))
            self.has_rich.add("rich")
        template = sql.Identifier("rich" if rich else "template0")
        query = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), template)
        self.execute(query.as_string())
        return name

    def names(self) -> set[str]:
        return {str(row[0]) for row in self.execute("SELECT datname FROM pg_database")}

    def plain_dump(self, name: str, *options: str) -> list[str]:
        """Plain SQL as ``pg_dump`` writes it, less what it makes up anew each time."""
        argv = [self.installation.folder / "pg_dump", *options, self.cluster.url(name)]
        text = subprocess.run(argv, check=True, capture_output=True).stdout.decode()
        made_up = ("\\restrict ", "\\unrestrict ")
        return [line for line in text.splitlines() if not line.startswith(made_up)]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder with a short path that every account may pass through, unlike pytest's own."""
    # In memory if possible: the tests create a hundred databases.
    memory = Path("/dev/shm")
    top = memory if os.access(memory, os.W_OK) else Path("/tmp")
    with tempfile.TemporaryDirectory(prefix="pg-", dir=top) as name:
        Path(name).chmod(0o711)
        yield Path(name)


@contextmanager
def open_server(
    installation: Installation, settings: Mapping[str, str] = THROW_AWAY_SETTINGS
) -> Iterator[Server]:
    port = free_port()
    with (
        open_folder() as folder,
        ScratchCluster(
            folder, binaries=installation.folder, settings=settings, tcp_port=port
        ) as cluster,
    ):
        yield Server(cluster, installation, port)
