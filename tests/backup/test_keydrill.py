"""The recovery sheet opens a repository, and nothing is written for it."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from lpse_ops.backup.config import Config, encode_config
from lpse_ops.backup.crypto import Crypter, Keys
from lpse_ops.backup.keydrill import ReadOnlyBackend, drill_key
from lpse_ops.backup.recovery import RecoverySecret
from lpse_ops.backup.storage.backend import CONFIG, Backend
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import OpsError, RepositoryError
from tests.backup.cheap_repository import ID, KEYS, POLYNOMIAL, init_cheaply
from tests.backup.storing import MOMENT, store

SECRET = RecoverySecret(KEYS, ID, POLYNOMIAL)
OTHER_KEYS = Keys(bytes(range(2, 34)), bytes(range(34, 50)), bytes(range(50, 66)))


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keydrill")
    (folder / "old.pdf").write_bytes(b"an older snapshot")
    docs = folder / "docs"
    (docs / "empty-folder").mkdir(parents=True)
    (docs / "empty.pdf").touch()
    (docs / "link.pdf").symlink_to("one.pdf")
    (docs / "one.pdf").write_bytes(random.Random(1).randbytes(900_000))
    (docs / "two.rhs").write_bytes(b"two")
    root = init_cheaply(folder / "repo")
    store(root, folder / "old.pdf", time=MOMENT)
    store(root, docs, time=MOMENT + timedelta(days=1))
    return root


@pytest.fixture
def unchanged(repo: Path) -> Iterator[None]:
    """Nothing of the repository is other than before, and nothing is new."""

    def state() -> list[tuple[str, int, int]]:
        paths = sorted(repo.rglob("*"))
        return [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]

    before = state()
    yield
    assert state() == before


def by_seed(seed: int = 0) -> random.Random:
    return random.Random(seed)


def test_a_document_of_the_newest_snapshot_opens(repo: Path, unchanged: None):
    drilled = drill_key(LocalBackend(repo), SECRET, by_seed().shuffle)
    assert drilled.snapshot.time == MOMENT + timedelta(days=1)
    assert (drilled.path.rpartition(b"/")[2], drilled.size_bytes) in {
        (b"one.pdf", 900_000),
        (b"two.rhs", 3),
    }


def test_every_document_has_its_turn(repo: Path):
    found = {
        drill_key(LocalBackend(repo), SECRET, by_seed(seed).shuffle).path for seed in range(20)
    }
    assert {path.rpartition(b"/")[2] for path in found} == {b"one.pdf", b"two.rhs"}


class Without(ReadOnlyBackend):
    """The same repository, as if its keys and config were lost."""

    def exists(self, name: str) -> bool:
        return name != CONFIG and super().exists(name)

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        assert name != CONFIG
        assert not name.startswith("keys/")
        return super().load(name, offset, length)


def test_neither_keys_nor_config_are_needed(repo: Path, unchanged: None):
    drilled = drill_key(Without(LocalBackend(repo)), SECRET, by_seed().shuffle)
    assert drilled.size_bytes > 0


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        (RecoverySecret(OTHER_KEYS, ID, POLYNOMIAL), "does not open the repository"),
        (RecoverySecret(KEYS, "ab" * 32, POLYNOMIAL), "the sheet is of repository ababababab"),
    ],
    ids=["key", "id"],
)
def test_another_sheet_is_refused(repo: Path, secret: RecoverySecret, words: str, unchanged: None):
    with pytest.raises(RepositoryError, match=words):
        drill_key(LocalBackend(repo), secret, by_seed().shuffle)


def test_another_sheet_without_a_config_opens_nothing(repo: Path):
    secret = RecoverySecret(OTHER_KEYS, ID, POLYNOMIAL)
    with pytest.raises(OpsError):
        drill_key(Without(LocalBackend(repo)), secret, by_seed().shuffle)


def empty() -> Backend:
    backend = MemoryBackend()
    backend.save(CONFIG, encode_config(Config(ID, POLYNOMIAL), Crypter(KEYS)))
    return backend


def test_a_repository_without_a_snapshot_proves_nothing():
    with pytest.raises(RepositoryError, match="holds no snapshot"):
        drill_key(empty(), SECRET, by_seed().shuffle)


def test_a_snapshot_without_documents_proves_nothing(tmp_path: Path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "empty.pdf").touch()
    store(init_cheaply(tmp_path / "repo"), tmp_path / "docs")
    with pytest.raises(RepositoryError, match="no document that could be opened"):
        drill_key(LocalBackend(tmp_path / "repo"), SECRET, by_seed().shuffle)


def test_a_damaged_document_is_found(tmp_path: Path):
    (tmp_path / "one.pdf").write_bytes(b"one")
    root = init_cheaply(tmp_path / "repo")
    store(root, tmp_path / "one.pdf")
    for pack in (root / "data").rglob("*"):
        if pack.is_file():
            content = bytearray(pack.read_bytes())
            content[20] ^= 1
            pack.chmod(0o600)
            pack.write_bytes(content)
    with pytest.raises(OpsError, match=r"damaged|altered|MAC"):
        drill_key(LocalBackend(root), SECRET, by_seed().shuffle)


@pytest.mark.parametrize(
    "write",
    [
        lambda backend: backend.save("config", b""),
        lambda backend: backend.remove("config"),
        lambda backend: backend.prepare(),
    ],
    ids=["save", "remove", "prepare"],
)
def test_a_drill_can_write_nothing(write):
    inner = empty()
    with pytest.raises(RepositoryError, match="only read"):
        write(ReadOnlyBackend(inner))
    assert inner.exists(CONFIG)
