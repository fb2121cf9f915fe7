"""The runner's own folder on the path, as on a server, and a site to upgrade."""

import importlib
import pkgutil
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

RUNNER = Path(__file__).parents[2] / "roles/spse/files/steprunner"
sys.path.insert(0, str(RUNNER))


def _import_all() -> None:
    """Import the runner without leaving bytecode where the role would copy it from."""
    for folder in list(RUNNER.rglob("__pycache__")):
        shutil.rmtree(folder, ignore_errors=True)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    package = importlib.import_module("spse_steps")
    for module in pkgutil.walk_packages(package.__path__, "spse_steps."):
        importlib.import_module(module.name)
    sys.dont_write_bytecode = before


_import_all()

from tests.postgres.conftest import server, system_installation  # noqa: E402
from tests.postgres.servers import Server, free_port, open_folder  # noqa: E402
from tests.spse_steps.site import Site  # noqa: E402

__all__ = ["server", "system_installation"]


@pytest.fixture(scope="session")
def site_of_session(server: Server) -> Iterator[Site]:
    with open_folder() as top:
        site = Site(top, server, "epns_steps", free_port())
        yield site
        site.stop()


@pytest.fixture
def site(site_of_session: Site) -> Site:
    """The old release running, with its data; nothing of an upgrade."""
    site_of_session.reset()
    return site_of_session
