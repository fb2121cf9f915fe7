"""Two equal clusters, one for each side, and new ones for each test file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.modules.onpostgres.steps import Side, do_ours, do_theirs
from tests.postgres.conftest import system_installation
from tests.postgres.servers import open_server

__all__ = ["system_installation"]


@pytest.fixture(scope="module")
def sides(
    system_installation: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Side, Side]]:
    folders = [tmp_path_factory.mktemp(name) for name in ("theirs", "ours")]
    with open_server(system_installation) as theirs, open_server(system_installation) as ours:
        yield Side(theirs, folders[0]), Side(ours, folders[1])


@pytest.fixture(scope="module")
def done(request: pytest.FixtureRequest, sides: tuple[Side, Side]) -> tuple[Any, Any]:
    """What both sides answered to the steps of a test file."""
    steps = request.module.STEPS
    return do_theirs(steps, sides[0]), do_ours(steps, sides[1])


@pytest.fixture
def ours(sides: tuple[Side, Side]) -> Side:
    return sides[1]


@pytest.fixture
def folder(sides: tuple[Side, Side]) -> Path:
    return sides[1].folder
