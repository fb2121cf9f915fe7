"""Real servers: the system's PostgreSQL and the newer one of the ``demo`` extra's wheel."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lpse_ops.postgres.installation import Installation, bundled_folders, find_installations
from tests.postgres.servers import Server, open_folder, open_server


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@pytest.fixture(scope="session")
def system_installation() -> Installation:
    bundled = set(bundled_folders())
    for installation in find_installations():
        if installation.folder not in bundled and installation.has("postgres"):
            return installation
    pytest.skip("apt install postgresql")


@pytest.fixture(scope="session")
def bundled_installation() -> Installation:
    bundled = set(bundled_folders())
    for installation in find_installations():
        if installation.folder in bundled:
            return installation
    pytest.skip("pip install 'lpse-ops[demo]'")


@pytest.fixture(scope="session")
def server(system_installation: Installation) -> Iterator[Server]:
    """The system's PostgreSQL."""
    with open_server(system_installation) as running:
        yield running


@pytest.fixture(scope="session")
def newer_server(bundled_installation: Installation) -> Iterator[Server]:
    """The PostgreSQL of the wheel."""
    with open_server(bundled_installation) as running:
        yield running


@pytest.fixture(params=["system", "bundled"])
def any_server(request: pytest.FixtureRequest) -> Server:
    """Each of the two."""
    name = "server" if request.param == "system" else "newer_server"
    running: Server = request.getfixturevalue(name)
    return running
