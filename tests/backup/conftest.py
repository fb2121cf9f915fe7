"""Repository, its password file and documents, for all tests that store something."""

import os
from pathlib import Path

import pytest

from tests.backup.cheap_repository import PASSWORD, init_cheaply


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
    (folder / "below").mkdir(parents=True)
    (folder / "a.pdf").write_bytes(os.urandom(5000))
    (folder / "below" / "b.rhs").write_bytes(os.urandom(3_000_000))
    (folder / "empty").touch()
    return folder
