"""The first files of a repository that is far: asked for together, and errors as without it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpse_ops.backup.firstfiles import Beside, FirstFiles, FirstLook
from lpse_ops.backup.openkey import find_key_files, open_key
from lpse_ops.backup.storage.backend import CONFIG, FileKind, StoredFile, file_name
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.backup.storage.memory import MemoryBackend
from lpse_ops.errors import RepositoryMissing, StorageError, StorageRefused, WrongPassword
from tests.backup.cheap_repository import KEYS, PASSWORD, init_cheaply


@pytest.fixture
def backend(tmp_path: Path) -> LocalBackend:
    return LocalBackend(init_cheaply(tmp_path / "repo"))


class TogetherBackend(MemoryBackend):
    """Answers once it was asked for ``config`` and for the keys, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self._both = threading.Barrier(2, timeout=30)

    def load(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        self._both.wait()
        return super().load(name, offset, length)

    def files(self, kind: FileKind) -> Iterator[StoredFile]:
        self._both.wait()
        return super().files(kind)


def test_nobody_waits_for_one_before_he_asks_for_the_other() -> None:
    backend = TogetherBackend()
    backend.contents[CONFIG] = b"config"
    first = FirstFiles(backend)
    first.ensure_exists()
    assert first.config.result() == b"config"
    assert first.keys.result().ids == []


def test_the_key_that_is_tried_first_comes_along(backend: LocalBackend) -> None:
    first = FirstFiles(backend)
    first.ensure_exists()
    found = first.keys.result()
    [key_id] = found.ids
    assert found.loaded == {key_id: backend.load(file_name(FileKind.KEY, key_id))}
    assert open_key(backend, PASSWORD, found) == (KEYS, key_id)


def test_the_keys_behind_the_first_are_tried_too(backend: LocalBackend) -> None:
    backend.save(file_name(FileKind.KEY, "00" * 32), b"not a key file")
    found = find_key_files(backend)
    assert list(found.loaded) == ["00" * 32]
    assert open_key(backend, PASSWORD, found).keys == KEYS
    with pytest.raises(WrongPassword):
        open_key(LocalBackend(Path(backend.location)), "another", found._replace(ids=found.ids[1:]))


def test_nothing_there_is_no_repository(tmp_path: Path) -> None:
    first = FirstFiles(LocalBackend(tmp_path / "none"))
    with pytest.raises(RepositoryMissing):
        first.ensure_exists()


class RefusingBackend(MemoryBackend):
    def load(self, *_where: object) -> bytes:
        raise StorageRefused("not for you", hint="ask")


def test_what_is_refused_is_told_as_it_is() -> None:
    backend = RefusingBackend()
    backend.contents[CONFIG] = b"there, but not to be read"
    with pytest.raises(StorageRefused, match="not for you"):
        FirstFiles(backend).ensure_exists()


def test_a_key_that_cannot_be_loaded_is_an_error_only_when_it_is_tried() -> None:
    backend = RefusingBackend()
    backend.contents[file_name(FileKind.KEY, "ab" * 32)] = b"x"
    found = find_key_files(backend)
    assert found == (["ab" * 32], {})
    with pytest.raises(StorageError, match="not for you"):
        open_key(backend, PASSWORD, found)


def test_a_thread_that_was_waited_for_is_gone() -> None:
    before = threading.active_count()
    go_on = threading.Event()
    task = Beside(lambda: go_on.wait(30))
    assert task.is_running()
    go_on.set()
    assert task.result() is True
    assert task.result() is True
    assert not task.is_running()
    assert threading.active_count() == before


def test_an_interruption_in_the_thread_is_raised_by_the_result() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    task = Beside(interrupt)
    with pytest.raises(KeyboardInterrupt):
        task.result()


def test_a_repository_without_snapshots_and_indexes_is_new() -> None:
    backend = MemoryBackend()
    assert FirstLook(backend).is_new()
    assert not FirstLook(backend).has_locks()
    backend.contents[file_name(FileKind.LOCK, "ab" * 32)] = b"lock"
    look = FirstLook(backend)
    assert (look.is_new(), look.has_locks()) == (True, True)


@pytest.mark.parametrize("kind", [FileKind.SNAPSHOT, FileKind.INDEX])
def test_one_that_has_a_snapshot_or_an_index_is_not_new(kind: FileKind) -> None:
    backend = MemoryBackend()
    backend.contents[file_name(kind, "ab" * 32)] = b"x"
    assert not FirstLook(backend).is_new()


def test_what_cannot_be_listed_counts_as_there() -> None:
    class UnlistedBackend(MemoryBackend):
        def files(self, kind: FileKind) -> Iterator[StoredFile]:
            raise StorageRefused(f"no list of {kind}", hint="ask")

    look = FirstLook(UnlistedBackend())
    assert (look.is_new(), look.has_locks()) == (False, True)
