"""The stand-in's packages, and sites that run them on a real PostgreSQL."""

import contextlib
import io
import itertools
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from lpse_ops.spse.sample import write_sql
from lpse_ops.spse.sample_documents import plan_documents
from tests.postgres.conftest import server, system_installation
from tests.postgres.servers import Server, free_port
from tests.standin.build import Package, find_packages
from tests.standin.site import Site, open_site
from tests.standin.toolchain import say_missing_java

__all__ = ["server", "system_installation"]

# Neither is what anybody would find by chance in a log.
ROLE, PASSWORD = "epns", "sandi-5e1c"
SEED = 7
_numbers = itertools.count(1)

OpenSite = Callable[..., Site]


@pytest.fixture(scope="session")
def packages() -> dict[str, Package]:
    if reason := say_missing_java():
        pytest.skip(reason)
    return find_packages()


@pytest.fixture(scope="session")
def sample(server: Server) -> str:
    """A database with the sample's rows, never changed: to make others from."""
    server.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
    server.execute(f"CREATE DATABASE contoh OWNER {ROLE}")
    text = io.BytesIO()
    write_sql(text, 1, SEED, plan_documents(1, SEED))
    url = server.cluster.url("contoh").replace("postgres@", f"{ROLE}@", 1)
    psql: list[str | Path] = [server.installation.folder / "psql", "-Xq", "-vON_ERROR_STOP=1", url]
    subprocess.run(psql, input=text.getvalue(), check=True, stdout=subprocess.DEVNULL)
    return "contoh"


@pytest.fixture(scope="session")
def migrated_sample(
    sample: str,
    server: Server,
    packages: dict[str, Package],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """The same after the migrations of 4.4, so that not every test waits for them."""
    name = new_database(server, template=sample)
    folder = tmp_path_factory.mktemp("migrated")
    url = database_url(server, name)
    with open_site(packages["spse-4.4"], folder / "spse", folder, 0, url) as site:
        said = site.migrate()
    assert said.status == 0, said
    return name


@pytest.fixture
def migrated_database(server: Server, migrated_sample: str) -> str:
    return new_database(server, template=migrated_sample)


@pytest.fixture
def database(server: Server, sample: str) -> str:
    """A database of one's own with the sample's rows; no migration has been run."""
    return new_database(server, template=sample)


@pytest.fixture
def empty_database(server: Server, sample: str) -> str:
    return new_database(server, template="template0")


@pytest.fixture
def put_up(packages: dict[str, Package], server: Server, tmp_path: Path) -> Iterator[OpenSite]:
    """``put_up("spse-4.4", database)`` unpacks and configures that package, until the test ends.

    All sites of a test share documents and port, as releases of one server do.
    """
    port = free_port()
    with contextlib.ExitStack() as sites:

        def put(name: str, database: str) -> Site:
            home = tmp_path / f"{name}-{next(_numbers)}"
            storage = tmp_path / "file/file_prod"
            url = database_url(server, database)
            return sites.enter_context(open_site(packages[name], home, storage, port, url))

        yield put


def database_url(server: Server, database: str) -> str:
    """A database as application.conf names it."""
    return f"postgres://{ROLE}:{PASSWORD}@127.0.0.1:{server.tcp_port}/{database}"


@contextlib.contextmanager
def lock(server: Server, database: str, table: str) -> Iterator[None]:
    """Keep everybody else from a table."""
    with psycopg.connect(server.cluster.url(database)) as connection:
        statement = sql.SQL("LOCK TABLE {}").format(sql.Identifier(*table.split(".")))
        connection.execute(statement)
        yield
        connection.rollback()


def new_database(server: Server, *, template: str) -> str:
    name = f"epns_prod_{next(_numbers)}"
    query = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
        sql.Identifier(name), sql.Identifier(ROLE), sql.Identifier(template)
    )
    with psycopg.connect(server.cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(query)
    return name
