"""Password file, repository, documents and a real PostgreSQL for the commands."""

import os
from pathlib import Path

import pytest

from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.postgres.conftest import server, system_installation

__all__ = ["server", "system_installation"]


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.touch(0o600)
    path.write_text(PASSWORD + "\n")
    return path


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return init_cheaply(tmp_path / "repo")


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "one.pdf").write_bytes(os.urandom(3000))
    (folder / "two.rhs").write_bytes(os.urandom(700_000))
    return folder
