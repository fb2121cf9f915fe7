"""Password file, repository, documents and a real PostgreSQL for the commands."""

import os
from pathlib import Path

import pytest

from tests.backup.conftest import password, repo
from tests.postgres.conftest import server, system_installation

__all__ = ["password", "repo", "server", "system_installation"]


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "one.pdf").write_bytes(os.urandom(3000))
    (folder / "two.rhs").write_bytes(os.urandom(700_000))
    return folder
