"""The start of a backup to one place: what may begin before the lock, and what may not."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from lpse_ops.backup.backuprun import BackupRequest, run_backup
from lpse_ops.backup.check import check_structure
from lpse_ops.backup.firstfiles import FirstLook
from lpse_ops.backup.laterepository import LateRepository
from lpse_ops.backup.locking import hold_lock
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.repository import Repository, open_repository
from lpse_ops.backup.storage.backend import FileKind
from lpse_ops.backup.storage.local import LocalBackend
from lpse_ops.cli.backup_start import locked_for_backup
from lpse_ops.cli.repository_access import Opening
from lpse_ops.errors import RepositoryLocked
from tests.backup.cheap_repository import PASSWORD


class SlowOpening:
    """Opens once it is told to."""

    def __init__(self, repository: Repository) -> None:
        self.backend = repository.backend
        self.go_on = threading.Event()
        self._repository = repository

    def finish(self) -> Repository:
        self.go_on.wait(30)
        return self._repository


@pytest.fixture
def repository(repo: Path) -> Repository:
    return open_repository(LocalBackend(repo), PASSWORD)


@pytest.fixture
def opening(repository: Repository) -> Iterator[SlowOpening]:
    opening = SlowOpening(repository)
    yield opening
    opening.go_on.set()


def start(
    opening: SlowOpening, *, may_be_late: bool = True
) -> AbstractContextManager[Repository | LateRepository]:
    look = FirstLook(opening.backend)
    return locked_for_backup(cast(Opening, opening), look, timedelta(), may_be_late=may_be_late)


@contextmanager
def locked_exclusively(repo: Path) -> Iterator[None]:
    with hold_lock(open_repository(LocalBackend(repo), PASSWORD), exclusive=True):
        yield


def request(docs: Path) -> BackupRequest:
    return BackupRequest((bytes(docs),), "lpse", datetime.now(UTC))


def test_where_nothing_is_stored_the_backup_begins_without_the_lock(
    opening: SlowOpening, repository: Repository
) -> None:
    with start(opening) as place:
        assert isinstance(place, LateRepository)
        assert repository.files(FileKind.LOCK) == []
        opening.go_on.set()
        assert place.result() is repository
        assert len(repository.files(FileKind.LOCK)) == 1
    assert repository.files(FileKind.LOCK) == []


def test_who_must_not_be_late_has_the_lock_at_once(
    opening: SlowOpening, repository: Repository
) -> None:
    opening.go_on.set()
    with start(opening, may_be_late=False) as place:
        assert place is repository
        assert len(repository.files(FileKind.LOCK)) == 1


def test_nothing_begins_while_another_holds_a_lock(opening: SlowOpening, repo: Path) -> None:
    """He may be waited for long, and who is interrupted meanwhile is to end at once."""
    opening.go_on.set()
    with locked_exclusively(repo), pytest.raises(RepositoryLocked), start(opening):
        pytest.fail("began")


def test_who_locks_after_the_look_stops_the_backup(
    opening: SlowOpening, repository: Repository, repo: Path, docs: Path
) -> None:
    with start(opening) as place, locked_exclusively(repo):
        opening.go_on.set()
        with pytest.raises(RepositoryLocked):
            run_backup(place, request(docs), SILENT, workers=1)
    assert repository.files(FileKind.LOCK) == repository.files(FileKind.PACK) == []


def test_what_another_stores_after_the_look_is_stored_once_more(
    opening: SlowOpening, repository: Repository, repo: Path, docs: Path
) -> None:
    with start(opening) as place:
        other = open_repository(LocalBackend(repo), PASSWORD)
        with hold_lock(other):
            run_backup(other, request(docs), SILENT, workers=1)
        opening.go_on.set()
        result = run_backup(place, request(docs), SILENT, workers=1)
    assert result.saved.data_blobs > 0
    assert result.snapshot.parent == ""
    assert len(repository.files(FileKind.SNAPSHOT)) == 2
    assert check_structure(repository).findings == []
