"""Makes backups through the library, as ``lpse-ops backup run`` does, for tests that judge them."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lpse_ops.backup.backuprun import BackupRequest, BackupResult, run_backup
from lpse_ops.backup.locking import hold_lock
from lpse_ops.backup.progress import SILENT
from lpse_ops.backup.repository import Repository, open_repository
from lpse_ops.backup.storage.local import LocalBackend
from tests.backup.cheap_repository import PASSWORD

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOST = "lpse-contoh"


def open_cheap(root: Path, password: str = PASSWORD) -> Repository:
    return open_repository(LocalBackend(root), password)


def store(root: Path, *paths: Path, password: str = PASSWORD, **options: Any) -> BackupResult:
    """One snapshot of ``paths``; ``options`` are fields of ``BackupRequest``."""
    repository = open_cheap(root, password)
    fields = {"hostname": HOST, "time": datetime.now(UTC), **options}
    request = BackupRequest(paths=tuple(map(os.fsencode, paths)), **fields)
    with hold_lock(repository):
        return run_backup(repository, request, SILENT)
